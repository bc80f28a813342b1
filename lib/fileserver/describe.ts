import type { ByteString } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  Errno,
  listXattr,
  listXattrAt,
  O_PATH,
  openAt,
  type Stat,
  statAt,
  statFd,
} from "../linux/mod.ts";
import { type FileAttr, MAX_XATTR_NAMES } from "../protocol/mod.ts";

/** What is told of the file behind a descriptor (O_PATH ones included); or minus errno. */
export function describeFd(fd: number): FileAttr | number {
  const stat = statFd(fd);
  return typeof stat === "number" ? stat : withNames(stat, listXattr(fd));
}

/**
 * What is told of `name` in the directory `dir`; or minus errno. Should another file take the name between the two looks,
 * the names are that one's: as wrong as an answer from just before, and as soon over.
 */
export function describeAt(dir: number, name: ByteString): FileAttr | number {
  const stat = statAt(dir, name);
  return typeof stat === "number" ? stat : withNames(stat, listXattrAt(dir, name));
}

/** What is told of the file at `path`, links followed; or minus errno. */
export function describePath(path: ByteString): FileAttr | number {
  const fd = openAt(AT_FDCWD, path, O_PATH);
  if (fd < 0) return fd;
  const attr = describeFd(fd);
  close(fd);
  return attr;
}

function withNames(stat: Stat, listed: ByteString | number): FileAttr {
  // A file system without extended attributes.
  const names = listed === -Errno.EOPNOTSUPP ? "" as ByteString : listed;
  return typeof names === "number" || names.length > MAX_XATTR_NAMES ? stat : { ...stat, xattrNames: names };
}
