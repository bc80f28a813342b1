import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  close,
  decodeDirectory,
  Errno,
  F_RDLCK,
  F_WRLCK,
  makeDirectoryAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  openAt,
  readDirectory,
  renameAt,
  setFileLock,
  type Stat,
  statAt,
  statFd,
  statFs,
  unlinkAt,
} from "../linux/mod.ts";
import type { Digest } from "./digest.ts";
import { openFolder } from "./open_folder.ts";

const BLOBS = "blobs" as ByteString;
const TEMPORARY = "tmp" as ByteString;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What is left to others of the disk: so many bytes, or a twentieth of a small one. */
const LEFT_FREE = 1 << 30;

/** A file that is open and locked: nobody removes it while it is. */
export interface LockedFile {
  readonly fd: number;
  readonly stat: Stat;
}

/**
 * The cache's folder: `index.db`, `blobs/<first two digits>/<digest>`, and `tmp/<pid>-<number>` for what is being
 * written. Functions return minus errno where they fail.
 *
 * Whoever uses a file in there holds a shared flock on it, and whoever removes one takes an exclusive one first. A lock
 * goes with the last descriptor, however its process ends; so no pid is ever asked whether it is still alive.
 */
export class CacheFolder {
  readonly path: string;
  #fd: number;
  #temporaries = 0;

  /** Throws a CacheError where there cannot be one. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openFolder(path);
    for (const name of [BLOBS, TEMPORARY]) makeDirectoryAt(this.#fd, name, FOLDER_MODE);
  }

  /** Everything fails from here on. */
  close(): void {
    close(this.#fd);
    this.#fd = -1;
  }

  /** Shared (F_RDLCK), exclusive (F_WRLCK) or no lock (F_UNLCK) on the folder as a whole; see openIndex. */
  lock(type: number): number {
    return setFileLock(this.#fd, type);
  }

  has(name: string): boolean {
    return typeof statAt(this.#fd, name as ByteString) !== "number";
  }

  /** Makes an empty file that only its owner may read, unless there is one. */
  touch(name: string): number {
    const fd = openAt(this.#fd, name as ByteString, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
    return fd < 0 ? fd : close(fd);
  }

  remove(name: string): number {
    return unlinkAt(this.#fd, name as ByteString);
  }

  /** A blob to read, locked. -EAGAIN: it is being removed, or has been. */
  openBlob(digest: Digest): LockedFile | number {
    return this.#openLocked(blobPath(digest), O_RDONLY, F_RDLCK);
  }

  /** A blob or a temporary file to remove, locked. -EAGAIN: it is in use. */
  openForRemoval(path: string): LockedFile | number {
    return this.#openLocked(path as ByteString, O_RDONLY, F_WRLCK);
  }

  statBlob(digest: Digest): Stat | number {
    return statAt(this.#fd, blobPath(digest));
  }

  /** A new file to write, locked from before anybody could take it for a dead process's. */
  createTemporary(): { fd: number; name: string } | number {
    for (;;) {
      const name = `${TEMPORARY}/${Deno.pid}-${this.#temporaries++}`;
      const file = this.#openLocked(name as ByteString, O_RDWR | O_CREAT | O_EXCL, F_RDLCK);
      if (typeof file !== "number") return { fd: file.fd, name };
      // EEXIST: a process that is gone had our pid. EAGAIN: it was taken for a dead process's meanwhile.
      if (file !== -Errno.EEXIST && file !== -Errno.EAGAIN) return file;
    }
  }

  /** Gives a temporary file the name of a blob, in place of another one. */
  store(temporary: string, digest: Digest): number {
    const rename = () => renameAt(this.#fd, temporary as ByteString, this.#fd, blobPath(digest), 0);
    const result = rename();
    if (result !== -Errno.ENOENT) return result;
    makeDirectoryAt(this.#fd, `${BLOBS}/${digest.slice(0, 2)}` as ByteString, FOLDER_MODE);
    return rename();
  }

  /** Whether there is room for so many bytes, and enough left for others; how much is missing. */
  missingRoom(size: number): number {
    const disk = statFs(this.#fd);
    if (typeof disk === "number") return 0;
    const leftFree = Math.min(LEFT_FREE, disk.blocks * disk.bsize / 20);
    return Math.max(0, size + leftFree - disk.bavail * disk.bsize);
  }

  /** The files in `tmp`, as paths. */
  temporaries(): string[] {
    return this.#names(TEMPORARY);
  }

  /** The files in `blobs/<shard>`, as paths. */
  blobs(shard: string): string[] {
    return this.#names(`${BLOBS}/${shard}` as ByteString);
  }

  #openLocked(path: ByteString, flags: number, lock: number): LockedFile | number {
    // Not blocking: what lies there need not be a file.
    const fd = openAt(this.#fd, path, flags | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    if (fd < 0) return fd;
    const locked = setFileLock(fd, lock);
    const stat = locked < 0 ? locked : statFd(fd);
    // Removed between opening and locking it.
    const failure = typeof stat === "number" ? stat : stat.nlink === 0 ? -Errno.EAGAIN : 0;
    if (failure === 0) return { fd, stat: stat as Stat };
    close(fd);
    return failure;
  }

  #names(folder: ByteString): string[] {
    const fd = openAt(this.#fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return [];
    const names: string[] = [];
    const buffer = new Uint8Array(32 * 1024);
    for (let length; (length = readDirectory(fd, buffer)) > 0;) {
      for (const { name } of decodeDirectory(buffer.subarray(0, length))) {
        if (name !== "." && name !== "..") names.push(`${folder}/${name}`);
      }
    }
    close(fd);
    return names;
  }
}

/** Where the blob is, seen from the folder. */
export function blobPath(digest: Digest): ByteString {
  return fromText(`${BLOBS}/${digest.slice(0, 2)}/${digest}`);
}
