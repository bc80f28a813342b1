import { Errno, type Poller, POLLIN, POLLOUT, read, setNonBlocking, setPipeSize, write } from "../linux/mod.ts";
import { type Connection, ProtocolError } from "../rpc/mod.ts";
import { log } from "../log/mod.ts";

const RECEIVE = 1 << 20;
/** Small enough that what is urgent never waits behind much that was already taken out of the queues. */
const SEND = 128 * 1024;
const READS_PER_TURN = 4;
const PIPE = 1 << 20;

/** The agent's end of the byte stream: descriptors 0 and 1, moved by the poll loop. */
export class Link {
  readonly #poller: Poller;
  readonly #connection: Connection;
  readonly #onEnd: () => void;
  readonly #received = new Uint8Array(RECEIVE);
  readonly #sending = new Uint8Array(SEND);
  #sent = 0;
  #filled = 0;
  #pending = false;
  #ended = false;

  /** `onEnd` is called once, when the stream has ended or broken. */
  constructor(options: { poller: Poller; connection: Connection; onEnd: () => void }) {
    this.#poller = options.poller;
    this.#connection = options.connection;
    this.#onEnd = options.onEnd;
    for (const fd of [0, 1]) {
      setNonBlocking(fd);
      // Refused for sockets and beyond the system's limit: then the pipe stays as it is.
      setPipeSize(fd, PIPE);
    }
    this.#poller.add(0, POLLIN, () => this.#receive());
    this.#poller.add(1, 0, () => this.flush());
  }

  /** The connection has something to send: it goes out at the end of this turn of the loop. */
  pending(): void {
    this.#pending = true;
  }

  /** Whether everything handed over so far is in the pipe. */
  get isFlushed(): boolean {
    return !this.#pending && this.#sent === this.#filled;
  }

  /** Writes as much as the pipe takes. */
  flush(): void {
    while (!this.#ended) {
      if (this.#sent === this.#filled) {
        this.#filled = this.#pending ? this.#connection.fill(this.#sending) : 0;
        this.#sent = 0;
        if (this.#filled === 0) {
          this.#pending = false;
          return this.#poller.want(1, 0);
        }
      }
      const count = write(1, this.#sending.subarray(this.#sent, this.#filled));
      if (count === -Errno.EAGAIN) return this.#poller.want(1, POLLOUT);
      if (count < 0 && count !== -Errno.EINTR) return this.#end(`write errno ${-count}`);
      if (count > 0) this.#sent += count;
    }
  }

  #receive(): void {
    for (let i = 0; i < READS_PER_TURN && !this.#ended; i++) {
      const count = read(0, this.#received);
      if (count === -Errno.EAGAIN || count === -Errno.EINTR) return;
      if (count <= 0) return this.#end(count === 0 ? "end of stream" : `read errno ${-count}`);
      try {
        this.#connection.receive(this.#received.subarray(0, count));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        return this.#end(error.message);
      }
      if (count < RECEIVE / 2) return;
    }
  }

  /** It is of no further use. */
  fail(why: string): void {
    this.#end(why);
  }

  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const fd of [0, 1]) this.#poller.want(fd, 0);
    log.debug(`the link ended: ${why}`);
    this.#onEnd();
  }
}
