/** Names: making, removing, listing them. */
import { byteString } from "../../../lib/bytes/mod.ts";
import {
  arch,
  AT_FDCWD,
  close,
  decodeDirectory,
  type DirectoryEntry,
  Errno,
  libc,
  negative,
  O_CLOEXEC,
  O_DIRECTORY,
  readDirectory,
  seekDirectory,
} from "../../../lib/linux/mod.ts";
import type { Os } from "../os.ts";
import { path, type Process } from "./process.ts";

type Part = Pick<
  Os,
  | "mkdir"
  | "rmdir"
  | "unlink"
  | "symlink"
  | "readlink"
  | "link"
  | "linkFollowing"
  | "linkOpen"
  | "rename"
  | "mknod"
  | "list"
  | "getdents"
  | "seekdir"
>;

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
/** By DT_*. */
const types: Record<number, string> = { 0: "?", 1: "p", 2: "c", 4: "d", 6: "b", 8: "f", 10: "l", 12: "s" };

export function nameCalls(process: Process): Part {
  const link = (from: string, to: string, flags: number) =>
    negative(libc().linkat(AT_FDCWD, path(from), AT_FDCWD, path(to), flags));
  return {
    mkdir: (name, mode) => negative(libc().mkdirat(AT_FDCWD, path(name), mode)),
    rmdir: (name) => negative(libc().unlinkat(AT_FDCWD, path(name), AT_REMOVEDIR)),
    unlink: (name) => negative(libc().unlinkat(AT_FDCWD, path(name), 0)),
    symlink: (target, name) => negative(libc().symlinkat(path(target), AT_FDCWD, path(name))),
    readlink(name) {
      const room = new Uint8Array(8192);
      const length = negative(libc().readlinkat(AT_FDCWD, path(name), room, room.length));
      return length < 0 ? length : byteString(room, 0, length);
    },
    link: (from, to) => link(from, to, 0),
    linkFollowing: (from, to) => link(from, to, AT_SYMLINK_FOLLOW),
    linkOpen: (fd, to) => link(`/proc/self/fd/${process.fd(fd)}`, to, AT_SYMLINK_FOLLOW),
    rename: (from, to, flags = 0) =>
      negative(libc().renameat2(arch.syscall.renameat2, AT_FDCWD, path(from), AT_FDCWD, path(to), flags)),
    // The C library's device number: `sys/sysmacros.h`, for numbers below 256.
    mknod: (name, mode, [major, minor] = [0, 0]) =>
      negative(libc().mknodat(AT_FDCWD, path(name), mode, major * 256 + minor)),
    list: listNames,
    getdents(fd, size) {
      const room = new Uint8Array(size);
      const length = readDirectory(process.fd(fd), room);
      return length < 0 ? length : decodeDirectory(room.subarray(0, length)).map((it) => `${line(it)} ${it.cookie}`);
    },
    seekdir: (fd, cookie) => seekDirectory(process.fd(fd), BigInt(cookie)),
  };
}

function line({ name, type }: DirectoryEntry): string {
  return `${name} ${types[type] ?? type}`;
}

/** In order of the bytes. */
export function listNames(name: string): string[] | number {
  const fd = negative(libc().openat(AT_FDCWD, path(name), O_CLOEXEC | O_DIRECTORY, 0));
  if (fd < 0) return fd;
  const room = new Uint8Array(1 << 15);
  const entries: DirectoryEntry[] = [];
  try {
    for (let length; (length = readDirectory(fd, room)) !== 0;) {
      if (length < 0) return length;
      entries.push(...decodeDirectory(room.subarray(0, length)));
    }
  } finally {
    close(fd);
  }
  const own = entries.filter((entry) => entry.name !== "." && entry.name !== "..");
  return entries.length === own.length + 2 ? own.map(line).sort() : -Errno.ENOENT;
}
