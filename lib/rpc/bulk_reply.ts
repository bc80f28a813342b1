import { EIO, MAX_ERRNO } from "./errno.ts";
import type { BulkItem } from "./flows.ts";
import { encodeHeader, Flag, HEADER_SIZE, Kind, PIECE_SIZE } from "./frames.ts";
import type { FrameHead } from "./send_queue.ts";
import { type BulkSource, NOT_READY } from "./types.ts";

/** Takes the frame that ends a reply, behind its pieces. */
export interface EndSink {
  frame(head: FrameHead): void;
}

/** What a bulk reply consists of. */
export interface BulkReplyOptions {
  readonly id: number;
  readonly source: BulkSource;
  readonly ends: EndSink;
  /** It may go by a channel. */
  readonly isMovable: boolean;
  /** The last frame is queued. */
  readonly onFinished: () => void;
  readonly onError: (error: unknown) => void;
}

/** A reply that is pulled from its source, straight into the pipe's buffer. */
export class BulkReply implements BulkItem {
  readonly #options: BulkReplyOptions;
  /** Where the pieces go, their end goes. */
  ends: EndSink;
  #finished = false;

  constructor(options: BulkReplyOptions) {
    this.#options = options;
    this.ends = options.ends;
  }

  get isMovable(): boolean {
    return this.#options.isMovable;
  }

  get finished(): boolean {
    return this.#finished;
  }

  write(into: Uint8Array): number {
    if (this.#finished) return 0;
    const count = this.#pull(into.subarray(HEADER_SIZE, HEADER_SIZE + PIECE_SIZE));
    if (this.#finished) return 0;
    if (count === NOT_READY) return NOT_READY;
    const { id } = this.#options;
    if (count > 0) {
      encodeHeader(into, 0, { length: count, kind: Kind.reply, flags: Flag.more | Flag.bulk, code: 0, id });
      return HEADER_SIZE + count;
    }
    this.#finished = true;
    this.ends.frame(count === 0 ? { kind: Kind.reply, id } : { kind: Kind.error, code: -count, id });
    this.#options.onFinished();
    return 0;
  }

  /** Sends nothing more; the source gives up what it holds. */
  drop(): void {
    if (this.#finished) return;
    this.#finished = true;
    try {
      this.#options.source.cancel?.();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** What the source says, or -EIO where it throws or says something impossible. */
  #pull(into: Uint8Array): number {
    try {
      const count = this.#options.source.pull(into);
      if (count === NOT_READY || (Number.isInteger(count) && count <= into.length && count >= -MAX_ERRNO)) return count;
      throw new RangeError(`Cannot send a piece: a source returned ${count} for ${into.length} bytes of room`);
    } catch (error) {
      this.#options.onError(error);
      return -EIO;
    }
  }
}
