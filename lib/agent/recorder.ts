import type { ByteString } from "../bytes/mod.ts";
import type { Touched } from "../protocol/mod.ts";
import { type Node, pathOf } from "./nodes.ts";

/** What is touched after so much is not remembered: by then no start is under way any more. */
const MAX_TOUCHED = 30_000;
const MAX_PATH = 4096;
/** Of a file of which more chunks were read, no content is wanted: it is data, and others will be next time. */
const MAX_CHUNKS = 256;

/** A name that was looked up, and what it led to. */
interface Lookup {
  readonly path: ByteString;
  readonly kind: "lookup" | "listing";
  node?: Node;
}

/**
 * What the command touches, in the order of the first time, so that the next run of it can be told ahead. A fresh mount
 * has a fresh kernel cache: whatever is touched is asked for here once.
 */
export class Recorder {
  readonly #lookups = new Map<string, Lookup>();
  /** Names that what was told ahead answered, and those that it did not. */
  hits = 0;
  misses = 0;

  /** `name` was looked up in `parent`; `node` is what was found. `told`: without asking the local side. */
  lookedUp(parent: Node, name: ByteString, found: { node?: Node; told: boolean }): void {
    const lookup = this.#add("lookup", `${pathOf(parent)}/${name}` as ByteString);
    if (lookup === undefined) return;
    lookup.node = found.node;
    if (found.told) this.hits++;
    else this.misses++;
  }

  /** A file was opened. A listing may have told the kernel of it, and then it was not looked up. */
  opened(node: Node): void {
    const lookup = this.#add("lookup", pathOf(node));
    if (lookup !== undefined) lookup.node = node;
  }

  /** A directory was listed. */
  listed(directory: Node): void {
    this.#add("listing", pathOf(directory));
  }

  /** In order. Contents are of files that were read and not written. */
  touched(): Touched[] {
    return [...this.#lookups.values()].map(({ path, kind, node }) => {
      if (kind === "listing") return { kind, path };
      const chunks = node === undefined ? [] : chunksRead(node);
      return chunks.length === 0 ? { kind: "name", path } : { kind: "content", path, chunks };
    });
  }

  #add(kind: Lookup["kind"], path: ByteString): Lookup | undefined {
    const key = `${kind} ${path}`;
    if (this.#lookups.size >= MAX_TOUCHED || path.length > MAX_PATH || !path.startsWith("/")) return undefined;
    if (this.#lookups.has(key)) return undefined;
    const lookup: Lookup = { kind, path };
    this.#lookups.set(key, lookup);
    return lookup;
  }
}

function chunksRead(node: Node): number[] {
  if (!node.isRegular || node.writes > 0 || node.chunksRead.size > MAX_CHUNKS) return [];
  return [...node.chunksRead].sort((a, b) => a - b);
}
