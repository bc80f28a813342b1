import { isSameContent, S_IFMT, S_IFREG, type Stat, statFd } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { CHUNK, chunkSize } from "../protocol/mod.ts";
import { digestContent } from "./digest_content.ts";
import { type ChunkOfFile, DigestTable } from "./digest_table.ts";
import { makeOwnFolder, stateFolder } from "./state_folder.ts";

/** The SHA-256 of a chunk of a file: 64 hexadecimal digits. */
export type Digest = string;

const DAY_MS = 86_400_000;
/**
 * A file that was changed so short a time ago may change again without a new time: the kernel's clock for times goes in
 * steps of up to 10 ms, some file systems' in steps of 2 s.
 */
const RECENT_MS = 2000;
/**
 * What a program stores to a shared mapping moves a time once, and not again until the kernel has written the page back
 * (after 30 s by default): what is remembered for that time must be of after that.
 */
const SETTLED_MS = 60_000;

/**
 * The digests of local files, so that each is read for it only once. A file is taken for unchanged while its device,
 * inode number, size and times (of modification, change and birth) are the same. What that cannot see are stores to a
 * shared mapping: only the first to a page sets the file's times, until the kernel has written the page back (after 30 s;
 * on tmpfs never).
 *
 * Kept in a {@link DigestTable} of our own, not in SQLite. Speed did not decide that (0.1 ms to open, 0.2 where there is
 * none yet, and 4 µs a lookup; SQLite 0.2, 3 and 9), failures did: node:sqlite does not tell another session's lock from
 * damage, and a damaged database that is made anew while another session has it open damages the new one.
 */
export class Digests {
  readonly #table: DigestTable | undefined;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  /** The last of the files that wait to be hashed: one after the other, so that all else gets its turns. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(table: DigestTable | undefined, now: () => number) {
    this.#table = table;
    this.#now = now;
  }

  /**
   * `folder`: by default the user's own cache (`$XDG_CACHE_HOME/outrun`). Where nothing can be kept, nothing is found.
   * `now`: ms since 1970.
   */
  static open(folder?: string, now: () => number = Date.now): Digests {
    const path = folder ?? stateFolder({ variable: "XDG_CACHE_HOME", inHome: ".cache", name: "outrun" });
    try {
      if (path === undefined) throw new Error("Cannot find a folder: there is no home directory");
      makeOwnFolder(path);
      return new Digests(new DigestTable(`${path}/digests`), now);
    } catch (error) {
      log.debug(`digests: nothing is remembered: ${error instanceof Error ? error.message : error}`);
      return new Digests(undefined, now);
    }
  }

  /** The digest of a chunk, if it is known. */
  find(chunk: ChunkOfFile): Digest | undefined {
    return this.#table?.find(chunk, this.#day());
  }

  /**
   * Reads a chunk of the file behind `fd`, which stays open until the promise is fulfilled. Undefined when
   * it cannot be read, changes meanwhile, has changed already or within the last 2 s, or when {@link Digests.close} comes
   * first. Of a file that was changed within the last minute the digest is told, but not remembered.
   */
  hash(fd: number, chunk: ChunkOfFile): Promise<Digest | undefined> {
    const hashed = this.#queue.then(() => this.#hash(fd, chunk));
    this.#queue = hashed.catch(() => {});
    return hashed;
  }

  /** Ends what is being hashed. */
  close(): void {
    this.#closing.abort();
    this.#table?.close();
  }

  async #hash(fd: number, chunk: ChunkOfFile): Promise<Digest | undefined> {
    const { stat } = chunk;
    const { signal } = this.#closing;
    if (signal.aborted || (stat.mode & S_IFMT) !== S_IFREG || !isSame(fd, stat)) return undefined;
    const known = this.find(chunk);
    if (known !== undefined) return known;
    const age = this.#now() - Math.max(time(stat.mtime, stat.mtimeNsec), time(stat.ctime, stat.ctimeNsec));
    if (age <= RECENT_MS) return undefined;
    const offset = chunk.chunk * CHUNK;
    const digest = await digestContent(fd, { offset, size: chunkSize(stat.size, chunk.chunk), signal });
    if (digest === undefined || signal.aborted || !isSame(fd, stat)) return undefined;
    if (age > SETTLED_MS) this.#table?.put(chunk, { digest, day: this.#day() });
    return digest;
  }

  #day(): number {
    return Math.floor(this.#now() / DAY_MS);
  }
}

/** Milliseconds since 1970. */
function time(seconds: number, nanoseconds: number): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Whether the file behind `fd` still looks like that. */
function isSame(fd: number, stat: Stat): boolean {
  const found = statFd(fd);
  return typeof found !== "number" && found.dev === stat.dev && found.ino === stat.ino &&
    isSameContent(found, stat) && found.btime === stat.btime && found.btimeNsec === stat.btimeNsec;
}
