/** Buffers as large as requests with bulk data become; smaller ones are not worth keeping. */
const MIN_SIZE = 1 << 20;
const MAX_SIZE = 1 << 22;
/** Requests of so many flows are put together at the same time without new memory. */
const KEPT = 4;

/** Buffers to use again: new ones are filled with zeros, page by page, and hasten the garbage collection. */
export class SpareBuffers {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** At least `size` bytes, with whatever is in them. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const index = this.#spare.findIndex((buffer) => buffer.length >= size);
    return index < 0 ? new Uint8Array(size) : this.#spare.splice(index, 1)[0];
  }

  /** Takes a buffer that nobody uses any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const fits = buffer.length >= MIN_SIZE && buffer.length <= MAX_SIZE;
    if (fits && this.#spare.length < KEPT) this.#spare.push(buffer);
  }
}
