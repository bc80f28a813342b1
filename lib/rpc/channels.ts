import type { Calls } from "./calls.ts";
import type { Flows } from "./flows.ts";
import { FrameReader } from "./frame_reader.ts";
import { encodeTotal, type Header, HEADER_SIZE, Kind, MAX_CHANNEL } from "./frames.ts";
import { ChannelSender } from "./send_channel.ts";
import type { SendQueue } from "./send_queue.ts";
import {
  ProtocolError,
  type ReceiveChannel,
  type SendChannel,
  type SendChannelOptions,
  type Statistics,
} from "./types.ts";

/** What the channels of a connection work on. */
export interface ChannelsOptions {
  readonly queue: SendQueue;
  readonly flows: Flows;
  readonly calls: Calls;
  readonly now: () => number;
  readonly statistics: Statistics;
}

/** Further pipes of a connection, one way each: bulk replies leave by some of them, and come by others. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #sending = new Map<number, { readonly sender: ChannelSender; readonly onLeft: () => void }>();
  readonly #receiving = new Map<number, ChannelReceiver>();
  /** Ids of both kinds; those that have ended stay. */
  readonly #used = { send: new Set<number>(), receive: new Set<number>() };

  constructor(options: ChannelsOptions) {
    this.#options = options;
    options.flows.onMovable = () => this.#signal();
  }

  /** By which the peer may send. */
  get incoming(): number {
    return this.#receiving.size;
  }

  send(id: number, { onPending, onLeft }: SendChannelOptions): SendChannel {
    use(id, this.#used.send);
    const { queue, flows, now, statistics } = this.#options;
    const sender = new ChannelSender({
      queue,
      flows,
      now,
      onPending,
      onSent: (bytes) => {
        statistics.bytesOut += bytes;
        statistics.channelOut += bytes;
      },
      onLeave: () => queue.frame({ kind: Kind.leave, id }),
    });
    this.#sending.set(id, { sender, onLeft });
    return sender;
  }

  receive(id: number, onEnd: () => void): ReceiveChannel {
    use(id, this.#used.receive);
    const { queue, calls, statistics } = this.#options;
    const receiver = new ChannelReceiver({
      calls,
      statistics,
      acknowledge: (total) => queue.frame({ kind: Kind.ack, id }, encodeTotal(total)),
      onEnd: (total) => {
        this.#receiving.delete(id);
        queue.frame({ kind: Kind.left, id }, encodeTotal(total));
        onEnd();
      },
    });
    this.#receiving.set(id, receiver);
    return receiver;
  }

  onAck(id: number, total: number): void {
    this.#find(id).sender.acked(total);
  }

  onLeft(id: number, total: number): void {
    const { sender, onLeft } = this.#find(id);
    sender.left(total);
    this.#sending.delete(id);
    onLeft();
  }

  /** An id that has ended: our word of that has crossed the peer's. */
  onLeave(id: number): void {
    if (!this.#used.receive.has(id)) throw new ProtocolError(`Cannot leave channel ${id}: it is not open`);
    this.#receiving.get(id)?.end();
  }

  /** Sources of replies may have bytes. */
  wake(): void {
    for (const { sender } of this.#sending.values()) sender.wake();
  }

  close(): void {
    for (const { sender } of this.#sending.values()) sender.close();
    for (const receiver of this.#receiving.values()) receiver.end();
  }

  #find(id: number): { readonly sender: ChannelSender; readonly onLeft: () => void } {
    const found = this.#sending.get(id);
    if (found === undefined) throw new ProtocolError(`Cannot take a frame: channel ${id} is not open`);
    return found;
  }

  #signal(): void {
    for (const { sender } of this.#sending.values()) sender.signal();
  }
}

/** What a receiving end tells. */
interface ChannelReceiverOptions {
  readonly calls: Calls;
  readonly statistics: Statistics;
  readonly acknowledge: (total: number) => void;
  readonly onEnd: (total: number) => void;
}

/** A channel's receiving end: frames → pieces and ends of replies → {@link Calls}. */
class ChannelReceiver implements ReceiveChannel {
  readonly #options: ChannelReceiverOptions;
  readonly #reader = new FrameReader((header, payload) => this.#dispatch(header, payload));
  /** Bytes of whole frames that have come, and of those acknowledged. */
  #total = 0;
  #acked = 0;
  #ended = false;

  constructor(options: ChannelReceiverOptions) {
    this.#options = options;
  }

  receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    const { statistics } = this.#options;
    statistics.bytesIn += bytes.length;
    statistics.channelIn += bytes.length;
    this.#reader.read(bytes);
    if (this.#ended || this.#total === this.#acked) return;
    this.#acked = this.#total;
    this.#options.acknowledge(this.#total);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(this.#total);
  }

  #dispatch(header: Header, payload: Uint8Array): boolean {
    this.#total += HEADER_SIZE + header.length;
    if (header.kind === Kind.reply) this.#options.calls.onReply(header, payload);
    else if (header.kind === Kind.error) this.#options.calls.onErrno(header);
    else throw new ProtocolError(`Cannot take a frame of kind ${header.kind} from a channel`);
    return !this.#ended;
  }
}

function use(id: number, used: Set<number>): void {
  if (id < 1 || id > MAX_CHANNEL || used.has(id)) throw new RangeError(`Cannot open channel ${id}: it cannot be used`);
  used.add(id);
}
