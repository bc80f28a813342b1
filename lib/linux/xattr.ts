/**
 * Extended attributes by path. The path is one of /proc/self/fd where a descriptor is meant: that works on O_PATH
 * descriptors too, which the calls by descriptor refuse. Values and names are bytes.
 */
import { type ByteString, byteString, cString } from "../bytes/mod.ts";
import { libc, negative } from "./libc.ts";

/** Most bytes of a value, and of all names of a file together (`linux/limits.h`). */
export const XATTR_SIZE_MAX = 65536;
export const XATTR_LIST_MAX = 65536;

const room = new Uint8Array(XATTR_SIZE_MAX);

/** The value (the caller's to keep), or minus errno. A link at the end of `path` is followed. */
export function getXattr(path: ByteString, name: ByteString): Uint8Array<ArrayBuffer> | number {
  const length = negative(libc().getxattr(cString(path), cString(name), room, room.length));
  return length < 0 ? length : room.slice(0, length);
}

/** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. A link at the end of `path` is followed. */
export function setXattr(
  path: ByteString,
  name: ByteString,
  { value, flags }: { value: Uint8Array<ArrayBuffer>; flags: number },
): number {
  return negative(libc().setxattr(cString(path), cString(name), value, value.length, flags));
}

/** A link at the end of `path` is followed. */
export function removeXattr(path: ByteString, name: ByteString): number {
  return negative(libc().removexattr(cString(path), cString(name)));
}

/** All names, a NUL after each; or minus errno. A link at the end of `path` is followed. */
export function listXattr(path: ByteString): ByteString | number {
  const length = negative(libc().listxattr(cString(path), room, room.length));
  return length < 0 ? length : byteString(room, 0, length);
}

/** As {@link listXattr}, of a link itself. */
export function listXattrNoFollow(path: ByteString): ByteString | number {
  const length = negative(libc().llistxattr(cString(path), room, room.length));
  return length < 0 ? length : byteString(room, 0, length);
}
