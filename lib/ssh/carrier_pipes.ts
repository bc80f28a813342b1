/**
 * Our ends of the carrier's stdin and stdout, moved by system calls of this thread: a byte costs half the CPU time that it
 * does in the runtime's streams. Waiting is left to {@link Readiness}.
 */
import {
  close,
  Errno,
  errnoName,
  makePipe,
  POLLIN,
  POLLOUT,
  read,
  setNonBlocking,
  setPipeSize,
  write,
} from "../linux/mod.ts";
import { Readiness } from "./readiness.ts";

/** What one call takes; more would not stay in the processor's cache until it is dealt with. */
const READ_BYTES = 256 * 1024;
/** The most that a pipe can hold where nobody has changed the limit: the fuller it gets, the fewer are the wake-ups. */
const PIPE = 1 << 20;
const CLOSED = -1;

export class CarrierPipes {
  /** The carrier's ends, to be opened by it through this process's /proc entry. */
  readonly carriers: { readonly stdin: number; readonly stdout: number };
  readonly #readiness: Readiness;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #in: number;
  #out: number;
  #areOursAlone = false;
  #writing = false;
  #writeClosed = false;

  /** `readiness`: what waits for the pipes, perhaps for others too. Throws an Error where there are no descriptors left. */
  constructor(readiness: Readiness = new Readiness()) {
    this.#readiness = readiness;
    const input = makeLargePipe();
    const output = makeLargePipe();
    this.#in = output.readEnd;
    this.#out = input.writeEnd;
    this.carriers = { stdin: input.readEnd, stdout: output.writeEnd };
    for (const fd of [this.#in, this.#out]) {
      setNonBlocking(fd);
      this.#readiness.add(fd);
    }
  }

  /** The next bytes, valid until the next call; undefined at the end, and after {@link closeRead}. */
  async read(): Promise<Uint8Array | undefined> {
    await this.#readiness.giveTurn();
    while (this.#in !== CLOSED) {
      const count = read(this.#in, this.#buffer);
      if (count > 0) {
        this.#started();
        return this.#buffer.subarray(0, count);
      }
      if (count === -Errno.EAGAIN) await this.#readiness.until(this.#in, POLLIN);
      else if (count === 0) this.closeRead();
      else if (count !== -Errno.EINTR) throw new Error(`Cannot read from the carrier: ${errnoName(-count)}`);
    }
    return undefined;
  }

  /** Resolves when the pipe has taken all of `bytes`; rejects when nobody takes them. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writing = true;
    try {
      for (let done = 0; done < bytes.length;) {
        if (this.#writeClosed) throw new Error("Cannot write to the carrier: the pipe is closed");
        const count = write(this.#out, bytes.subarray(done) as Uint8Array<ArrayBuffer>);
        if (count >= 0) done += count;
        else if (count === -Errno.EAGAIN) await this.#readiness.until(this.#out, POLLOUT);
        else if (count !== -Errno.EINTR) throw new Error(`Cannot write to the carrier: ${errnoName(-count)}`);
      }
      // Not before: somebody may be waiting for this answer.
      await this.#readiness.giveTurn();
    } finally {
      this.#writing = false;
      if (this.#writeClosed) this.#closeOut();
    }
  }

  /** Ends our direction. Idempotent. */
  closeWrite(): void {
    this.#writeClosed = true;
    if (!this.#writing) this.#closeOut();
  }

  /** Nothing more is read; who waits for it has the end. Idempotent. */
  closeRead(): void {
    if (this.#in !== CLOSED) this.#readiness.close(this.#in);
    this.#in = CLOSED;
  }

  /** The carrier is gone: what it left can be read to the end, and nothing can be written. */
  ended(): void {
    this.#started();
    this.closeWrite();
  }

  #closeOut(): void {
    if (this.#out !== CLOSED) this.#readiness.close(this.#out);
    this.#out = CLOSED;
  }

  /** The carrier has its ends. While this process has them too, neither the end nor that nobody reads can be seen. */
  #started(): void {
    if (this.#areOursAlone) return;
    this.#areOursAlone = true;
    close(this.carriers.stdin);
    close(this.carriers.stdout);
  }
}

function makeLargePipe(): { readEnd: number; writeEnd: number } {
  const pipe = makePipe();
  if (typeof pipe === "number") throw new Error(`Cannot make a pipe: ${errnoName(-pipe)}`);
  // Refused where this user has many large ones: then it stays as it is.
  setPipeSize(pipe.readEnd, PIPE);
  return pipe;
}
