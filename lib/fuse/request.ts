import { type ByteString, byteString, DecodeError } from "../bytes/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import { fuse_in_header } from "./abi.ts";

const BODY = fuse_in_header.sizeof;

/** Where the kernel's requests are read to: the same bytes, once as bytes and once as little-endian words. */
export interface RequestBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array;
}

/** A buffer of `size` bytes, a multiple of 4. */
export function requestBuffer(size: number): RequestBuffer {
  const bytes = new Uint8Array(size);
  return { bytes, words: new Uint32Array(bytes.buffer) };
}

/**
 * One request, as a view of the buffer it was read to: valid until that buffer is read to again. Offsets count from the
 * end of the header, as in the tables of abi.ts.
 *
 * 64-bit values are numbers: node ids and handles are ours, and `unique` counts requests, so none reaches 2^53.
 */
export class Request {
  readonly #buffer: RequestBuffer;
  readonly #end: number;

  /** `length`: what read(2) returned, at least {@link fuse_in_header}.sizeof. */
  constructor(buffer: RequestBuffer, length: number) {
    this.#buffer = buffer;
    this.#end = length;
  }

  get opcode(): number {
    return this.#buffer.words[fuse_in_header.opcode >> 2];
  }

  get unique(): number {
    return this.#wide(fuse_in_header.unique);
  }

  get nodeId(): number {
    return this.#wide(fuse_in_header.nodeid);
  }

  get uid(): number {
    return this.#buffer.words[fuse_in_header.uid >> 2];
  }

  get gid(): number {
    return this.#buffer.words[fuse_in_header.gid >> 2];
  }

  get pid(): number {
    return this.#buffer.words[fuse_in_header.pid >> 2];
  }

  /** Throws {@link DecodeError} unless the header's length is the request's and the body has at least `size` bytes. */
  need(size: number): void {
    const length = this.#buffer.words[fuse_in_header.len >> 2];
    if (length !== this.#end) throw new DecodeError(`Cannot decode a request: ${this.#end} bytes say ${length}`);
    if (BODY + size > length) throw new DecodeError(`Cannot decode a request: ${length - BODY} of ${size} bytes`);
  }

  /** Bytes of the body. */
  get size(): number {
    return this.#end - BODY;
  }

  u32(offset: number): number {
    return this.#buffer.words[(BODY + offset) >> 2];
  }

  /** A u64 below 2^53; see the class. */
  u53(offset: number): number {
    return this.#wide(BODY + offset);
  }

  /** Seconds: an i64 within ±2^53. */
  i53(offset: number): number {
    const at = (BODY + offset) >> 2;
    return this.#buffer.words[at] + (this.#buffer.words[at + 1] | 0) * 0x1_0000_0000;
  }

  u64(offset: number): bigint {
    const at = (BODY + offset) >> 2;
    return BigInt(this.#buffer.words[at]) | BigInt(this.#buffer.words[at + 1]) << 32n;
  }

  /** A size or position in a file: EFBIG from 2^53 on, where no local file system goes either. */
  position(offset: number): number {
    const value = this.u53(offset);
    if (value > Number.MAX_SAFE_INTEGER) throw new ErrnoError(Errno.EFBIG, `go to ${value} in a file`);
    return value;
  }

  /** The NUL-terminated name that begins at `offset`, not empty. */
  name(offset: number): ByteString {
    const start = BODY + offset;
    const end = this.#buffer.bytes.indexOf(0, start);
    if (end <= start || end >= this.#end) throw new DecodeError("Cannot decode a request: a name does not end");
    return byteString(this.#buffer.bytes, start, end);
  }

  /** A view of `length` bytes at `offset`, which the caller has checked with {@link need}. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.bytes.subarray(BODY + offset, BODY + offset + length);
  }

  #wide(offset: number): number {
    const at = offset >> 2;
    return this.#buffer.words[at] + this.#buffer.words[at + 1] * 0x1_0000_0000;
  }
}
