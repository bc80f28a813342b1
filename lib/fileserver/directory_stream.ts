import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  close,
  decodeDirectory,
  type DirectoryEntry,
  Errno,
  O_DIRECTORY,
  O_RDONLY,
  openAt,
  readDirectory,
  readDirectoryAsync,
  seekDirectory,
} from "../linux/mod.ts";

const SELF = fromText(".");
const PARENT = fromText("..");

/** What one getdents64 gives. */
const BATCH = 1 << 15;
/** One of every stream writes here; it is decoded at once. */
const buffer = new Uint8Array(BATCH);

/** An open directory at a position. */
export class DirectoryStream {
  /** The directory, for names in it: whatever becomes of the number that stood for it. */
  readonly fd: number;
  #entries: DirectoryEntry[] = [];
  #next = 0;
  /** There was nothing more. */
  #isRead = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Opens the directory behind `dir` (O_PATH will do) after the entry with this cookie, 0n: at its start. */
  static open(dir: number, cookie: bigint): DirectoryStream | number {
    const fd = openAt(dir, SELF, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fd;
    const failed = cookie === 0n ? 0 : seekDirectory(fd, cookie);
    if (failed === 0) return new DirectoryStream(fd);
    close(fd);
    return failed;
  }

  /** Has the next entries read by a thread: so many, or all there are. Resolves with their names. One call at a time. */
  async load(count: number): Promise<ByteString[]> {
    while (this.#entries.length - this.#next < count && !this.#isRead) {
      const own = new Uint8Array(BATCH);
      const length = await readDirectoryAsync(this.fd, own);
      this.#isRead = length === 0;
      // What failed is told where the next entry is wanted.
      if (length <= 0) break;
      this.#entries = this.#entries.slice(this.#next).concat(decodeDirectory(own.subarray(0, length)));
      this.#next = 0;
    }
    return this.#entries.slice(this.#next).map(({ name }) => name);
  }

  /** The next entry, still to be taken; undefined at the end, or minus errno. `.` and `..` are left out. */
  peek(): DirectoryEntry | undefined | number {
    for (;;) {
      if (this.#next === this.#entries.length) {
        const failed = this.#fill();
        if (failed < 0) return failed;
        if (this.#entries.length === 0) return undefined;
      }
      const entry = this.#entries[this.#next];
      if (!isSelfOrParent(entry.name)) return entry;
      this.#next++;
    }
  }

  /** Moves past the entry that {@link peek} gave. */
  take(): void {
    this.#next++;
  }

  close(): void {
    close(this.fd);
  }

  #fill(): number {
    const count = this.#isRead ? 0 : readDirectory(this.fd, buffer);
    // A directory that was removed: nothing is left in it.
    if (count < 0 && count !== -Errno.ENOENT) return count;
    this.#entries = count > 0 ? decodeDirectory(buffer.subarray(0, count)) : [];
    this.#next = 0;
    return 0;
  }
}

function isSelfOrParent(name: ByteString): boolean {
  return name === SELF || name === PARENT;
}
