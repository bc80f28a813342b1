type Buffer = Uint8Array<ArrayBuffer>;

/**
 * Buffers of one size that are used again, when all that look at one are done: fresh memory is filled with zeros, page by
 * page, and hastens the garbage collection. A buffer that is never given back is only that much memory for the collector.
 */
export class BlockBuffers {
  readonly #size: number;
  readonly #keep: number;
  readonly #spare: Buffer[] = [];
  /** How many look at a buffer, its owner among them. */
  readonly #users = new WeakMap<ArrayBuffer, number>();

  /** `size`: bytes of a buffer; `keep`: most buffers that lie idle. */
  constructor(size: number, keep: number) {
    this.#size = size;
    this.#keep = keep;
  }

  /** A buffer of `size` bytes with whatever is in it, and the caller as its first user. Only full ones are used again. */
  take(size: number): Buffer {
    if (size !== this.#size) return new Uint8Array(size);
    const buffer = this.#spare.pop() ?? new Uint8Array(size);
    this.#users.set(buffer.buffer, 1);
    return buffer;
  }

  /** One more looks at the buffer behind `view`. */
  use(view: Uint8Array): void {
    const users = this.#users.get(view.buffer as ArrayBuffer);
    if (users !== undefined) this.#users.set(view.buffer as ArrayBuffer, users + 1);
  }

  /** One of its users is done. What is no view of such a buffer is left alone. */
  release(view: Uint8Array): void {
    const buffer = view.buffer as ArrayBuffer;
    const users = this.#users.get(buffer);
    if (users === undefined) return;
    if (users > 1) {
      this.#users.set(buffer, users - 1);
      return;
    }
    this.#users.delete(buffer);
    if (this.#spare.length < this.#keep) this.#spare.push(new Uint8Array(buffer));
  }
}
