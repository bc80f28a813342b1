import { fuse_out_header } from "./abi.ts";
import type { ShowOwner } from "./file_system.ts";

const HEADER = fuse_out_header.sizeof;

/** The largest errno that the kernel takes in a reply; it refuses the whole reply otherwise. */
export const MAX_ERRNO = 511;

/** Shorter data is copied sooner than its address is found out. */
const MIN_TAIL = 4096;

/**
 * A message to the kernel under construction: a buffer that is used again and again, the encoders' cursor in it, and
 * little-endian stores at absolute offsets.
 */
export class Reply {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly showOwner: ShowOwner;
  readonly #words: Uint32Array;
  readonly #wide: BigUint64Array;
  #length: number = HEADER;
  #tail: Uint8Array<ArrayBuffer> | undefined;

  /** `capacity`: bytes of the largest body. `showOwner`: see FileSystem. */
  constructor(capacity: number, showOwner: ShowOwner = (owner) => owner) {
    this.showOwner = showOwner;
    this.bytes = new Uint8Array(HEADER + ((capacity + 7) & ~7));
    this.#words = new Uint32Array(this.bytes.buffer);
    this.#wide = new BigUint64Array(this.bytes.buffer);
  }

  /** What is to be sent right behind the message, as it is. */
  get tail(): Uint8Array<ArrayBuffer> | undefined {
    return this.#tail;
  }

  /** Bytes so far, the header included. */
  get length(): number {
    return this.#length;
  }

  /** Forgets the body. */
  reset(): void {
    this.#length = HEADER;
    this.#tail = undefined;
  }

  /** Makes room for `size` bytes, all 0, and returns their offset. A RangeError where the buffer ends before. */
  take(size: number): number {
    const at = this.#length;
    if (at + size > this.bytes.length) throw new RangeError(`Cannot encode a reply of ${at + size - HEADER} bytes`);
    this.bytes.fill(0, at, at + size);
    this.#length = at + size;
    return at;
  }

  /** Appends a copy of `data`. */
  append(data: Uint8Array): void {
    const at = this.#length;
    if (at + data.length > this.bytes.length) {
      throw new RangeError(`Cannot encode a reply of ${at + data.length - HEADER} bytes`);
    }
    this.bytes.set(data, at);
    this.#length = at + data.length;
  }

  /** Ends the body with `data`: a copy, or what is worth no copy itself, as {@link tail}. */
  end(data: Uint8Array): void {
    if (data.length < MIN_TAIL) return this.append(data);
    if (this.#length + data.length > this.bytes.length) {
      throw new RangeError(`Cannot encode a reply of ${this.#length + data.length - HEADER} bytes`);
    }
    this.#tail = data as Uint8Array<ArrayBuffer>;
  }

  u16(at: number, value: number): void {
    this.bytes[at] = value;
    this.bytes[at + 1] = value >> 8;
  }

  u32(at: number, value: number): void {
    this.#words[at >> 2] = value;
  }

  /** An integer within ±2^53, as an i64 or u64. */
  u53(at: number, value: number): void {
    this.#words[at >> 2] = value;
    this.#words[(at >> 2) + 1] = Math.floor(value / 0x1_0000_0000);
  }

  u64(at: number, value: bigint): void {
    this.#wide[at >> 3] = value;
  }

  /** Writes the header of an answer to `unique` and returns the message up to its tail, valid until the next use. */
  finish(unique: number): Uint8Array<ArrayBuffer> {
    return this.#finish(unique, 0);
  }

  /** An answer without a body: a positive errno of at most {@link MAX_ERRNO}. */
  fail(unique: number, errno: number): Uint8Array<ArrayBuffer> {
    this.reset();
    return this.#finish(unique, -errno);
  }

  #finish(unique: number, error: number): Uint8Array<ArrayBuffer> {
    this.u32(fuse_out_header.len, this.#length + (this.#tail?.length ?? 0));
    this.u32(fuse_out_header.error, error);
    this.u53(fuse_out_header.unique, unique);
    return this.bytes.subarray(0, this.#length);
  }
}
