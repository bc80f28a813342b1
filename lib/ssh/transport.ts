import { log, stderr } from "../log/mod.ts";
import { type Carrier, deafArgv } from "./argv.ts";
import { CarrierPipes } from "./carrier_pipes.ts";
import type { Readiness } from "./readiness.ts";
import { withoutRefusedChannels } from "./refused_channels.ts";

/** Bytes to and from the other machine. */
export interface Transport {
  /** The next bytes, valid until the next call; undefined at the end. One call at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the pipe has taken all of `bytes`; until then the caller leaves them alone. One call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction. Idempotent, never rejects. */
  closeWrite(): void;
  /** Ends the carrier, gently and then by force. Idempotent; {@link status} tells when it is gone. */
  kill(): void;
  /** Resolves when the carrier has ended and what it said on stderr was passed on. */
  readonly status: Promise<{ code: number }>;
}

/** How a carrier is started. */
export interface TransportOptions {
  /** Waits for its pipes. By default one of their own. */
  readonly readiness?: Readiness;
  /** What it says on stderr is for nobody. */
  readonly isSilent?: boolean;
}

/**
 * A shared connection's master (ControlPersist) keeps stderr open for long: what was said before the end is there after
 * some waits. Several, as a busy machine may let this process sleep through one, and then there has been no look at stderr.
 */
const STDERR_WAIT_MS = 10;
const STDERR_WAITS = 10;
const KILL_GRACE_MS = 2000;

/**
 * Starts the carrier with pipes on all three ends. stderr too: ssh makes what it inherits non-blocking, and an
 * inherited description is shared with us and with whoever reads our stderr.
 */
export function startTransport(carrier: Carrier, { readiness, isSilent = false }: TransportOptions = {}): Transport {
  const pipes = new CarrierPipes(readiness);
  const [program, ...args] = deafArgv(carrier, pipes.carriers);
  log.debug(`starting ${carrier.argv.join(" ")}`);
  const stderr = isSilent ? "null" : "piped";
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr }).spawn();
  return new CarrierProcess(child, { pipes, passedOn: isSilent ? undefined : passOn(child.stderr, carrier) });
}

class CarrierProcess implements Transport {
  readonly status: Promise<{ code: number }>;
  readonly #child: Deno.ChildProcess;
  readonly #pipes: CarrierPipes;
  #ended = false;
  #forceTimer: number | undefined;

  constructor(child: Deno.ChildProcess, { pipes, passedOn }: { pipes: CarrierPipes; passedOn?: PassedOn }) {
    this.#child = child;
    this.#pipes = pipes;
    this.status = this.#watch(passedOn);
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#pipes.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#pipes.write(bytes);
  }

  closeWrite(): void {
    this.#pipes.closeWrite();
  }

  kill(): void {
    // What it said last may be unread, though it has ended.
    this.#pipes.closeRead();
    if (this.#ended || this.#forceTimer !== undefined) return;
    // TERM first: at a password prompt ssh puts the terminal's echo back.
    this.#signal("SIGTERM");
    this.#forceTimer = setTimeout(() => this.#signal("SIGKILL"), KILL_GRACE_MS);
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch { /* it ended just now */ }
  }

  async #watch(stderrPassed?: PassedOn): Promise<{ code: number }> {
    const { code } = await this.#child.status;
    this.#ended = true;
    this.#pipes.ended();
    clearTimeout(this.#forceTimer);
    log.debug(`the carrier ended with status ${code}`);
    await stderrPassed?.settle();
    return { code };
  }
}

/** stderr on its way to ours. */
interface PassedOn {
  /** Waits for the rest, but not for those who hold the pipe open without writing. */
  settle(): Promise<void>;
}

function passOn(stream: ReadableStream<Uint8Array>, { socket }: Carrier): PassedOn {
  const reader = stream.getReader();
  async function copy(): Promise<void> {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      stderr.bytes(socket === undefined ? value : withoutRefusedChannels(value));
    }
  }
  const copied = copy().catch(() => {});
  return {
    async settle() {
      let waits = 0;
      const timer = setInterval(() => {
        if (++waits === STDERR_WAITS) reader.cancel().catch(() => {});
      }, STDERR_WAIT_MS);
      await copied;
      clearInterval(timer);
    },
  };
}
