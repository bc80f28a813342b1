import type { BulkItem } from "./flows.ts";
import { encodeHeader, Flag, HEADER_SIZE, Kind, pieceLength } from "./frames.ts";
import { NOT_READY } from "./types.ts";

/** What a request with bulk data consists of. */
export interface BulkRequestOptions {
  readonly id: number;
  readonly op: number;
  readonly body: Uint8Array;
  readonly data: Uint8Array;
  /** Asked once, before the first piece: whether the peer has room for another request of this size. */
  readonly admit: () => boolean;
}

/** A request whose body and data go out as pieces of one message. */
export class BulkRequest implements BulkItem {
  readonly #options: BulkRequestOptions;
  readonly #size: number;
  #written = 0;
  #started = false;

  constructor(options: BulkRequestOptions) {
    this.#options = options;
    this.#size = options.body.length + options.data.length;
  }

  /** The peer knows of it. */
  get started(): boolean {
    return this.#started;
  }

  get finished(): boolean {
    return this.#started && this.#written === this.#size;
  }

  write(into: Uint8Array): number {
    if (!this.#started && !this.#options.admit()) return NOT_READY;
    this.#started = true;
    const { id, op, body, data } = this.#options;
    const left = this.#size - this.#written;
    const length = pieceLength(left);
    const flags = length < left ? Flag.more | Flag.bulk : Flag.bulk;
    encodeHeader(into, 0, { length, kind: Kind.request, flags, code: op, id });
    const head = body.subarray(this.#written, this.#written + length);
    const dataAt = Math.max(0, this.#written - body.length);
    into.set(head, HEADER_SIZE);
    into.set(data.subarray(dataAt, dataAt + length - head.length), HEADER_SIZE + head.length);
    this.#written += length;
    return HEADER_SIZE + length;
  }
}
