/** Memory that system calls can write to. */
export type Buffer = Uint8Array<ArrayBuffer>;

/** Buffers of one size, kept for the next user: fresh memory costs a page fault for every 4 KiB. */
export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #size: number;
  readonly #keep: number;

  /** `size`: bytes of a buffer; `keep`: most buffers that lie idle. */
  constructor(size: number, keep: number) {
    this.#size = size;
    this.#keep = keep;
  }

  /** A buffer with whatever is in it. */
  take(): Buffer {
    return this.#free.pop() ?? new Uint8Array(this.#size);
  }

  /** Gives back a buffer that nobody uses any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#keep) this.#free.push(buffer);
  }
}
