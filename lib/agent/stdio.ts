import { close, Errno, type Poller, POLLIN, POLLOUT, read, write } from "../linux/mod.ts";
import type { Connection, Stream } from "../rpc/mod.ts";

const CHUNK = 64 * 1024;
const buffer = new Uint8Array(CHUNK);

/** What both directions need. Every descriptor is nonblocking and closed here in the end. */
export interface StdioOptions {
  readonly poller: Poller;
  readonly connection: Connection;
  readonly fd: number;
  /** The stream's number. */
  readonly id: number;
  /** A terminal's bytes overtake bulk data. */
  readonly interactive: boolean;
  /** Of an outlet: until what the command has done so far is made on the local side; undefined: it is. */
  readonly made?: () => Promise<void> | undefined;
}

/**
 * Sends what the command writes. Reads only as much as the local side has given credit for, so a command that writes
 * faster than the link carries waits in write(2), as it does on a slow pipe. Whoever reads it finds what the command did
 * before it said so: what a pipe brings is held until that is made.
 */
export class Outlet {
  readonly #options: StdioOptions;
  readonly #stream: Stream;
  #open = true;
  /** Something was read that waits to be sent: what comes next, the end too, waits behind it. */
  #isHeld = false;

  constructor(options: StdioOptions) {
    this.#options = options;
    const { poller, connection, fd, id, interactive } = options;
    this.#stream = connection.stream(id, { interactive, onCredit: () => this.#wait() });
    poller.add(fd, POLLIN, () => this.#send());
  }

  /** Whether the command's last byte has been handed to the link. */
  get isDrained(): boolean {
    return !this.#open && this.#stream.queued === 0;
  }

  /** Nobody reads on the local side: the command is to notice, by SIGPIPE or EPIPE. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.poller.remove(this.#options.fd);
    close(this.#options.fd);
    this.#stream.end();
  }

  #send(): void {
    const count = read(this.#options.fd, buffer.subarray(0, Math.min(CHUNK, this.#stream.credit)));
    if (count === -Errno.EAGAIN || count === -Errno.EINTR) return;
    // EIO is how a terminal says that its other end is closed.
    if (count <= 0) return this.close();
    const made = this.#options.made?.();
    if (made === undefined) {
      this.#stream.send(buffer.subarray(0, count));
      return this.#wait();
    }
    const bytes = buffer.slice(0, count);
    this.#isHeld = true;
    this.#options.poller.want(this.#options.fd, 0);
    made.then(() => {
      this.#isHeld = false;
      if (!this.#open) return;
      this.#stream.send(bytes);
      this.#wait();
    });
  }

  /** Also called when there is credit again, in the middle of anything. */
  #wait(): void {
    if (this.#open && !this.#isHeld) this.#options.poller.want(this.#options.fd, this.#stream.credit > 0 ? POLLIN : 0);
  }
}

/** Gives the command what arrives for it. */
export class Inlet {
  readonly #options: StdioOptions;
  readonly #stream: Stream;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  #ended = false;
  #open = true;

  constructor(options: StdioOptions) {
    this.#options = options;
    const { poller, connection, fd, id, interactive } = options;
    this.#stream = connection.stream(id, {
      interactive,
      onData: (bytes) => this.#take(bytes),
      onEnd: () => {
        this.#ended = true;
        this.#write();
      },
    });
    poller.add(fd, 0, () => this.#write());
  }

  #take(bytes: Uint8Array): void {
    if (!this.#open) return this.#stream.consumed(bytes.length);
    this.#queue.push(bytes.slice());
    this.#write();
  }

  #write(): void {
    // Closed, the descriptor may be somebody else's by now.
    if (!this.#open) return;
    const { poller, fd } = this.#options;
    while (this.#queue.length > 0) {
      const count = write(fd, this.#queue[0]);
      if (count === -Errno.EAGAIN || count === -Errno.EINTR) return poller.want(fd, POLLOUT);
      // EPIPE: the command closed its input. What still arrives is thrown away, as a closed pipe would.
      if (count < 0) return this.#close();
      this.#stream.consumed(count);
      if (count === this.#queue[0].length) this.#queue.shift();
      else this.#queue[0] = this.#queue[0].subarray(count);
    }
    poller.want(fd, 0);
    if (this.#ended) this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const bytes of this.#queue) this.#stream.consumed(bytes.length);
    this.#queue.length = 0;
    this.#options.poller.remove(this.#options.fd);
    close(this.#options.fd);
  }
}
