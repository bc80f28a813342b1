import type { ByteString } from "../bytes/mod.ts";
import { type LookupOut, MAX_PAGE } from "../protocol/mod.ts";
import type { Directories } from "./directories.ts";
import type { Node } from "./nodes.ts";

/**
 * A directory is fetched whole by its second lookup within this time, and believed for as long. Where the local side tells
 * of changes, time does not matter.
 */
const VALID_MS = 1000;
/** A larger directory than these pages hold is not fetched again. */
const MAX_PAGES = 4;

/** What a directory held at a moment: every name, so that one that is not in it does not exist. */
interface Snapshot {
  readonly entries: Map<ByteString, LookupOut | undefined>;
  /** performance.now() when it was asked for: no older than that. */
  readonly asOf: number;
}

/** What is known of one directory. */
interface Watched {
  lastLookup: number;
  fetching: boolean;
  tooLarge: boolean;
  snapshot: Snapshot | undefined;
  /** Grows with our own changes: what was asked for before one is not believed. */
  changes: number;
}

/** An answer to a lookup. `found` is undefined where the name does not exist. */
export interface Known {
  readonly found: LookupOut | undefined;
  readonly asOf: number;
}

/**
 * Whole directories in place of single lookups: programs look up many names in few directories (libraries, modules, the
 * files of a tree), and at 20 ms a hundred lookups are two seconds, while a directory of a thousand names comes in one
 * round trip. The first lookup in a directory asks for its name only; the second one has the directory fetched beside it.
 */
export class Snapshots {
  readonly #directories: Directories;
  readonly #watched = new WeakMap<Node, Watched>();
  /** performance.now() of the last {@link doubt}. */
  #doubted = -Infinity;

  constructor(directories: Directories) {
    this.#directories = directories;
  }

  /** What is known of `name`, or nothing: then the local side must be asked. */
  find(directory: Node, name: ByteString): Known | undefined {
    const watched = this.#watch(directory);
    const now = performance.now();
    const { snapshot } = watched;
    const leased = this.#directories.isLeased(directory);
    const recent = now - watched.lastLookup < (leased ? Infinity : VALID_MS);
    watched.lastLookup = now;
    const old = snapshot !== undefined && !leased && now - snapshot.asOf >= VALID_MS;
    if (snapshot === undefined || old || snapshot.asOf <= this.#doubted) {
      watched.snapshot = undefined;
      if (recent && !watched.fetching && !watched.tooLarge) this.#fetch(directory, watched);
      return undefined;
    }
    if (!snapshot.entries.has(name)) return { found: undefined, asOf: snapshot.asOf };
    // Seen in the listing, but gone before it could be looked at, or the like: ask.
    const found = snapshot.entries.get(name);
    return found && { found, asOf: snapshot.asOf };
  }

  /** Something is not there any more: what the kernel asks next must not be answered by what was known before. */
  doubt(): void {
    this.#doubted = performance.now();
  }

  /** The local side told what became of a name; what is known of the others is as true as before. */
  told(directory: Node, name: ByteString, found: LookupOut | undefined): void {
    const watched = this.#watched.get(directory);
    if (watched === undefined) return;
    watched.changes++;
    if (watched.snapshot === undefined) return;
    const { entries } = watched.snapshot;
    if (found === undefined) entries.delete(name);
    else entries.set(name, found);
    watched.snapshot = { entries, asOf: performance.now() };
  }

  /** We changed something in the directory. */
  changed(directory: Node): void {
    const watched = this.#watched.get(directory);
    if (watched === undefined) return;
    watched.changes++;
    watched.snapshot = undefined;
  }

  #watch(directory: Node): Watched {
    let watched = this.#watched.get(directory);
    if (watched === undefined) {
      watched = { lastLookup: -Infinity, fetching: false, tooLarge: false, snapshot: undefined, changes: 0 };
      this.#watched.set(directory, watched);
    }
    return watched;
  }

  #fetch(directory: Node, watched: Watched): void {
    const { changes } = watched;
    const dir = this.#directories.number(directory);
    const asOf = performance.now();
    watched.fetching = true;
    this.#read(dir).then((entries) => {
      watched.tooLarge = entries === undefined;
      if (entries !== undefined && watched.changes === changes) watched.snapshot = { entries, asOf };
    }).catch(() => {
      // A directory that may be searched but not read. Lookups go on one by one.
      watched.tooLarge = true;
    }).finally(() => watched.fetching = false);
  }

  /** The directory's entries, or undefined when there are too many. */
  async #read(dir: number): Promise<Map<ByteString, LookupOut | undefined> | undefined> {
    const entries = new Map<ByteString, LookupOut | undefined>();
    let cookie = 0n;
    for (let i = 0; i < MAX_PAGES; i++) {
      const page = await this.#directories.page({ dir, cookie, budget: MAX_PAGE });
      for (const { name, stat, target } of page.entries) entries.set(name, stat && { stat, target });
      if (page.end) return entries;
      cookie = page.entries[page.entries.length - 1].cookie;
    }
    return undefined;
  }
}
