import { ByteQueue } from "./byte_queue.ts";
import { encodeHeader, Flag, HEADER_SIZE, Kind, PIECE_SIZE, STREAM_WINDOW } from "./frames.ts";
import type { Lane, SendQueue } from "./send_queue.ts";
import { ProtocolError, type Stream, type StreamOptions } from "./types.ts";

/** Interactive data is cut into pieces of this length. */
const KEYSTROKES = 4096;
/** Credit is given in grants of at least this size, unless the peer has none. */
const GRANT = 64 * 1024;

/** What a stream needs of its connection. */
export interface LinkContext {
  readonly queue: SendQueue;
  readonly onError: (error: unknown) => void;
}

/** The connection's part and the owner's part. */
export interface LinkStreamOptions {
  readonly context: LinkContext;
  readonly owner: StreamOptions;
}

/** One end of a stream. What it sends goes out as urgent frames (interactive) or as a lane of the bulk data. */
export class LinkStream implements Stream, Lane {
  readonly #id: number;
  readonly #context: LinkContext;
  readonly #owner: StreamOptions;
  readonly #data = new ByteQueue();
  #credit = STREAM_WINDOW;
  #queued = 0;
  /** Bytes that the peer may still send, and those it will be allowed to with the next grant. */
  #allowance = STREAM_WINDOW;
  #grant = 0;
  #ended = false;
  #peerEnded = false;

  constructor(id: number, options: LinkStreamOptions) {
    this.#id = id;
    this.#context = options.context;
    this.#owner = options.owner;
  }

  get credit(): number {
    return this.#credit;
  }

  get queued(): number {
    return this.#queued;
  }

  send(bytes: Uint8Array): void {
    const count = bytes.length;
    if (this.#ended || count === 0) return;
    if (count > this.#credit) {
      throw new RangeError(`Cannot send ${count} bytes on stream ${this.#id}: there is credit for ${this.#credit}`);
    }
    this.#credit -= count;
    this.#queued += count;
    if (this.#owner.interactive) {
      this.#sendUrgent(bytes);
    } else {
      this.#data.append(bytes);
      this.#context.queue.add(this);
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#data.length === 0) this.#sendEnd();
  }

  consumed(count: number): void {
    const unconsumed = STREAM_WINDOW - this.#allowance - this.#grant;
    if (count > unconsumed) {
      throw new RangeError(`Cannot consume ${count} bytes of stream ${this.#id}: ${unconsumed} are unconsumed`);
    }
    this.#grant += count;
    const due = this.#grant >= GRANT || this.#allowance === 0;
    if (!due || this.#grant === 0 || this.#peerEnded) return;
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#grant, true);
    this.#context.queue.frame({ kind: Kind.credit, id: this.#id }, payload);
    this.#allowance += this.#grant;
    this.#grant = 0;
  }

  write(into: Uint8Array): number {
    const count = this.#data.take(into.subarray(HEADER_SIZE, HEADER_SIZE + PIECE_SIZE));
    if (count === 0) return 0;
    encodeHeader(into, 0, { length: count, kind: Kind.data, flags: Flag.bulk, code: 0, id: this.#id });
    if (this.#ended && this.#data.length === 0) this.#sendEnd();
    this.#onTaken(count);
    return HEADER_SIZE + count;
  }

  /** Data of the peer has come. */
  onData(bytes: Uint8Array): void {
    if (this.#peerEnded) throw new ProtocolError(`Cannot take data: stream ${this.#id} has ended`);
    if (bytes.length > this.#allowance) {
      throw new ProtocolError(
        `Cannot take ${bytes.length} bytes: stream ${this.#id} has credit for ${this.#allowance}`,
      );
    }
    this.#allowance -= bytes.length;
    this.#guard(() => this.#owner.onData?.(bytes));
  }

  /** The peer allows `count` more bytes. */
  onCredit(count: number): void {
    if (count === 0 || this.#credit + this.#queued + count > STREAM_WINDOW) {
      throw new ProtocolError(`Cannot take credit for ${count} bytes: stream ${this.#id} has sent fewer`);
    }
    if (this.#ended) return;
    this.#credit += count;
    this.#guard(() => this.#owner.onCredit?.());
  }

  /** The peer sends nothing more. */
  onEnd(): void {
    if (this.#peerEnded) throw new ProtocolError(`Cannot take an end: stream ${this.#id} has ended`);
    this.#peerEnded = true;
    this.#guard(() => this.#owner.onEnd?.());
  }

  /** The link is gone. */
  close(): void {
    this.#ended = true;
    this.#credit = 0;
    this.#queued = 0;
    this.#data.clear();
    if (!this.#peerEnded) this.onEnd();
  }

  #sendUrgent(bytes: Uint8Array): void {
    const { queue } = this.#context;
    for (let at = 0; at < bytes.length; at += KEYSTROKES) {
      const piece = bytes.subarray(at, at + KEYSTROKES);
      queue.frame({ kind: Kind.data, id: this.#id }, piece);
    }
    queue.whenTaken(() => this.#onTaken(bytes.length));
  }

  #sendEnd(): void {
    this.#context.queue.frame({ kind: Kind.end, id: this.#id });
  }

  #onTaken(count: number): void {
    this.#queued -= count;
    if (!this.#ended) this.#guard(() => this.#owner.onCredit?.());
  }

  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#context.onError(error);
    }
  }
}
