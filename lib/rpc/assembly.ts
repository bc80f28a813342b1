import type { SpareBuffers } from "./spare_buffers.ts";

/** Puts the pieces of one message together. The buffer grows with what has come, never with what was announced. */
export class Assembly {
  readonly #buffers: SpareBuffers | undefined;
  #data: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** `buffers`: where memory comes from, and goes to with {@link recycle}. */
  constructor(first: Uint8Array, buffers?: SpareBuffers) {
    this.#buffers = buffers;
    this.#data = this.#room(first.length * 2);
    this.append(first);
  }

  get length(): number {
    return this.#length;
  }

  /** Copies `piece` to the end. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#data.length) {
      const before = this.#data;
      this.#data = this.#room(Math.max(length, before.length * 2));
      this.#data.set(before.subarray(0, this.#length));
      this.#buffers?.give(before);
    }
    this.#data.set(piece, this.#length);
    this.#length = length;
  }

  /** The whole message: a view of a buffer that nobody else uses, until it is recycled. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#data.subarray(0, this.#length);
  }

  /** Nobody looks at the message any more. To be called once. */
  recycle(): void {
    this.#buffers?.give(this.#data);
  }

  #room(size: number): Uint8Array<ArrayBuffer> {
    return this.#buffers?.take(size) ?? new Uint8Array(size);
  }
}
