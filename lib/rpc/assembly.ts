/** Puts the pieces of one message together. The buffer grows with what has come, never with what was announced. */
export class Assembly {
  #data: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(first: Uint8Array) {
    this.#data = new Uint8Array(first.length * 2);
    this.append(first);
  }

  get length(): number {
    return this.#length;
  }

  /** Copies `piece` to the end. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#data.length) {
      const data = new Uint8Array(Math.max(length, this.#data.length * 2));
      data.set(this.#data.subarray(0, this.#length));
      this.#data = data;
    }
    this.#data.set(piece, this.#length);
    this.#length = length;
  }

  /** The whole message: a view of a buffer that nobody else uses. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#data.subarray(0, this.#length);
  }
}
