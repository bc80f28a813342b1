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
const MAX_PAGES = 16;
/** What a directory may grow to before it is not kept whole any more: about as much as those pages hold. */
const MAX_NAMES = 1 << 15;

/**
 * What is known of a name: what there is, that there is nothing, or the performance.now() since when it must be asked for:
 * seen in a listing, but gone before it could be looked at, or changed by us.
 */
export type NameState = LookupOut | "absent" | number;

/** What is known of a directory's names. */
export interface Snapshot {
  readonly entries: Map<ByteString, NameState>;
  /** These are all: another name does not exist. */
  complete: boolean;
  /** performance.now() when it was asked for or told: no older than that. */
  readonly asOf: number;
  /** The same of names of which news were told since. */
  readonly news: Map<ByteString, number>;
}

/** What is known of one directory. */
interface Watched {
  /** performance.now() of the last lookup that what is known did not answer. */
  lastMiss: number;
  fetching: boolean;
  tooLarge: boolean;
  snapshot: Snapshot | undefined;
  /** Names that changed while the directory is being fetched: what the listing says of them may be older. */
  readonly doubtful: Set<ByteString>;
  /** What is being fetched is not to be believed at all. */
  outdated: boolean;
  /** Names have changed of which nothing was kept. */
  hasChanged: boolean;
}

/** An answer to a lookup. `found` is undefined where the name does not exist. */
export interface Known {
  readonly found: LookupOut | undefined;
  readonly asOf: number;
  /** Every change since was told. */
  readonly isCurrent: boolean;
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
    const snapshot = this.#current(directory, watched);
    const state = snapshot?.entries.get(name) ?? (snapshot?.complete ? "absent" : undefined);
    if (typeof state === "number") return undefined;
    const isCurrent = this.#directories.isLeased(directory);
    if (state !== undefined) {
      const asOf = snapshot!.news.get(name) ?? snapshot!.asOf;
      return { found: state === "absent" ? undefined : state, asOf, isCurrent };
    }
    const now = performance.now();
    const patience = isCurrent ? Infinity : VALID_MS;
    const isSecond = now - watched.lastMiss < patience;
    watched.lastMiss = now;
    // What asks overtakes changes that are under way.
    if (isSecond && !watched.fetching && !watched.tooLarge && directory.pending === 0) this.#fetch(directory, watched);
    return undefined;
  }

  /** All names of the directory, where they are known. */
  all(directory: Node): Snapshot | undefined {
    const watched = this.#watched.get(directory);
    const snapshot = watched && this.#current(directory, watched);
    return snapshot?.complete ? snapshot : undefined;
  }

  /**
   * Takes over what was told of a directory, unless names have changed there since: `snapshot`, which may grow. All names
   * take the place of some.
   */
  tell(directory: Node, snapshot: Snapshot): void {
    const watched = this.#watch(directory);
    if (watched.hasChanged) return;
    const isNewest = snapshot.complete && snapshot.asOf >= directory.changedAt;
    if (watched.snapshot === undefined || (isNewest && !watched.snapshot.complete)) watched.snapshot = snapshot;
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
    if (watched.snapshot === undefined) return;
    const { entries, news } = watched.snapshot;
    const known = entries.get(name);
    if (typeof known === "number" && known >= time) return;
    entries.set(name, found ?? "absent");
    news.set(name, performance.now());
  }

  /** What a name stands for, as far as that is known and every change of it is told. */
  state(directory: Node, name: ByteString): LookupOut | "absent" | undefined {
    if (!this.#directories.isLeased(directory)) return undefined;
    const watched = this.#watched.get(directory);
    const snapshot = watched && this.#current(directory, watched);
    const state = snapshot?.entries.get(name) ?? (snapshot?.complete ? "absent" : undefined);
    return typeof state === "number" ? undefined : state;
  }

  /** A directory that we make: it has no names but those that we make in it. */
  made(directory: Node): void {
    const watched = this.#watch(directory);
    watched.snapshot = { entries: new Map(), complete: true, asOf: performance.now(), news: new Map() };
  }

  /** We have made of a name what is known of it from here on. */
  expect(directory: Node, name: ByteString, state: LookupOut | "absent"): void {
    const watched = this.#doubtName(directory, name);
    if (!this.#directories.isLeased(directory) || watched.tooLarge) return;
    const now = performance.now();
    watched.snapshot ??= { entries: new Map(), complete: false, asOf: now, news: new Map() };
    watched.snapshot.entries.set(name, state);
    watched.snapshot.news.set(name, now);
  }

  /** What the local side tells of a name is what we have made of it. */
  agreed(directory: Node, name: ByteString, found: LookupOut | undefined): void {
    const snapshot = this.#watched.get(directory)?.snapshot;
    if (snapshot === undefined || typeof snapshot.entries.get(name) !== "number") return;
    snapshot.entries.set(name, found ?? "absent");
    snapshot.news.set(name, performance.now());
  }

  /** What is known of a name, if anything, is this. */
  learned(directory: Node, name: ByteString, state: LookupOut): void {
    const entries = this.#watched.get(directory)?.snapshot?.entries;
    if (entries?.has(name)) entries.set(name, state);
  }

  /** We change what a name stands for. */
  changed(directory: Node, name: ByteString): void {
    this.#doubtName(directory, name).snapshot?.entries.set(name, performance.now());
  }

  /** Nothing that is known of the directory is believed any more. */
  forget(directory: Node): void {
    const watched = this.#watched.get(directory);
    if (watched === undefined) return;
    watched.snapshot = undefined;
    watched.hasChanged = true;
    watched.outdated = true;
  }

  #doubtName(directory: Node, name: ByteString): Watched {
    const watched = this.#watch(directory);
    const snapshot = this.#current(directory, watched);
    if (snapshot === undefined) watched.hasChanged = true;
    if (watched.fetching) watched.doubtful.add(name);
    if (snapshot !== undefined && snapshot.entries.size >= MAX_NAMES) {
      watched.snapshot = undefined;
      watched.tooLarge = true;
    }
    return watched;
  }

  /** What is known and still to be believed. */
  #current(directory: Node, watched: Watched): Snapshot | undefined {
    const { snapshot } = watched;
    if (snapshot === undefined) return undefined;
    const isOld = !this.#directories.isLeased(directory) && performance.now() - snapshot.asOf >= VALID_MS;
    if (isOld || snapshot.asOf <= this.#doubted) watched.snapshot = undefined;
    return watched.snapshot;
  }

  #watch(directory: Node): Watched {
    let watched = this.#watched.get(directory);
    if (watched === undefined) {
      watched = {
        lastMiss: -Infinity,
        fetching: false,
        tooLarge: false,
        snapshot: undefined,
        doubtful: new Set(),
        outdated: false,
        hasChanged: false,
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
      watched.snapshot = { entries, complete: true, asOf, news: new Map() };
    }).catch(() => {
      // A directory that may be searched but not read. Lookups go on one by one.
      watched.tooLarge = true;
    }).finally(() => watched.fetching = false);
  }

  /** The directory's entries, or undefined when there are too many. */
  async #read(dir: number): Promise<Map<ByteString, NameState> | undefined> {
    const entries = new Map<ByteString, NameState>();
    let cookie = 0n;
    for (let i = 0; i < MAX_PAGES; i++) {
      const page = await this.#directories.page({ dir, cookie, budget: MAX_PAGE });
      for (const { name, stat, target } of page.entries) entries.set(name, stat ? { stat, target } : performance.now());
      if (page.end) return entries;
      cookie = page.entries[page.entries.length - 1].cookie;
    }
    return undefined;
  }
}
