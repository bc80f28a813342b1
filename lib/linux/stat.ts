import { type ByteString, cString } from "../bytes/mod.ts";
import { arch } from "./arch.ts";
import { libc, negative, waitForDisk } from "./libc.ts";

/** A file's attributes, as statx(2) gives them. Times are whole seconds (may be negative, within ±2^53) and nanoseconds. */
export interface Stat {
  /** major * 2^32 + minor of the device the file is on. */
  readonly dev: number;
  readonly ino: bigint;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a device node, in the kernel's 32-bit form (new_encode_dev). */
  readonly rdev: number;
  /** Bytes; 2^53 - 1 stands for all that is beyond. */
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly blksize: number;
  readonly atime: number;
  readonly atimeNsec: number;
  readonly mtime: number;
  readonly mtimeNsec: number;
  readonly ctime: number;
  readonly ctimeNsec: number;
  /** Birth; {@link NO_BIRTH} where the file system keeps none. */
  readonly btime: number;
  readonly btimeNsec: number;
  /** A number of the mount it was found in; 0 or absent: not known. */
  readonly mount?: number;
  /** TRAIT_*; absent: none. */
  readonly traits?: number;
}

/** What no permission shows: it cannot be changed, only appended to, and it is the root of a mount. */
export const TRAIT_IMMUTABLE = 1;
export const TRAIT_APPEND = 2;
export const TRAIT_MOUNT = 4;

/** In place of the second of its birth: the file system does not know it. */
export const NO_BIRTH = Number.MIN_SAFE_INTEGER;

export const S_IFMT = 0o170000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_IXGRP = 0o10;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;
/** Linux 5.8; older kernels leave it out. */
const STATX_MNT_ID = 0x1000;
const WANTED = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
/** Bits of stx_attributes (`linux/stat.h`). */
const STATX_ATTR_IMMUTABLE = 0x10;
const STATX_ATTR_APPEND = 0x20;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

const buffer = new Uint8Array(256);
const words = new Uint32Array(buffer.buffer);
const view = new DataView(buffer.buffer);
const emptyName = new Uint8Array(1);

/** Attributes of `name` in the directory `dir` (an O_PATH descriptor will do), no link followed; or minus errno. */
export function statAt(dir: number, name: ByteString): Stat | number {
  const result = negative(
    libc().statx(arch.syscall.statx, dir, cString(name), AT_SYMLINK_NOFOLLOW, WANTED, buffer),
  );
  return result < 0 ? result : decode();
}

/** Has the kernel look at `name` in the directory `dir`, off this thread: what it finds is in its caches afterwards. */
export async function lookAtAsync(dir: number, name: ByteString): Promise<void> {
  const [path, into] = [cString(name), new Uint8Array(buffer.length)];
  const call = () => libc().statxAsync(arch.syscall.statx, dir, path, AT_SYMLINK_NOFOLLOW, WANTED, into);
  await waitForDisk([path, into], call);
}

/** Attributes of an open descriptor, O_PATH ones included; or minus errno. */
export function statFd(fd: number): Stat | number {
  const result = negative(
    libc().statx(arch.syscall.statx, fd, emptyName, AT_EMPTY_PATH, WANTED, buffer),
  );
  return result < 0 ? result : decode();
}

/** Attributes of the file at `path`, links followed; or minus errno. */
export function statPath(path: ByteString): Stat | number {
  const result = negative(
    libc().statx(arch.syscall.statx, AT_FDCWD, cString(path), 0, WANTED, buffer),
  );
  return result < 0 ? result : decode();
}

/** struct statx (`linux/stat.h`): the same layout on every architecture. Offsets below are in 32-bit words. */
function decode(): Stat {
  return {
    dev: words[34] * 0x1_0000_0000 + words[35],
    ino: view.getBigUint64(32, true),
    mode: words[7] & 0xffff,
    nlink: words[4],
    uid: words[5],
    gid: words[6],
    rdev: encodeDevice(words[32], words[33]),
    size: unsigned(10),
    blocks: unsigned(12),
    blksize: words[1],
    atime: seconds(16),
    atimeNsec: words[18],
    btime: (words[0] & STATX_BTIME) !== 0 ? seconds(20) : NO_BIRTH,
    btimeNsec: words[22],
    ctime: seconds(24),
    ctimeNsec: words[26],
    mtime: seconds(28),
    mtimeNsec: words[30],
    mount: (words[0] & STATX_MNT_ID) !== 0 ? words[36] : 0,
    traits: traits(words[2]),
  };
}

function traits(attributes: number): number {
  return ((attributes & STATX_ATTR_IMMUTABLE) !== 0 ? TRAIT_IMMUTABLE : 0) |
    ((attributes & STATX_ATTR_APPEND) !== 0 ? TRAIT_APPEND : 0) |
    ((attributes & STATX_ATTR_MOUNT_ROOT) !== 0 ? TRAIT_MOUNT : 0);
}

/** A sparse file can be longer, and a time set further away, than a number tells exactly: such are the last that it does. */
const LAST = Number.MAX_SAFE_INTEGER;

function unsigned(word: number): number {
  return Math.min(LAST, words[word] + words[word + 1] * 0x1_0000_0000);
}

function seconds(word: number): number {
  return Math.max(-LAST, Math.min(LAST, words[word] + (words[word + 1] | 0) * 0x1_0000_0000));
}

/** What changes with a file's content. */
export type ContentStamp = Pick<Stat, "size" | "mtime" | "mtimeNsec" | "ctime" | "ctimeNsec">;

/** Whether a file that has the one has the content that it had with the other. */
export function isSameContent(one: ContentStamp, other: ContentStamp): boolean {
  return one.size === other.size && one.mtime === other.mtime && one.mtimeNsec === other.mtimeNsec &&
    one.ctime === other.ctime && one.ctimeNsec === other.ctimeNsec;
}

/** A device number in the kernel's 32-bit form (new_encode_dev in `linux/kdev_t.h`). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The major and minor number of what {@link encodeDevice} made. */
export function decodeDevice(rdev: number): { major: number; minor: number } {
  return { major: (rdev & 0xfff00) >> 8, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
