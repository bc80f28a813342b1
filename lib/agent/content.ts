import { CHUNK, chunkSize } from "../protocol/mod.ts";
import type { Chunk } from "./chunk.ts";

const EMPTY = new Uint8Array(0);

/** What a file can be read from without the local side. */
export interface ReadableContent {
  /**
   * At most `size` bytes at `offset`, fewer at the end: at once, and then valid until the next read of any content, or when
   * they have arrived. Undefined: not all of it is known, or it was not to be had; ask the local side.
   */
  read(offset: number, size: number): Uint8Array | Promise<Uint8Array | undefined> | undefined;
  /** Whether all of it is here. */
  readonly isWhole: boolean;
}

/** The content of a file as it was at one moment, as far as it is known: in chunks. */
export class Content implements ReadableContent {
  readonly size: number;
  readonly #chunks = new Map<number, Chunk>();

  /** `size`: of the file, in bytes. */
  constructor(size: number) {
    this.size = size;
  }

  /** `chunk` is the part of the file at `index` · CHUNK. */
  set(index: number, chunk: Chunk): void {
    this.#chunks.set(index, chunk);
  }

  /** Nobody reads it any more. */
  close(): void {
    for (const chunk of this.#chunks.values()) chunk.fail();
  }

  get isWhole(): boolean {
    for (let index = 0; index * CHUNK < this.size; index++) if (!this.#chunks.get(index)?.isHere) return false;
    return true;
  }

  has(index: number): boolean {
    return this.#chunks.has(index);
  }

  read(offset: number, size: number): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    const length = Math.min(size, this.size - offset);
    if (length <= 0) return EMPTY;
    const first = Math.floor(offset / CHUNK);
    const last = Math.floor((offset + length - 1) / CHUNK);
    for (let index = first; index <= last; index++) {
      const chunk = this.#chunks.get(index);
      if (chunk === undefined || chunk.failed || chunk.size !== chunkSize(this.size, index)) return undefined;
    }
    const chunk = this.#chunks.get(first)!;
    const at = offset - first * CHUNK;
    if (first === last) return chunk.readNow(at, length) ?? chunk.read(at, length);
    return this.#gather(offset, length);
  }

  async #gather(offset: number, length: number): Promise<Uint8Array | undefined> {
    const all = new Uint8Array(length);
    const parts: Promise<boolean>[] = [];
    for (let at = offset; at < offset + length;) {
      const index = Math.floor(at / CHUNK);
      const count = Math.min((index + 1) * CHUNK, offset + length) - at;
      const place = at - offset;
      parts.push(
        this.#chunks.get(index)!.read(at - index * CHUNK, count).then((part) => {
          if (part !== undefined) all.set(part, place);
          return part !== undefined;
        }),
      );
      at += count;
    }
    return (await Promise.all(parts)).every((came) => came) ? all : undefined;
  }
}
