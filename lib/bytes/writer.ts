import { type ByteString, writeByteString } from "./byte_string.ts";

/** Builds little-endian bytes in a buffer that grows. Methods return the writer, so that a layout reads as one chain. */
export class Writer {
  #data: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity = 128) {
    this.#data = new Uint8Array(capacity);
    this.#view = new DataView(this.#data.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  /** A non-negative integer below 2^53, as a u64. */
  u53(value: number): this {
    const at = this.#grow(8);
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    return this;
  }

  /** An integer within ±2^53, as an i64. */
  i53(value: number): this {
    const at = this.#grow(8);
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#data.set(value, at);
    return this;
  }

  /** A byte string of at most 65535 bytes, its length (u16) before it. */
  string16(value: ByteString): this {
    if (value.length > 0xffff) throw new RangeError(`Cannot encode a string of ${value.length} bytes: 65535 at most`);
    return this.u16(value.length).#string(value);
  }

  /** A byte string, its length (u32) before it. */
  string32(value: ByteString): this {
    return this.u32(value.length).#string(value);
  }

  /** What was written: a view, valid until the writer is used again. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#data.subarray(0, this.#length);
  }

  #string(value: ByteString): this {
    const at = this.#grow(value.length);
    writeByteString(value, this.#data, at);
    return this;
  }

  #grow(by: number): number {
    const at = this.#length;
    const length = at + by;
    if (length > this.#data.length) {
      const data = new Uint8Array(Math.max(length, this.#data.length * 2));
      data.set(this.#data);
      this.#data = data;
      this.#view = new DataView(data.buffer);
    }
    this.#length = length;
    return at;
  }
}
