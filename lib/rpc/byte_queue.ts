const INITIAL_SIZE = 4096;
/** An emptied queue gives a larger buffer back. */
const KEPT_SIZE = 1024 * 1024;

/** Bytes in the order they came, in one buffer that grows. */
export class ByteQueue {
  #data = new Uint8Array(INITIAL_SIZE);
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  /** The buffer that {@link reserve} speaks of; another one after the next reserve(). */
  get data(): Uint8Array {
    return this.#data;
  }

  /** Adds `count` bytes at the end, for the caller to write at the returned offset of {@link data}. */
  reserve(count: number): number {
    if (this.#data.length - this.#tail < count) this.#makeRoom(count);
    const at = this.#tail;
    this.#tail += count;
    return at;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#data.set(bytes, at);
  }

  /** Moves as many bytes as fit into `into`; returns how many. */
  take(into: Uint8Array): number {
    const count = Math.min(this.length, into.length);
    if (count === 0) return 0;
    into.set(this.#data.subarray(this.#head, this.#head + count));
    this.#head += count;
    if (this.#head === this.#tail) this.#rewind();
    return count;
  }

  clear(): void {
    this.#rewind();
  }

  #rewind(): void {
    this.#head = 0;
    this.#tail = 0;
    if (this.#data.length > KEPT_SIZE) this.#data = new Uint8Array(INITIAL_SIZE);
  }

  #makeRoom(count: number): void {
    const length = this.length;
    let target = this.#data;
    if (length + count > target.length / 2) target = new Uint8Array(Math.max(length + count, target.length) * 2);
    target.set(this.#data.subarray(this.#head, this.#tail));
    this.#data = target;
    this.#head = 0;
    this.#tail = length;
  }
}
