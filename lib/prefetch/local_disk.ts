import { type ByteString, byteString } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  decodeDirectory,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readAt,
  readDirectory,
  readLinkAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Stat,
  statAt,
  statPath,
} from "../linux/mod.ts";
import type { Disk, FileStat, Range } from "./disk.ts";

/** Names taken of one directory: a plan has no use for a spool of a million files. */
const MAX_NAMES = 20_000;
const EXECUTABLE = 0o111;

/** This machine's file system. Holds the file that was read last open; dispose of it when done. */
export class LocalDisk implements Disk, Disposable {
  readonly #entries = new Uint8Array(1 << 15);
  #open: { readonly path: ByteString; readonly fd: number } | undefined;

  stat(path: ByteString): FileStat | undefined {
    return convert(statPath(path));
  }

  lstat(path: ByteString): FileStat | undefined {
    return convert(statAt(AT_FDCWD, path));
  }

  readLink(path: ByteString): ByteString | undefined {
    const target = readLinkAt(AT_FDCWD, path);
    return typeof target === "number" ? undefined : byteString(target);
  }

  /** The caller has seen that `path` is a regular file: opening anything else can have effects. */
  read(path: ByteString, { offset, length }: Range): Uint8Array | undefined {
    const fd = this.#descriptor(path);
    if (fd < 0) return undefined;
    const data = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readAt(fd, data.subarray(done), offset + done);
      if (count < 0) return undefined;
      if (count === 0) break;
      done += count;
    }
    return data.subarray(0, done);
  }

  list(path: ByteString): ByteString[] | undefined {
    const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return undefined;
    const names: ByteString[] = [];
    try {
      while (names.length < MAX_NAMES) {
        const count = readDirectory(fd, this.#entries);
        if (count <= 0) break;
        for (const { name } of decodeDirectory(this.#entries.subarray(0, count))) {
          if (name !== "." && name !== "..") names.push(name);
        }
      }
    } finally {
      close(fd);
    }
    return names;
  }

  [Symbol.dispose](): void {
    if (this.#open !== undefined) close(this.#open.fd);
    this.#open = undefined;
  }

  #descriptor(path: ByteString): number {
    if (this.#open?.path === path) return this.#open.fd;
    this[Symbol.dispose]();
    const fd = openAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) this.#open = { path, fd };
    return fd;
  }
}

function convert(stat: Stat | number): FileStat | undefined {
  if (typeof stat === "number") return undefined;
  return {
    type: fileType(stat.mode),
    size: stat.size,
    mtime: stat.mtime,
    executable: (stat.mode & EXECUTABLE) !== 0,
    id: `${stat.dev}:${stat.ino}`,
  };
}

function fileType(mode: number): FileStat["type"] {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "link";
    default:
      return "other";
  }
}
