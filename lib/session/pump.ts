/** What the pump needs of the link. */
export interface Pipe {
  write(bytes: Uint8Array): Promise<void>;
}

/** What is to be sent. */
export interface Outgoing {
  fill(into: Uint8Array): number;
}

const SEND = 128 * 1024;

/** Moves what the connection wants to send into the pipe, one write at a time, so that urgent frames overtake between. */
export class Pump {
  readonly #pipe: Pipe;
  readonly #connection: () => Outgoing;
  readonly #onBroken: () => void;
  readonly #buffer = new Uint8Array(SEND);
  #running = false;
  #broken = false;
  #moved = Promise.withResolvers<void>();

  /** `onBroken` is called when the pipe takes nothing any more. */
  constructor(options: { pipe: Pipe; connection: () => Outgoing; onBroken: () => void }) {
    this.#pipe = options.pipe;
    this.#connection = options.connection;
    this.#onBroken = options.onBroken;
  }

  /** Whether the pipe takes nothing any more. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** Resolves when the pipe has taken more, or breaks. */
  get moved(): Promise<void> {
    return this.#moved.promise;
  }

  /** Starts when it is not running: the connection calls this when it has something to send. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#run().catch(() => {
      this.#broken = true;
      this.#turn();
      this.#onBroken();
    });
  }

  async #run(): Promise<void> {
    // The call that made something pending is still on the stack: what it adds goes out in the same write.
    await Promise.resolve();
    for (;;) {
      const count = this.#connection().fill(this.#buffer);
      if (count === 0) {
        // In the same step: what becomes pending from here on must find the pump stopped.
        this.#running = false;
        return;
      }
      await this.#pipe.write(this.#buffer.subarray(0, count));
      this.#turn();
    }
  }

  #turn(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }
}
