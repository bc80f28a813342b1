import type { ByteString } from "../bytes/mod.ts";
import { decodePage, encodeReadDir, FileOp, type LookupOut, MAX_PAGE } from "../protocol/mod.ts";
import type { Directories } from "./directories.ts";
import type { Node } from "./nodes.ts";

/**
 * A directory is fetched whole by its second lookup within this time, and believed for as long. Where the local side tells
 * of changes, time does not matter.
 */
const VALID_MS = 1000;
/** A larger directory than these pages hold is not fetched again. */
const MAX_PAGES = 16;
/** What a directory may grow to before it is not kept whole any more: about as much as those pages hold. */
const MAX_NAMES = 1 << 15;

/**
 * Names, and what they stand for; or the performance.now() since when that must be asked for: seen in the listing, but gone
 * before it could be looked at, or changed by us.
 */
type Entries = Map<ByteString, LookupOut | number>;

/** What a directory held at a moment: every name, so that one that is not in it does not exist. */
interface Snapshot {
  readonly entries: Entries;
  /** performance.now() when it was asked for: no older than that. */
  readonly asOf: number;
}

/** What is known of one directory. */
interface Watched {
  lastLookup: number;
  fetching: boolean;
  tooLarge: boolean;
  snapshot: Snapshot | undefined;
  /** Names that changed while the directory is being fetched: what the listing says of them may be older. */
  readonly doubtful: Set<ByteString>;
  /** What is being fetched is not to be believed at all. */
  outdated: boolean;
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
    const found = snapshot.entries.get(name);
    return typeof found === "number" ? undefined : { found, asOf: snapshot.asOf };
  }

  /** Something is not there any more: what the kernel asks next must not be answered by what was known before. */
  doubt(): void {
    this.#doubted = performance.now();
  }

  /**
   * The local side told what became of a name; what is known of the others is as true as before. `time`: when that came. It
   * may have been told before a change of ours whose answer came with it.
   */
  told(directory: Node, name: ByteString, found: LookupOut | undefined, time: number): void {
    const watched = this.#doubtName(directory, name);
    if (watched?.snapshot === undefined) return;
    const { entries } = watched.snapshot;
    const known = entries.get(name);
    if (typeof known === "number" && known >= time) return;

    if (found === undefined) entries.delete(name);
    else entries.set(name, found);
    watched.snapshot = { entries, asOf: performance.now() };
  }

  /** We change what a name stands for. */
  changed(directory: Node, name: ByteString): void {
    this.#doubtName(directory, name)?.snapshot?.entries.set(name, performance.now());
  }

  /** Nothing that is known of the directory is believed any more. */
  forget(directory: Node): void {
    const watched = this.#watched.get(directory);
    if (watched === undefined) return;
    watched.snapshot = undefined;
    watched.outdated = true;
  }

  #doubtName(directory: Node, name: ByteString): Watched | undefined {
    const watched = this.#watched.get(directory);
    if (watched === undefined) return undefined;
    if (watched.fetching) watched.doubtful.add(name);
    if (watched.snapshot !== undefined && watched.snapshot.entries.size >= MAX_NAMES) {
      watched.snapshot = undefined;
      watched.tooLarge = true;
    }
    return watched;
  }

  #watch(directory: Node): Watched {
    let watched = this.#watched.get(directory);
    if (watched === undefined) {
      watched = {
        lastLookup: -Infinity,
        fetching: false,
        tooLarge: false,
        snapshot: undefined,
        doubtful: new Set(),
        outdated: false,
      };
      this.#watched.set(directory, watched);
    }
    return watched;
  }

  #fetch(directory: Node, watched: Watched): void {
    const dir = this.#directories.number(directory);
    const asOf = performance.now();
    watched.fetching = true;
    watched.outdated = false;
    watched.doubtful.clear();
    this.#read(dir).then((entries) => {
      watched.tooLarge = entries === undefined;
      if (entries === undefined || watched.outdated) return;
      for (const name of watched.doubtful) entries.set(name, performance.now());
      watched.snapshot = { entries, asOf };
    }).catch(() => {
      // A directory that may be searched but not read. Lookups go on one by one.
      watched.tooLarge = true;
    }).finally(() => watched.fetching = false);
  }

  /** The directory's entries, or undefined when there are too many. */
  async #read(dir: number): Promise<Entries | undefined> {
    const entries: Entries = new Map();
    let cookie = 0n;
    for (let i = 0; i < MAX_PAGES; i++) {
      const body = encodeReadDir({ dir, cookie, budget: MAX_PAGE });
      const page = decodePage(await this.#directories.ask(FileOp.READDIR, body));
      for (const { name, stat, target } of page.entries) entries.set(name, stat ? { stat, target } : performance.now());
      if (page.end) return entries;
      cookie = page.entries[page.entries.length - 1].cookie;
    }
    return undefined;
  }
}
