/**
 * Extended attributes of what a descriptor holds, O_PATH ones and those of symbolic links included: by way of /proc,
 * because the calls by descriptor refuse these. Names and values are bytes.
 */
import { type ByteString, byteString, cString } from "../bytes/mod.ts";
import { Errno } from "./errno.ts";
import { libc, negative } from "./libc.ts";

/** Most bytes of a value, and of all names of a file together (`linux/limits.h`). */
export const XATTR_SIZE_MAX = 65536;

const room = new Uint8Array(XATTR_SIZE_MAX);

/** Following this leads to the very file, and no further when that is a symbolic link. */
const procFd = (fd: number) => cString(`/proc/self/fd/${fd}` as ByteString);

/** The value, the caller's to keep; or minus errno. */
export function getXattr(fd: number, name: ByteString): Uint8Array<ArrayBuffer> | number {
  const length = negative(libc().getxattr(procFd(fd), cString(name), room, room.length));
  return length < 0 ? length : room.slice(0, length);
}

/** A value and how it is set: XATTR_CREATE 1 (EEXIST), XATTR_REPLACE 2 (ENODATA), 0 either way. */
export interface XattrValue {
  readonly value: Uint8Array<ArrayBuffer>;
  readonly flags: number;
}

export function setXattr(fd: number, name: ByteString, { value, flags }: XattrValue): number {
  return negative(libc().setxattr(procFd(fd), cString(name), value, value.length, flags));
}

export function removeXattr(fd: number, name: ByteString): number {
  return negative(libc().removexattr(procFd(fd), cString(name)));
}

/** All names, a NUL after each; or minus errno. */
export function listXattr(fd: number): ByteString | number {
  const length = negative(libc().flistxattr(fd, room, room.length));
  return names(length === -Errno.EBADF ? negative(libc().listxattr(procFd(fd), room, room.length)) : length);
}

/** {@link listXattr} of `name` in the directory `dir`, no link followed. */
export function listXattrAt(dir: number, name: ByteString): ByteString | number {
  const path = cString(`/proc/self/fd/${dir}/${name}` as ByteString);
  return names(negative(libc().llistxattr(path, room, room.length)));
}

function names(length: number): ByteString | number {
  return length < 0 ? length : byteString(room, 0, length);
}
