import type { ByteString } from "../bytes/mod.ts";
import { addFileWatch, IN_ATTRIB, IN_CLOSE_WRITE, IN_MODIFY, removeWatch } from "../linux/mod.ts";

const MASK = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;

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
  /** By watch. */
  readonly #names = new Map<number, LinkedName[]>();
  /** The watches of files in a directory, by its number. */
  readonly #ofDirectory = new Map<number, Set<number>>();

  /** `limit`: most files that are watched. */
  constructor(watcher: number, limit: number) {
    this.#watcher = watcher;
    this.#limit = limit;
  }

  /** Watches what is `name` in the directory behind `fd` at this moment; false where that cannot be. */
  add({ number, name }: LinkedName, fd: number): boolean {
    const watch = addFileWatch(this.#watcher, { dir: fd, name }, MASK);
    if (watch < 0) return false;
    const names = this.#names.get(watch) ?? [];
    if (names.length === 0 && this.#names.size >= this.#limit) {
      removeWatch(this.#watcher, watch);
      return false;
    }
    if (!names.some((one) => one.number === number && one.name === name)) names.push({ number, name });
    this.#names.set(watch, names);
    const watches = this.#ofDirectory.get(number) ?? new Set();
    this.#ofDirectory.set(number, watches.add(watch));
    return true;
  }

  /** By which names the agent knows what has an event; undefined: it is no such file. */
  namesOf(watch: number): readonly LinkedName[] | undefined {
    return this.#names.get(watch);
  }

  watches(): Iterable<number> {
    return this.#names.keys();
  }

  /** The kernel has ended the watch: the file is gone. */
  ended(watch: number): void {
    for (const { number } of this.#names.get(watch) ?? []) this.#ofDirectory.get(number)?.delete(watch);
    this.#names.delete(watch);
  }

  /** The agent has given up the number. */
  removeDirectory(number: number): void {
    const watches = this.#ofDirectory.get(number);
    if (watches === undefined) return;
    this.#ofDirectory.delete(number);
    for (const watch of watches) {
      const names = this.#names.get(watch)!.filter((one) => one.number !== number);
      if (names.length > 0) {
        this.#names.set(watch, names);
        continue;
      }
      this.#names.delete(watch);
      removeWatch(this.#watcher, watch);
    }
  }
}
