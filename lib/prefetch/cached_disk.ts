import type { ByteString } from "../bytes/mod.ts";
import type { Disk, FileStat, Range } from "./disk.ts";
import { dirname, join, path as bytes, split } from "./paths.ts";
import { bytesAsText, searchable } from "./text.ts";

/** As many links as the kernel follows in one path. */
const MAX_LINKS = 40;
/** A configuration file, a script or a module larger than this is not looked into. */
const MAX_TEXT = 2 << 20;

/**
 * Asks another disk each thing but once, so that rules need not tell each other what they saw; contents are not kept.
 * Adds what is made of these questions: real paths, whole files, normal forms.
 */
export class CachedDisk implements Disk {
  readonly #disk: Disk;
  readonly #stats = new Map<ByteString, FileStat | undefined>();
  readonly #linkStats = new Map<ByteString, FileStat | undefined>();
  readonly #links = new Map<ByteString, ByteString | undefined>();
  readonly #lists = new Map<ByteString, readonly ByteString[] | undefined>();
  readonly #checkTime: () => void;

  /** `checkTime` is called before each question to `disk`, and may throw to end it all. */
  constructor(disk: Disk, checkTime: () => void = () => {}) {
    this.#disk = disk;
    this.#checkTime = checkTime;
  }

  stat(path: ByteString): FileStat | undefined {
    return this.#once(this.#stats, path, () => this.#disk.stat(path));
  }

  lstat(path: ByteString): FileStat | undefined {
    return this.#once(this.#linkStats, path, () => this.#disk.lstat(path));
  }

  readLink(path: ByteString): ByteString | undefined {
    return this.#once(this.#links, path, () => this.#disk.readLink(path));
  }

  list(path: ByteString): readonly ByteString[] | undefined {
    return this.#once(this.#lists, path, () => this.isDirectory(path) ? this.#disk.list(path) : undefined);
  }

  /** Never asks the other disk for anything that lies beyond the file's end: a malformed file names any offset. */
  read(path: ByteString, { offset, length }: Range): Uint8Array | undefined {
    this.#checkTime();
    const stat = this.stat(path);
    if (stat?.type !== "file") return undefined;
    if (!(offset < stat.size)) return new Uint8Array(0);
    return this.#disk.read(path, { offset, length: Math.min(length, stat.size - offset) });
  }

  isFile(path: ByteString): boolean {
    return this.stat(path)?.type === "file";
  }

  isDirectory(path: ByteString): boolean {
    return this.stat(path)?.type === "directory";
  }

  /** A regular file's first bytes, all of them unless it is longer than `limit`. */
  readWhole(path: ByteString, limit: number): Uint8Array | undefined {
    const size = this.stat(path)?.size;
    return size === undefined ? undefined : this.read(path, { offset: 0, length: Math.min(size, limit) });
  }

  /** A regular file's bytes as a string, all of them unless it is longer than any text of interest. */
  readText(path: ByteString): ByteString | undefined {
    const data = this.readWhole(path, MAX_TEXT);
    return data && bytesAsText(data);
  }

  /**
   * A regular file as text to search for code in. Of a name with certain bytes that are not ASCII nothing can be made (see
   * searchable): it has characters above 255, with which no plan takes it.
   */
  readSource(path: ByteString): string | undefined {
    const data = this.readWhole(path, MAX_TEXT);
    return data && searchable(data);
  }

  /** `path` without links, `.`, `..` and empty names; undefined where it leads nowhere. */
  realPath(path: ByteString): ByteString | undefined {
    let links = 0;
    const todo = split(path, "/").reverse();
    let found = bytes`/`;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        found = dirname(found);
        continue;
      }
      const next = join(found, name);
      const stat = this.lstat(next);
      if (stat === undefined) return undefined;
      if (stat.type !== "link") {
        found = next;
        continue;
      }
      const target = this.readLink(next);
      if (target === undefined || ++links > MAX_LINKS) return undefined;
      if (target.startsWith("/")) found = bytes`/`;
      todo.push(...split(target, "/").reverse());
    }
    return found;
  }

  /**
   * `path` without `.`, `..` and empty names, its links left as they are but for one before `..`. Ends before a `..`
   * where nothing is to go up from: nobody can look further.
   */
  normalize(path: ByteString): ByteString {
    if (!/\/(\.{0,2})(\/|$)/.test(path)) return path;
    let found = bytes`/`;
    for (const name of split(path, "/")) {
      if (name === "" || name === ".") continue;
      if (name !== "..") {
        found = join(found, name);
        continue;
      }
      const real = this.realPath(found);
      if (real === undefined) return found;
      found = dirname(real);
    }
    return found;
  }

  #once<T>(known: Map<ByteString, T>, path: ByteString, ask: () => T): T {
    if (known.has(path)) return known.get(path) as T;
    this.#checkTime();
    const answer = ask();
    known.set(path, answer);
    return answer;
  }
}
