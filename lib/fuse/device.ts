import { Errno, ErrnoError, read, write, writeBoth } from "../linux/mod.ts";
import { MAX_WRITE } from "./init.ts";
import { type RequestBuffer, requestBuffer } from "./request.ts";

/** A WRITE of the largest size behind its header and fuse_write_in; the kernel refuses to read into less. */
const BUFFER_SIZE = MAX_WRITE + 4096;
/** Requests taken before others in the poll loop get their turn. */
const REQUESTS_A_TURN = 32;
/** Buffers kept for reuse: as many as write-back has under way. */
const SPARE_BUFFERS = 16;

/** What becomes of what the device gives. */
export interface Receiver {
  /** One request of `length` bytes. True: the buffer is kept, until it comes back by {@link Device.recycle}. */
  receive(buffer: RequestBuffer, length: number): boolean;
  /** Nothing comes any more: the file system is unmounted, or reading failed. Called once. */
  end(error?: Error): void;
}

/**
 * A mounted /dev/fuse, nonblocking, with one reader: this one. The descriptor stays the owner's, who polls it for
 * POLLIN and closes it.
 */
export class Device {
  readonly #fd: number;
  readonly #receiver: Receiver;
  readonly #spare: RequestBuffer[] = [];
  #buffer = requestBuffer(BUFFER_SIZE);
  #ended = false;

  constructor(fd: number, receiver: Receiver) {
    this.#fd = fd;
    this.#receiver = receiver;
  }

  /** Reads requests until there are none, or a turn's worth. To be called on any event of the descriptor. */
  readable(): void {
    for (let i = 0; i < REQUESTS_A_TURN && !this.#ended; i++) {
      const length = read(this.#fd, this.#buffer.bytes);
      if (length > 0) {
        const kept = this.#receiver.receive(this.#buffer, length);
        if (kept) this.#buffer = this.#spare.pop() ?? requestBuffer(BUFFER_SIZE);
      } else if (length === -Errno.EAGAIN) {
        return;
      } else if (length !== -Errno.EINTR && length !== -Errno.ENOENT) {
        // ENOENT is a request that was given up while it was copied.
        this.#end(length);
      }
    }
  }

  /** Writes one message, which may go on in `tail`. 0, or minus errno: ENOENT where nobody waits for it (any more). */
  send(message: Uint8Array<ArrayBuffer>, tail?: Uint8Array<ArrayBuffer>): number {
    return Math.min(0, tail === undefined ? write(this.#fd, message) : writeBoth(this.#fd, message, tail));
  }

  /** Takes back a buffer that was kept. */
  recycle(buffer: RequestBuffer): void {
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
  }

  #end(result: number): void {
    this.#ended = true;
    const unmounted = result === -Errno.ENODEV || result === 0;
    this.#receiver.end(unmounted ? undefined : new ErrnoError(-result, "read the FUSE device"));
  }
}
