import { DecodeError } from "../bytes/mod.ts";
import { decodePack, MAX_PART, type PackRecord, PART_HEADER } from "../protocol/mod.ts";

/** Puts the parts of an answer to WALK together again, from pieces that are cut anywhere. */
export class WalkParts {
  readonly #onRecords: (records: readonly PackRecord[], bytes: number) => void;
  readonly #header = new Uint8Array(PART_HEADER);
  #headerLength = 0;
  #part: Uint8Array | undefined;
  #filled = 0;

  /** `onRecords` takes the records of a part, and how long that was; what they refer to is valid during the call. */
  constructor(onRecords: (records: readonly PackRecord[], bytes: number) => void) {
    this.#onRecords = onRecords;
  }

  /** Throws a DecodeError for what is no part. */
  take(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) at += this.#part === undefined ? this.#head(piece, at) : this.#body(piece, at);
  }

  #head(piece: Uint8Array, at: number): number {
    const count = Math.min(PART_HEADER - this.#headerLength, piece.length - at);
    this.#header.set(piece.subarray(at, at + count), this.#headerLength);
    this.#headerLength += count;
    if (this.#headerLength < PART_HEADER) return count;
    this.#headerLength = 0;
    const length = new DataView(this.#header.buffer).getUint32(0, true);
    if (length === 0 || length > MAX_PART) throw new DecodeError(`Cannot decode a part of ${length} bytes`);
    // Most are whole in one piece.
    const whole = piece.subarray(at + count, at + count + length);
    if (whole.length === length) {
      this.#onRecords(decodePack(whole), length);
      return count + length;
    }
    this.#part = new Uint8Array(length);
    this.#filled = 0;
    return count;
  }

  #body(piece: Uint8Array, at: number): number {
    const part = this.#part!;
    const count = Math.min(part.length - this.#filled, piece.length - at);
    part.set(piece.subarray(at, at + count), this.#filled);
    this.#filled += count;
    if (this.#filled === part.length) {
      this.#part = undefined;
      this.#onRecords(decodePack(part), part.length);
    }
    return count;
  }
}
