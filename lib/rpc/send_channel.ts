import type { BulkReply, EndSink } from "./bulk_reply.ts";
import type { Flows, Movable } from "./flows.ts";
import { decodeHeader, encodeHeader, Flag, HEADER_SIZE, MAX_FRAME } from "./frames.ts";
import type { FrameHead, Lane, SendQueue } from "./send_queue.ts";
import { NOT_READY, ProtocolError, type SendChannel } from "./types.ts";
import { FULL, LinkWindow } from "./window.ts";

/** A frame that the peer has not acknowledged. */
interface Sent {
  /** Bytes sent up to its end. */
  readonly end: number;
  readonly frame: Uint8Array;
}

/** What a channel works on. */
export interface ChannelSenderOptions {
  readonly flows: Flows;
  /** Of the first pipe. */
  readonly queue: SendQueue;
  readonly now: () => number;
  readonly onPending: () => void;
  /** So many bytes have gone out. */
  readonly onSent: (bytes: number) => void;
  /** It is given up: the peer is to be told. */
  readonly onLeave: () => void;
}

/**
 * A channel's sending end: replies that no piece of has gone out are taken from their flows, one at a time and whole, as
 * the pipe and the channel's own window have room → each frame is kept until it is acknowledged → where the channel
 * breaks, the peer says how far it was heard, and the frames behind that go by the first pipe.
 */
export class ChannelSender implements SendChannel, EndSink {
  readonly #options: ChannelSenderOptions;
  /** There is a channel because the connection carries as much. */
  readonly #window = new LinkWindow(FULL);
  readonly #kept: Sent[] = [];
  readonly #spare: Uint8Array[] = [];
  readonly #ends: FrameHead[] = [];
  #current: Movable | undefined;
  /** The current reply waits for its source. */
  #isParked = false;
  #sent = 0;
  #acked = 0;
  #hasLeft = false;
  /** onPending was called, or fill() runs: the owner will come for more. */
  #attended = false;
  #appeared = false;
  /** Takes what is said of the current reply once the channel is gone. */
  #successor: EndSink | undefined;

  constructor(options: ChannelSenderOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#sent - this.#acked;
  }

  get acknowledged(): number {
    return this.#acked;
  }

  fill(into: Uint8Array): number {
    if (this.#hasLeft) return 0;
    this.#attended = true;
    this.#appeared = false;
    const count = this.#fill(into);
    this.#options.onSent(count);
    if (count === 0) {
      this.#attended = false;
      if (this.#appeared) this.signal();
    }
    return count;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.onLeave();
  }

  /** Sends nothing more, with the connection's end. */
  close(): void {
    this.#hasLeft = true;
  }

  frame(head: FrameHead): void {
    if (this.#successor !== undefined) return this.#successor.frame(head);
    this.#ends.push(head);
    this.signal();
  }

  /** There may be something to send. */
  signal(): void {
    this.#appeared = true;
    if (this.#attended || this.#hasLeft) return;
    this.#attended = true;
    this.#options.onPending();
  }

  /** The source of a reply may have bytes. */
  wake(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    this.signal();
  }

  /** The peer has received `total` bytes since the start. Throws ProtocolError when that cannot be. */
  acked(total: number): void {
    this.#window.acked(total, this.#options.now());
    this.#forget(total);
    this.signal();
  }

  /** The peer has received that much, and takes no more. */
  left(total: number): void {
    if (total < this.#acked || total > this.#sent) {
      throw new ProtocolError(`Cannot take ${total} bytes for the end of a channel: ${this.#sent} were sent`);
    }
    this.#hasLeft = true;
    this.#forget(total);
    const { queue, flows } = this.#options;
    const frames = this.#kept.map(({ frame }) => frame);
    const rest = new Resent({ frames, ends: this.#ends, current: this.#current, queue, flows });
    this.#successor = rest;
    queue.add(rest);
  }

  #fill(into: Uint8Array): number {
    const now = this.#options.now();
    let at = 0;
    while (into.length - at >= MAX_FRAME) {
      if (!this.#window.open) {
        this.#window.blocked();
        break;
      }
      const count = this.#next(into.subarray(at, at + MAX_FRAME));
      if (count === 0) break;
      this.#window.sent(count, now);
      this.#keep(into.subarray(at, at + count));
      at += count;
    }
    return at;
  }

  /** Writes the next frame; returns its length, 0 when there is none. */
  #next(room: Uint8Array): number {
    for (;;) {
      const end = this.#ends.shift();
      if (end !== undefined) return writeEnd(room, end);
      if (this.#isParked && this.#current?.reply.finished === false) return 0;
      this.#isParked = false;
      this.#current ??= this.#take();
      if (this.#current === undefined) return 0;
      const { reply } = this.#current;
      const count = reply.write(room);
      if (count === NOT_READY) this.#isParked = true;
      else if (reply.finished) this.#current = undefined;
      if (count > 0) return count;
    }
  }

  #take(): Movable | undefined {
    const taken = this.#options.flows.takeMovable();
    if (taken !== undefined) taken.reply.ends = this;
    return taken;
  }

  #keep(frame: Uint8Array): void {
    const memory = this.#spare.pop() ?? new Uint8Array(MAX_FRAME);
    memory.set(frame);
    this.#sent += frame.length;
    this.#kept.push({ end: this.#sent, frame: memory.subarray(0, frame.length) });
  }

  #forget(total: number): void {
    this.#acked = total;
    const count = this.#kept.findIndex(({ end }) => end > total);
    for (const { frame } of this.#kept.splice(0, count < 0 ? this.#kept.length : count)) {
      this.#spare.push(new Uint8Array(frame.buffer));
    }
  }
}

/** What did not arrive by a channel, on its way by the first pipe: frames as they were, then the rest of their last reply. */
class Resent implements Lane, EndSink {
  readonly #options: { readonly queue: SendQueue; readonly flows: Flows };
  readonly #frames: Uint8Array[];
  readonly #ends: FrameHead[];
  #current: Movable | undefined;

  constructor(
    { frames, ends, current, ...options }: {
      frames: Uint8Array[];
      ends: FrameHead[];
      current?: Movable;
      queue: SendQueue;
      flows: Flows;
    },
  ) {
    this.#options = options;
    this.#frames = frames;
    this.#ends = ends;
    this.#current = current;
    if (current !== undefined) current.reply.ends = this;
  }

  frame(head: FrameHead): void {
    this.#ends.push(head);
  }

  write(into: Uint8Array): number {
    const { queue, flows } = this.#options;
    for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
      const head = decodeHeader(frame, 0);
      if ((head.flags & Flag.bulk) !== 0) {
        into.set(frame);
        return frame.length;
      }
      queue.frame(head);
    }
    for (const head of this.#ends.splice(0)) queue.frame(head);
    this.#goOn(queue, flows);
    return 0;
  }

  #goOn(queue: SendQueue, flows: Flows): void {
    if (this.#current === undefined) return;
    const { flow, reply }: { flow: number; reply: BulkReply } = this.#current;
    this.#current = undefined;
    reply.ends = queue;
    // Its pieces are where they must be followed: it is not to move again.
    if (!reply.finished) {
      flows.add(flow, {
        write: (into) => reply.write(into),
        get finished() {
          return reply.finished;
        },
      });
    }
  }
}

function writeEnd(into: Uint8Array, head: FrameHead): number {
  const { kind, code = 0, id = 0 } = head;
  encodeHeader(into, 0, { length: 0, kind, flags: 0, code, id });
  return HEADER_SIZE;
}
