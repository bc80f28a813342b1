import { awaitReady, close, diskCallsUnderWay, Poller } from "../linux/mod.ts";

/** After so long the runtime is given a turn (timers, signals, files), however much there is to move, in ms. */
const TURN_MS = 2;
/** For so long what is about to come is waited for on this thread, in ms; the runtime stands still meanwhile. */
const PATIENCE_MS = 1;
/** So many promise steps are let happen before that: more than there are from a turn to a write. */
const STEPS = 16;

/** Who waits for a descriptor. */
interface Waiting {
  readonly events: number;
  readonly resolve: () => void;
  /** A thread waits too. */
  asleep: boolean;
}

/**
 * Waits for descriptors: first, for a moment, on this thread, which is what it takes where bytes are under way, and costs
 * a part of a wait on another thread; then on one of the runtime's pool. Either way the runtime has its turns.
 */
export class Readiness {
  readonly #poller = new Poller();
  readonly #waiting = new Map<number, Waiting>();
  readonly #runtime = new MessageChannel();
  #turnAt = performance.now();
  #turning: PromiseWithResolvers<void> | undefined;
  #isRunning = false;
  #open = 0;

  constructor() {
    this.#runtime.port1.onmessage = () => this.#turned();
  }

  /** `fd` is going to be waited for. It is closed by {@link close}. */
  add(fd: number): void {
    this.#open++;
    this.#poller.add(fd, 0, () => this.#done(fd));
  }

  /** Until `fd` is ready for `events`, or broken, or closed here. One call at a time for each descriptor. */
  until(fd: number, events: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(fd, { events, resolve, asleep: false });
      this.#poller.want(fd, events);
      if (!this.#isRunning) this.#run();
    });
  }

  /** Lets the runtime have its turn where it had none for long. */
  async giveTurn(): Promise<void> {
    if (performance.now() - this.#turnAt >= TURN_MS) await this.#turn();
  }

  /** Closes the descriptor; where a thread looks at it, when that has seen its end. */
  close(fd: number): void {
    this.#poller.remove(fd);
    const waiting = this.#waiting.get(fd);
    if (waiting?.asleep !== true) close(fd);
    this.#done(fd);
    if (--this.#open > 0) return;
    for (const port of [this.#runtime.port1, this.#runtime.port2]) port.close();
    this.#turned();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let isQuiet = false;
    while (!isQuiet && this.#awake.length > 0) {
      await this.#turn();
      // Who goes on by that turn may have something to write: nobody is to wait for it until this thread wakes up.
      for (let i = 0; i < STEPS; i++) await null;
      const isAwaited = this.#turning !== undefined;
      // Of what a disk gives another thread, only the runtime tells.
      const patience = isAwaited || diskCallsUnderWay() > 0 ? 0 : PATIENCE_MS;
      isQuiet = this.#poller.wait(patience) === 0 && !isAwaited;
    }
    this.#isRunning = false;
    for (const [fd, waiting] of this.#awake) this.#sleep(fd, waiting);
  }

  get #awake(): [number, Waiting][] {
    return [...this.#waiting].filter(([, { asleep }]) => !asleep);
  }

  async #sleep(fd: number, waiting: Waiting): Promise<void> {
    waiting.asleep = true;
    this.#poller.want(fd, 0);
    await awaitReady(fd, waiting.events);
    if (this.#waiting.get(fd) === waiting) this.#done(fd);
    else close(fd);
  }

  #done(fd: number): void {
    this.#poller.want(fd, 0);
    this.#waiting.get(fd)?.resolve();
    this.#waiting.delete(fd);
  }

  /** One turn of the runtime, by a message, as a timer takes a ms at least. */
  #turn(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    if (this.#turning === undefined) {
      this.#turning = Promise.withResolvers();
      this.#runtime.port2.postMessage(undefined);
    }
    return this.#turning.promise;
  }

  #turned(): void {
    this.#turnAt = performance.now();
    this.#turning?.resolve();
    this.#turning = undefined;
  }
}
