import type { ByteString } from "../bytes/mod.ts";
import type { Touched } from "../protocol/mod.ts";
import { type Node, pathOf } from "./nodes.ts";

/** What is touched after so much is not remembered: by then no start is under way any more. */
const MAX_TOUCHED = 30_000;
const MAX_PATH = 4096;
/** A file of which less than this part was read is not wanted whole, unless it is small. */
const WHOLE_PART = 1 / 4;
const SMALL = 256 * 1024;

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

  /** A directory was listed. */
  listed(directory: Node): void {
    this.#add("listing", pathOf(directory));
  }

  /** In order. Contents are of files that were read, mostly whole, and not written. */
  touched(): Touched[] {
    return [...this.#lookups.values()].map(({ path, kind, node }) => {
      if (kind === "listing") return { kind, path };
      return { kind: node !== undefined && wasRead(node) ? "content" : "name", path };
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

function wasRead(node: Node): boolean {
  if (!node.isRegular || node.bytesRead === 0 || node.writes > 0) return false;
  return node.attr.size <= SMALL || node.bytesRead >= node.attr.size * WHOLE_PART;
}
