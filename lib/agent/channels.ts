/**
 * A channel's way in: the local side asks for one (CHANNEL) → a fifo is made where the login may write, and its path and a
 * secret are the answer → another ssh of the same connection starts `cat >FIFO` → the secret comes, the fifo's name goes →
 * what follows are frames.
 *
 * By a fifo, as whoever logs in once more is a process of its own, in other namespaces than this one, perhaps of another
 * user: no second runtime is needed to bring bytes here, only sh and cat.
 */
import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  changeOwner,
  close,
  Errno,
  makeNodeAt,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  type Poller,
  POLLIN,
  read,
  S_IFIFO,
  setPipeSize,
  statPath,
  unlinkAt,
} from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { decodeNumber, encodeChannel, SECRET_BYTES } from "../protocol/mod.ts";
import { type Connection, type Incoming, ProtocolError, type ReceiveChannel } from "../rpc/mod.ts";

/** Most that may be open, or expected. */
const MAX_CHANNELS = 4;
/** How long one is expected. */
const EXPECTED_MS = 20_000;
const RECEIVE = 1 << 18;
const READS_PER_TURN = 4;
const PIPE = 1 << 20;

/** What channels are made of. */
export interface ChannelsOptions {
  readonly poller: Poller;
  readonly connection: Connection;
  /** Where the fifos are made: nobody but this user, the login and root may enter it. */
  readonly folder: string;
  /** A channel brought what the link may not bring. */
  readonly onBroken: (why: string) => void;
}

/** The further channels of the link. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #channels = new Map<number, Channel>();

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  /** Answers CHANNEL. */
  open(call: Incoming): void {
    const id = decodeNumber(call.body);
    const receiver = this.#options.connection.receiveChannel(id, () => {
      this.#channels.get(id)?.close();
      this.#channels.delete(id);
    });
    const path = fromText(`${this.#options.folder}/channel-${crypto.randomUUID()}`);
    const fd = this.#channels.size < MAX_CHANNELS ? makeFifo(path, this.#options.folder) : -Errno.EAGAIN;
    if (fd < 0) {
      receiver.end();
      return call.fail(-fd);
    }
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
    this.#channels.set(id, new Channel({ ...this.#options, receiver, fd, path, secret }));
    call.reply(encodeChannel({ path, secret }));
  }

  /** From time to time. */
  tick(): void {
    for (const channel of this.#channels.values()) channel.tick();
  }

  /** With the end of the connection. */
  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }
}

/** What one of them is made of. */
interface ChannelOptions extends ChannelsOptions {
  readonly receiver: ReceiveChannel;
  /** Of the fifo. */
  readonly fd: number;
  readonly path: ByteString;
  readonly secret: Uint8Array;
}

class Channel {
  readonly #options: ChannelOptions;
  readonly #until = performance.now() + EXPECTED_MS;
  readonly #receiver: ReceiveChannel;
  /** Bytes of the secret that have come, and were right. */
  #proven = 0;
  #named = true;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#receiver = options.receiver;
    options.poller.add(options.fd, POLLIN, () => this.#receive());
  }

  tick(): void {
    if (this.#named && performance.now() > this.#until) this.#receiver.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlink();
    this.#options.poller.remove(this.#options.fd);
    close(this.#options.fd);
  }

  #receive(): void {
    for (let i = 0; i < READS_PER_TURN && !this.#closed; i++) {
      const count = read(this.#options.fd, received);
      if (count === -Errno.EAGAIN || count === -Errno.EINTR) return;
      if (count <= 0) return this.#receiver.end();
      try {
        this.#take(received.subarray(0, count));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        return this.#options.onBroken(error.message);
      }
    }
  }

  #take(bytes: Uint8Array): void {
    const { secret } = this.#options;
    const part = bytes.subarray(0, secret.length - this.#proven);
    if (part.some((byte, index) => byte !== secret[this.#proven + index])) {
      log.debug("a channel did not know its secret");
      return this.#receiver.end();
    }
    this.#proven += part.length;
    if (this.#proven < secret.length) return;
    this.#unlink();
    if (bytes.length > part.length) this.#receiver.receive(bytes.subarray(part.length));
  }

  #unlink(): void {
    if (this.#named) unlinkAt(AT_FDCWD, this.#options.path);
    this.#named = false;
  }
}

/** All that is read is dealt with at once. */
const received = new Uint8Array(RECEIVE);

/** A fifo that is the folder's owner's, open for reading; or minus errno. */
function makeFifo(path: ByteString, folder: string): number {
  const owner = statPath(fromText(folder));
  if (typeof owner === "number") return owner;
  const made = makeNodeAt(AT_FDCWD, path, S_IFIFO | 0o600, 0);
  if (made < 0) return made;
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  const owned = fd < 0 ? fd : changeOwner(fd, owner.uid, owner.gid);
  if (owned < 0) {
    unlinkAt(AT_FDCWD, path);
    if (fd >= 0) close(fd);
    return owned;
  }
  // Refused beyond the system's limit: then it stays as it is.
  setPipeSize(fd, PIPE);
  return fd;
}
