import type { Lz4 } from "../compression/mod.ts";
import type { FileAttr } from "../protocol/mod.ts";
import type { ReadableContent } from "./content.ts";
import { isAsIt } from "./contents.ts";
import { inodeKey, type Node } from "./nodes.ts";
import type { PackedData } from "./start_pack.ts";

/** Bytes of contents that are held for whoever is going to open the files. */
const MAX_HELD = 32 * 1024 * 1024;

/** A small file's content, in memory. */
export interface HeldContent extends ReadableContent {
  readonly stat: FileAttr;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it was given to the cache. */
  isKept: boolean;
}

/** Contents of small files that came whole, ahead of the command. Those that came first make room for others. */
export class SmallContents {
  readonly #lz4: Lz4 | undefined;
  readonly #held = new Map<string, HeldContent>();
  #bytes = 0;

  /** Without `lz4`, contents must come as they are. */
  constructor(lz4?: Lz4) {
    this.#lz4 = lz4;
  }

  /** Takes a content. Throws an Error for one that is not what it says. */
  take({ stat, bytes }: PackedData): void {
    const key = inodeKey(stat);
    const known = this.#held.get(key);
    if (known !== undefined) this.#drop(key, known);
    const content = this.#unpack(bytes, stat.size);
    const read = (offset: number, size: number) => content.subarray(offset, offset + size);
    this.#held.set(key, { stat, bytes: content, isKept: false, isWhole: true, read });
    this.#bytes += content.length;
    for (const [oldest, held] of this.#held) {
      if (this.#bytes <= MAX_HELD) break;
      this.#drop(oldest, held);
    }
  }

  /** The content of a node, as its attributes are now; undefined where it is not here. */
  of(node: Node): HeldContent | undefined {
    if (this.#held.size === 0 || node.writes > 0 || node.pending > 0) return undefined;
    const held = this.#held.get(inodeKey(node.attr));
    return held !== undefined && isAsIt(held.stat, node.attr) ? held : undefined;
  }

  #drop(key: string, { bytes }: HeldContent): void {
    this.#held.delete(key);
    this.#bytes -= bytes.length;
  }

  #unpack(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
    if (bytes.length === size) return bytes.slice();
    if (this.#lz4 === undefined) throw new Error("Cannot unpack a content: packed ones were not asked for");
    return this.#lz4.decompress(bytes, size);
  }
}
