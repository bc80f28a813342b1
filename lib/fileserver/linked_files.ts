import type { ByteString } from "../bytes/mod.ts";
import { addFileWatch, IN_ATTRIB, IN_CLOSE_WRITE, IN_MODIFY, removeWatch } from "../linux/mod.ts";

const MASK = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;
/** A file that has more than these is not watched: each of its changes would be told so many times. */
const MAX_NAMES = 64;

/** A name that the agent was told of. */
export interface LinkedName {
  /** Of its directory. */
  readonly number: number;
  readonly name: ByteString;
}

/**
 * Watches on files that have several names. The watch on a directory tells of what is done to its files by their names in
 * there; by a hard link elsewhere the same file is changed without that.
 */
export class LinkedFiles {
  readonly #watcher: number;
  readonly #limit: number;
  readonly #isDirectory: (watch: number) => boolean;
  /** By watch. */
  readonly #names = new Map<number, LinkedName[]>();
  /** The watches of files in a directory, by its number and their names. */
  readonly #watches = new Map<number, Map<ByteString, number>>();

  /** `limit`: most files that are watched. `isDirectory`: whether a watch is another's. */
  constructor(watcher: number, { limit, isDirectory }: { limit: number; isDirectory: (watch: number) => boolean }) {
    this.#watcher = watcher;
    this.#limit = limit;
    this.#isDirectory = isDirectory;
  }

  /** Watches what is `name` in the directory behind `fd` at this moment; false where that cannot be. */
  add(linked: LinkedName, fd: number): boolean {
    const { number, name } = linked;
    const watch = addFileWatch(this.#watcher, { dir: fd, name }, MASK);
    const known = this.#watches.get(number)?.get(name);
    if (known === watch) return true;
    this.remove(linked);
    if (watch < 0 || this.#isDirectory(watch)) return false;
    const names = this.#names.get(watch);
    if (names === undefined && this.#names.size >= this.#limit) {
      removeWatch(this.#watcher, watch);
      return false;
    }
    if (names !== undefined && names.length >= MAX_NAMES) return false;
    this.#note(watch, linked);
    return true;
  }

  /** By which names the agent knows what has an event; none where it is no such file. */
  namesOf(watch: number): readonly LinkedName[] {
    return this.#names.get(watch) ?? [];
  }

  watches(): Iterable<number> {
    return this.#names.keys();
  }

  /** The kernel has ended the watch: the file is gone. */
  ended(watch: number): void {
    for (const { number, name } of this.namesOf(watch)) this.#watches.get(number)?.delete(name);
    this.#names.delete(watch);
  }

  /** What has this name has no others. */
  remove({ number, name }: LinkedName): void {
    const watch = this.#watches.get(number)?.get(name);
    if (watch === undefined) return;
    this.#watches.get(number)!.delete(name);
    const names = this.#names.get(watch)!.filter((one) => one.number !== number || one.name !== name);
    if (names.length > 0) {
      this.#names.set(watch, names);
      return;
    }
    this.#names.delete(watch);
    removeWatch(this.#watcher, watch);
  }

  /** The agent has given up the number; `heir`: another one that stands for the same directory. */
  removeDirectory(number: number, heir: number | undefined): void {
    for (const [name, watch] of this.#watches.get(number) ?? []) {
      if (heir !== undefined && !this.#watches.get(heir)?.has(name)) this.#note(watch, { number: heir, name });
      this.remove({ number, name });
    }
    this.#watches.delete(number);
  }

  #note(watch: number, linked: LinkedName): void {
    const names = this.#names.get(watch) ?? [];
    names.push(linked);
    this.#names.set(watch, names);
    const watches = this.#watches.get(linked.number) ?? new Map<ByteString, number>();
    this.#watches.set(linked.number, watches.set(linked.name, watch));
  }
}
