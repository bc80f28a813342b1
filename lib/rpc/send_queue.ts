import { ByteQueue } from "./byte_queue.ts";
import { encodeHeader, Flag, HEADER_SIZE, MAX_FRAME, pieceLength } from "./frames.ts";
import { NOT_READY } from "./types.ts";
import type { LinkWindow } from "./window.ts";

/** What a header says beside the length of its payload. */
export interface FrameHead {
  readonly kind: number;
  readonly flags?: number;
  readonly code?: number;
  readonly id?: number;
}

/** Bulk data in one order of its own; lanes take turns, a frame each. */
export interface Lane {
  /**
   * Writes the next bulk frame to the front of `into` ({@link MAX_FRAME} bytes) and returns its length; 0 when the lane
   * is empty (it must be added again to have another turn); {@link NOT_READY} to wait for {@link SendQueue.wake}.
   */
  write(into: Uint8Array): number;
}

/** Someone who waits for urgent bytes to be taken. */
interface Mark {
  /** Position in the urgent bytes of the whole connection. */
  readonly end: number;
  readonly taken: () => void;
}

/** Limit of a lane's room, and who is told that there is something to send. */
export interface SendQueueOptions {
  readonly window: LinkWindow;
  readonly now: () => number;
  readonly onPending: () => void;
}

const EMPTY = new Uint8Array(0);

/**
 * Everything that waits to be sent, in the order it goes out:
 *
 * 1. urgent frames (small messages, acknowledgements, terminals), first in, first out; they are encoded when queued;
 * 2. bulk frames while the link window is open: the lanes take turns, and each frame is made only when the pipe has
 *    room for it, straight in the pipe's buffer; after each the urgent frames come first again.
 */
export class SendQueue {
  readonly #window: LinkWindow;
  readonly #now: () => number;
  readonly #onPending: () => void;
  readonly #urgent = new ByteQueue();
  #urgentTaken = 0;
  readonly #marks: Mark[] = [];
  /** Lanes with something to send; the first is next. */
  readonly #ready = new Set<Lane>();
  readonly #parked = new Set<Lane>();
  /** onPending was called, or fill() runs: the owner will come for more. */
  #attended = false;
  #appeared = false;
  #woken = false;
  #closed = false;

  constructor(options: SendQueueOptions) {
    this.#window = options.window;
    this.#now = options.now;
    this.#onPending = options.onPending;
  }

  /** Queues an urgent frame; `payload` is copied. */
  frame(head: FrameHead, payload: Uint8Array = EMPTY): void {
    if (this.#closed) return;
    const at = this.#urgent.reserve(HEADER_SIZE + payload.length);
    writeHeader(this.#urgent.data, at, head, payload.length);
    this.#urgent.data.set(payload, at + HEADER_SIZE);
    this.#signal();
  }

  /** Queues an urgent message of any length, in pieces where it must be; `body` is copied. */
  message(head: FrameHead, body: Uint8Array): void {
    let left = body.length;
    for (let count = pieceLength(left); count < left; count = pieceLength(left)) {
      const start = body.length - left;
      this.frame({ ...head, flags: Flag.more }, body.subarray(start, start + count));
      left -= count;
    }
    this.frame(head, left === body.length ? body : body.subarray(body.length - left));
  }

  /** Urgent bytes that wait. */
  get urgentLength(): number {
    return this.#urgent.length;
  }

  /** Calls `taken` when the pipe has taken every urgent frame queued so far. */
  whenTaken(taken: () => void): void {
    if (!this.#closed) this.#marks.push({ end: this.#urgentTaken + this.#urgent.length, taken });
  }

  /** `lane` has something to send (or waits already). */
  add(lane: Lane): void {
    if (this.#closed || this.#parked.has(lane)) return;
    this.#ready.add(lane);
    this.#signal();
  }

  /** What made `lane` wait is gone from it. */
  unpark(lane: Lane): void {
    this.#parked.delete(lane);
    this.add(lane);
  }

  /** Parked lanes may have something to send. */
  wake(): void {
    this.#woken = true;
    for (const lane of this.#parked) this.#ready.add(lane);
    if (this.#parked.size > 0) this.#signal();
    this.#parked.clear();
  }

  /** The window may have opened. */
  acked(): void {
    if (this.#ready.size > 0 && this.#window.open) this.#signal();
  }

  /** See {@link Connection.fill}. */
  fill(into: Uint8Array): number {
    this.#attended = true;
    this.#appeared = false;
    this.#woken = false;
    const count = this.#fill(into);
    if (this.#closed) return 0;
    // A source that called wake() from its own pull() was parked after that.
    if (this.#woken) this.wake();
    if (count === 0) {
      this.#attended = false;
      if (this.#appeared) this.#signal();
    }
    return count;
  }

  close(): void {
    this.#closed = true;
    this.#urgent.clear();
    this.#marks.length = 0;
    this.#ready.clear();
    this.#parked.clear();
  }

  #fill(into: Uint8Array): number {
    const now = this.#now();
    let at = this.#takeUrgent(into);
    while (this.#ready.size > 0 && into.length - at >= MAX_FRAME) {
      if (!this.#window.open) {
        this.#window.blocked();
        break;
      }
      const count = this.#turn(into.subarray(at, at + MAX_FRAME));
      if (count > 0) this.#window.sent(count, now);
      at += count;
      at += this.#takeUrgent(into.subarray(at));
    }
    return at;
  }

  /** Lets the next lane write a frame; returns its length. */
  #turn(room: Uint8Array): number {
    const [lane] = this.#ready;
    this.#ready.delete(lane);
    const count = lane.write(room);
    if (count === 0) return 0;
    if (count === NOT_READY) {
      this.#ready.delete(lane);
      this.#parked.add(lane);
      return 0;
    }
    this.#ready.add(lane);
    return count;
  }

  #takeUrgent(into: Uint8Array): number {
    const count = this.#urgent.take(into);
    this.#urgentTaken += count;
    while (this.#marks.length > 0 && this.#marks[0].end <= this.#urgentTaken) this.#marks.shift()!.taken();
    return count;
  }

  #signal(): void {
    this.#appeared = true;
    if (this.#attended) return;
    this.#attended = true;
    this.#onPending();
  }
}

/** Writes the header of a frame with `length` bytes of payload to `into` at `at`. */
function writeHeader(into: Uint8Array, at: number, head: FrameHead, length: number): void {
  const { kind, flags = 0, code = 0, id = 0 } = head;
  encodeHeader(into, at, { length, kind, flags, code, id });
}
