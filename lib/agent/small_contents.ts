import type { Lz4 } from "../compression/mod.ts";
import type { FileAttr } from "../protocol/mod.ts";
import type { ReadableContent } from "./content.ts";
import { isAsIt } from "./contents.ts";
import { inodeKey, type Node } from "./nodes.ts";
import type { PackedData } from "./start_pack.ts";

/** Bytes of contents that are held for whoever is going to open the files. */
const MAX_HELD = 32 * 1024 * 1024;

/** A small file's content, in memory. */
interface Held extends ReadableContent {
  readonly stat: FileAttr;
  readonly size: number;
}

/** Contents of small files that came whole, ahead of the command. Those that came first make room for others. */
export class SmallContents {
  readonly #lz4: Lz4 | undefined;
  readonly #held = new Map<string, Held>();
  #bytes = 0;
  /** Called when a content is used for the first time: with what identifies the file, and its bytes. */
  readonly #onUse: (key: string) => void;

  /** Without `lz4`, contents must come as they are. */
  constructor(options: { lz4?: Lz4; onUse: (key: string) => void }) {
    this.#lz4 = options.lz4;
    this.#onUse = options.onUse;
  }

  /** Takes a content. Throws an Error for one that is not what it says. */
  take({ stat, bytes }: PackedData): void {
    const key = inodeKey(stat);
    const known = this.#held.get(key);
    if (known !== undefined) this.#drop(key, known);
    const content = this.#unpack(bytes, stat.size);
    this.#held.set(key, { stat, size: stat.size, read: (offset, size) => content.subarray(offset, offset + size) });
    this.#bytes += stat.size;
    for (const [oldest, held] of this.#held) {
      if (this.#bytes <= MAX_HELD) break;
      this.#drop(oldest, held);
    }
  }

  /** The content of a node, as its attributes are now; undefined where it is not here. */
  of(node: Node): ReadableContent | undefined {
    if (this.#held.size === 0 || node.writes > 0) return undefined;
    const key = inodeKey(node.attr);
    const held = this.#held.get(key);
    if (held === undefined || !isAsIt(held.stat, node.attr)) return undefined;
    this.#onUse(key);
    return held;
  }

  #drop(key: string, { size }: Held): void {
    this.#held.delete(key);
    this.#bytes -= size;
  }

  #unpack(bytes: Uint8Array, size: number): Uint8Array {
    if (bytes.length === size) return bytes.slice();
    if (this.#lz4 === undefined) throw new Error("Cannot unpack a content: packed ones were not asked for");
    return this.#lz4.decompress(bytes, size);
  }
}
