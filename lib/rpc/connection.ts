import { Calls } from "./calls.ts";
import { Channels } from "./channels.ts";
import { Flows } from "./flows.ts";
import { FrameReader } from "./frame_reader.ts";
import { ACK_INTERVAL, encodeTotal, Flag, type Header, HEADER_SIZE, Kind, MAX_FRAME, u32, u64 } from "./frames.ts";
import { IncomingCalls } from "./incoming_calls.ts";
import { SendQueue } from "./send_queue.ts";
import { Streams } from "./streams.ts";
import {
  type Call,
  type CallOptions,
  type Connection,
  type ConnectionOptions,
  type Handler,
  ProtocolError,
  type ReceiveChannel,
  type SendChannel,
  type SendChannelOptions,
  type Statistics,
  type Stream,
  type StreamOptions,
} from "./types.ts";
import { LinkWindow } from "./window.ts";

/** Least length of the buffer given to fill(). */
const MIN_FILL = 128 * 1024;

/** Makes one end of a link; it sends nothing by itself. */
export function createConnection(options: ConnectionOptions): Connection {
  return new LinkConnection(options);
}

/**
 * Bytes in: {@link FrameReader} → dispatch by kind → {@link Calls} (answers), {@link IncomingCalls} (requests),
 * {@link Streams}. Bytes out: those three → {@link SendQueue} → fill(). {@link Channels} have pipes of their own.
 */
class LinkConnection implements Connection {
  readonly #window = new LinkWindow();
  readonly #now: () => number;
  readonly #handler: Handler;
  readonly #onError: (error: unknown) => void;
  readonly #reader = new FrameReader((header, payload) => this.#dispatch(header, payload));
  readonly #queue: SendQueue;
  readonly #calls: Calls;
  readonly #incoming: IncomingCalls;
  readonly #streams: Streams;
  readonly #channels: Channels;
  readonly #statistics: Statistics;
  /** Bulk bytes received, and of those acknowledged. */
  #bulkIn = 0;
  #bulkAcked = 0;
  #broken: ProtocolError | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    const onError = (error: unknown) => options.onError?.(error);
    this.#onError = onError;
    this.#handler = options.handler;
    this.#now = options.now ?? (() => performance.now());
    const queue = new SendQueue({ window: this.#window, now: this.#now, onPending: () => options.onPending() });
    const flows = new Flows(queue);
    this.#queue = queue;
    this.#calls = new Calls({ queue, flows, onError });
    this.#incoming = new IncomingCalls({ queue, flows, handler: options.handler, onError });
    this.#streams = new Streams({ queue, onError });
    this.#statistics = {
      bytesIn: 0,
      bytesOut: 0,
      callsOut: 0,
      callsIn: 0,
      urgentQueued: 0,
      window: this.#window.size,
      minRtt: 0,
      fullTrips: 0,
      channelIn: 0,
      channelOut: 0,
    };
    const [calls, now, statistics] = [this.#calls, this.#now, this.#statistics];
    this.#channels = new Channels({ queue, flows, calls, now, statistics });
  }

  get statistics(): Readonly<Statistics> {
    this.#statistics.urgentQueued = this.#queue.urgentLength;
    return this.#statistics;
  }

  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#broken !== undefined) throw this.#broken;
    this.#statistics.bytesIn += bytes.length;
    this.#watching(() => this.#reader.read(bytes));
    if (this.#bulkIn - this.#bulkAcked >= ACK_INTERVAL) this.#acknowledge();
  }

  fill(into: Uint8Array): number {
    if (into.length < MIN_FILL) {
      throw new RangeError(`Cannot fill ${into.length} bytes: at least ${MIN_FILL} are needed`);
    }
    if (this.#closed) return 0;
    const count = this.#queue.fill(into);
    this.#statistics.bytesOut += count;
    return count;
  }

  wake(): void {
    this.#queue.wake();
    this.#channels.wake();
  }

  call(op: number, body: Uint8Array, options?: CallOptions): Call {
    this.#statistics.callsOut++;
    return this.#calls.call(op, body, options);
  }

  notify(op: number, body: Uint8Array): void {
    if (body.length > MAX_FRAME - HEADER_SIZE) {
      throw new RangeError(`Cannot notify ${op}: ${body.length} bytes do not fit one frame`);
    }
    this.#queue.frame({ kind: Kind.notify, code: op }, body);
  }

  stream(id: number, options: StreamOptions): Stream {
    const stream = this.#streams.open(id, options);
    if (this.#closed) this.#streams.close();
    return stream;
  }

  sendChannel(id: number, options: SendChannelOptions): SendChannel {
    const channel = this.#channels.send(id, options);
    if (this.#closed) this.#channels.close();
    return channel;
  }

  receiveChannel(id: number, onEnd: () => void): ReceiveChannel {
    const channel = this.#channels.receive(id, onEnd);
    if (this.#closed) this.#channels.close();
    const receive = (bytes: Uint8Array) => this.#watching(() => channel.receive(bytes));
    return { receive, end: () => channel.end() };
  }

  get channels(): number {
    return this.#channels.incoming;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#channels.close();
    this.#calls.close();
    this.#incoming.close();
    this.#streams.close();
  }

  /** Remembers that the peer has broken the rules. */
  #watching(read: () => void): void {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      read();
    } catch (error) {
      if (error instanceof ProtocolError) this.#broken = error;
      throw error;
    }
  }

  /** Deals with one frame; returns false when that closed the connection. */
  #dispatch(header: Header, payload: Uint8Array): boolean {
    if ((header.flags & Flag.bulk) !== 0) this.#bulkIn += HEADER_SIZE + header.length;
    switch (header.kind) {
      case Kind.request:
        if (this.#incoming.onRequest(header, payload)) this.#statistics.callsIn++;
        break;
      case Kind.reply:
        this.#calls.onReply(header, payload);
        break;
      case Kind.error:
        this.#calls.onErrno(header);
        break;
      case Kind.cancel:
        this.#incoming.onCancel(header.id);
        break;
      case Kind.notify:
        this.#onNotify(header.code, payload);
        break;
      case Kind.data:
        this.#streams.find(header).onData(payload);
        break;
      case Kind.credit:
        this.#streams.find(header).onCredit(u32(payload, 0));
        break;
      case Kind.end:
        this.#streams.find(header).onEnd();
        break;
      case Kind.ack:
        this.#onAck(header.id, u64(payload, 0));
        break;
      case Kind.leave:
        this.#channels.onLeave(header.id);
        break;
      case Kind.left:
        this.#channels.onLeft(header.id, u64(payload, 0));
        break;
    }
    return !this.#closed;
  }

  #onNotify(op: number, body: Uint8Array): void {
    try {
      this.#handler.notify(op, body);
    } catch (error) {
      this.#onError(error);
    }
  }

  #onAck(id: number, total: number): void {
    if (id !== 0) return this.#channels.onAck(id, total);
    this.#window.acked(total, this.#now());
    this.#statistics.window = this.#window.size;
    this.#statistics.minRtt = this.#window.minRtt;
    this.#statistics.fullTrips = this.#window.fullTrips;
    this.#queue.acked();
  }

  #acknowledge(): void {
    this.#queue.frame({ kind: Kind.ack }, encodeTotal(this.#bulkIn));
    this.#bulkAcked = this.#bulkIn;
  }
}
