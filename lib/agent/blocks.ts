import type { Lz4 } from "../compression/mod.ts";
import { BLOCK_HEADER, decodeBlockHeader } from "../protocol/mod.ts";

/** Puts the blocks of a FETCH together again, from pieces that are cut anywhere. */
export class Blocks {
  readonly #lz4: Lz4;
  readonly #onBytes: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly #header = new Uint8Array(BLOCK_HEADER);
  #headerLength = 0;
  #block: Uint8Array<ArrayBuffer> | undefined;
  /** Of the block, unpacked. */
  #length = 0;
  #filled = 0;

  /** `onBytes` takes the file's bytes in order, and owns them. */
  constructor(lz4: Lz4, onBytes: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#lz4 = lz4;
    this.#onBytes = onBytes;
  }

  /** Throws an Error for what is no block. */
  take(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      at += this.#block === undefined ? this.#head(piece, at) : this.#body(piece, at);
    }
  }

  #head(piece: Uint8Array, at: number): number {
    const count = Math.min(BLOCK_HEADER - this.#headerLength, piece.length - at);
    this.#header.set(piece.subarray(at, at + count), this.#headerLength);
    this.#headerLength += count;
    if (this.#headerLength < BLOCK_HEADER) return count;
    const { length, packed } = decodeBlockHeader(this.#header);
    this.#headerLength = 0;
    this.#block = new Uint8Array(packed);
    this.#length = length;
    this.#filled = 0;
    return count;
  }

  #body(piece: Uint8Array, at: number): number {
    const block = this.#block!;
    const count = Math.min(block.length - this.#filled, piece.length - at);
    block.set(piece.subarray(at, at + count), this.#filled);
    this.#filled += count;
    if (this.#filled < block.length) return count;
    this.#block = undefined;
    this.#onBytes(block.length === this.#length ? block : this.#lz4.decompress(block, this.#length));
    return count;
  }
}
