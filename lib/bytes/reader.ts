import { type ByteString, byteString } from "./byte_string.ts";

/** Bytes from outside that do not have the layout they must have. */
export class DecodeError extends Error {
  override name = "DecodeError";
}

/**
 * A cursor over little-endian bytes. Every method takes what it returns off the front and throws {@link DecodeError}
 * where fewer bytes are left than it needs. Views returned by {@link Reader.bytes} share the buffer.
 */
export class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** Bytes not yet taken. */
  get left(): number {
    return this.#data.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A u64 that must fit a number exactly (sizes, offsets): above 2^53 - 1 is malformed. */
  u53(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high > 0x1fffff) throw new DecodeError(`Cannot decode a size: ${high.toString(16)}… is beyond 2^53`);
    return this.#view.getUint32(at, true) + high * 0x1_0000_0000;
  }

  /** An i64 that must fit a number exactly (seconds). */
  i53(): number {
    const at = this.#take(8);
    const high = this.#view.getInt32(at + 4, true);
    if (high > 0x1fffff || high < -0x200000) throw new DecodeError("Cannot decode a time: it is beyond 2^53 seconds");
    return this.#view.getUint32(at, true) + high * 0x1_0000_0000;
  }

  /** A u64 whose every bit counts (inode numbers, unique ids). */
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#data.subarray(at, at + length);
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** A byte string with its length before it (u16). */
  string16(): ByteString {
    return this.#string(this.u16());
  }

  /** A byte string with its length before it (u32). */
  string32(): ByteString {
    return this.#string(this.u32());
  }

  /** Throws unless everything was taken: a message with a tail is malformed. */
  end(): void {
    if (this.left !== 0) throw new DecodeError(`Cannot decode a message: ${this.left} bytes too long`);
  }

  #string(length: number): ByteString {
    const at = this.#take(length);
    return byteString(this.#data, at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#data.length - at) {
      throw new DecodeError(`Cannot decode a message: ${length} bytes wanted, ${this.#data.length - at} left`);
    }
    this.#at = at + length;
    return at;
  }
}
