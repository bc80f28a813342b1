import type { ByteString } from "../bytes/mod.ts";

/** What rules need to know of a file. */
export interface FileStat {
  readonly type: "file" | "directory" | "link" | "other";
  /** Bytes. */
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** Whether anybody may execute it. */
  readonly executable: boolean;
  /** The same for all names of one file, and for no other file. */
  readonly id: string;
}

/** A part of a file, in bytes. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * The rules' only window to the file system. Paths are absolute. What is not there, or may not be looked at, is
 * undefined; nothing throws.
 */
export interface Disk {
  /** The file itself, when `path` leads to it over symbolic links. */
  stat(path: ByteString): FileStat | undefined;
  /** The link itself, where the last name is one. */
  lstat(path: ByteString): FileStat | undefined;
  /** What the symbolic link says. */
  readLink(path: ByteString): ByteString | undefined;
  /** Bytes of a regular file, fewer than asked for at its end. The caller may keep them. */
  read(path: ByteString, range: Range): Uint8Array | undefined;
  /** The names in a directory without `.` and `..`, in no order. */
  list(path: ByteString): readonly ByteString[] | undefined;
}
