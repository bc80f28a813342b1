/**
 * What the agent is told before it asks: paths → each directory on the way is given a number and a watch, then the names in
 * it that the paths need are looked at and told. As the watch is there first and its news go the same way, what was told
 * stays true until they say otherwise.
 */
import type { ByteString } from "../bytes/mod.ts";
import { Errno, S_IFDIR, S_IFMT, S_IFREG } from "../linux/mod.ts";
import { type FileAttr, type LookupOut, type PackRecord, ROOT_DIRECTORY } from "../protocol/mod.ts";
import type { Directories } from "./directories.ts";
import { isHalf, namesIn } from "./names.ts";

/** As the kernel has it: more links than that on one path are a loop. */
const MAX_LINKS = 40;

/** A directory of which the agent was told. */
interface Told {
  readonly dir: number;
  readonly above: Told | undefined;
  /** What was told of names; undefined where there is no such name, or it is not to be told. */
  readonly names: Map<ByteString, LookupOut | undefined>;
  readonly below: Map<ByteString, Told | undefined>;
  complete: boolean;
  /** Some name is there of which nothing could be told. */
  blurred: boolean;
}

/** A regular file of which the agent was told. */
export interface ToldFile {
  readonly dir: number;
  readonly name: ByteString;
  readonly stat: FileAttr;
}

/** Tells of paths. Paths that lead nowhere are told as far as they go: that a name is missing is worth knowing, too. */
export class StartPack {
  readonly #directories: Directories;
  readonly #write: (record: PackRecord) => void;
  readonly #root = told(ROOT_DIRECTORY);
  readonly #watchedOnly: boolean;
  #isPartial = false;

  /** `watchedOnly`: what is told may lie a while before it is heard, so it is only of what changes are told of. */
  constructor(
    directories: Directories,
    { write, watchedOnly }: { write: (record: PackRecord) => void; watchedOnly: boolean },
  ) {
    this.#directories = directories;
    this.#write = write;
    this.#watchedOnly = watchedOnly;
  }

  /** Whether something was left out because nobody tells of changes there. */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** Tells what is needed to find the file at an absolute path, links followed; what is there, if it is a regular file. */
  addPath(path: ByteString): ToldFile | undefined {
    const end = this.#walk(path);
    const stat = end && end.parent.names.get(end.name)?.stat;
    if (stat === undefined || (stat.mode & S_IFMT) !== S_IFREG) return undefined;
    return { dir: end!.parent.dir, name: end!.name, stat };
  }

  /** The same for a directory, and all names in there. */
  addDirectory(path: ByteString): void {
    const end = this.#walk(path);
    const directory = end === undefined ? undefined : this.#enter(end.parent, end.name);
    if (directory !== undefined && !directory.complete) this.#list(directory);
  }

  /** Where the last name of the path is to be found, when all directories on the way are there. */
  #walk(path: ByteString): { parent: Told; name: ByteString } | undefined {
    if (!this.#maySay(this.#directories.isRootWatched)) return undefined;
    let parent = this.#root;
    let left = path.split("/") as ByteString[];
    for (let links = 0;;) {
      const name = left.shift()!;
      if (name === "..") parent = parent.above ?? parent;
      const isStep = name === "" || name === "." || name === "..";
      if (isStep && left.length === 0) return undefined;
      if (isStep) continue;
      const found = this.#look(parent, name);
      if (found?.target !== undefined) {
        if (++links > MAX_LINKS) return undefined;
        if (found.target.startsWith("/")) parent = this.#root;
        left = (found.target.split("/") as ByteString[]).concat(left);
        continue;
      }
      if (left.length === 0) return { parent, name };
      const next = found && this.#enter(parent, name);
      if (next === undefined) return undefined;
      parent = next;
    }
  }

  /** What there is of this name, told if it was not. */
  #look(directory: Told, name: ByteString): LookupOut | undefined {
    if (directory.names.has(name)) return directory.names.get(name);
    const result = this.#directories.look(directory.dir, name);
    const found = typeof result === "number" || isHalf(result) ? undefined : result;
    directory.names.set(name, found);
    if (found !== undefined || result === -Errno.ENOENT) {
      this.#write({ kind: "entry", dir: directory.dir, name, found });
    } else {
      directory.blurred = true;
    }
    return found;
  }

  #enter(parent: Told, name: ByteString): Told | undefined {
    if (parent.below.has(name)) return parent.below.get(name);
    const stat = this.#look(parent, name)?.stat;
    const isDirectory = stat !== undefined && (stat.mode & S_IFMT) === S_IFDIR;
    const number = isDirectory ? this.#introduce(parent, name, stat) : undefined;
    const directory = number && told(number.dir, parent);
    parent.below.set(name, directory);
    if (number !== undefined) this.#write({ kind: "directory", parent: parent.dir, name, ...number });
    return directory;
  }

  /** A number for the directory `name`, of which `stat` was told. */
  #introduce({ dir }: Told, name: ByteString, stat: FileAttr): { dir: number; watched: boolean } | undefined {
    const number = this.#directories.introduceTold({ parent: dir, name, stat }, (found) => {
      this.#write({ kind: "entry", dir, name, found });
    });
    if (number === undefined || this.#maySay(number.watched)) return number;
    this.#directories.unbind(number.dir);
    return undefined;
  }

  #maySay(isWatched: boolean): boolean {
    const may = isWatched || !this.#watchedOnly;
    this.#isPartial ||= !may;
    return may;
  }

  #list(directory: Told): void {
    const names = namesIn(this.#directories.find(directory.dir));
    if (names === undefined) return;
    for (const name of names) this.#look(directory, name);
    directory.complete = true;
    if (!directory.blurred) this.#write({ kind: "complete", dir: directory.dir });
  }
}

function told(dir: number, above?: Told): Told {
  return { dir, above, names: new Map(), below: new Map(), complete: false, blurred: false };
}
