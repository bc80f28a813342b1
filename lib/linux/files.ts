/**
 * File system calls by (directory descriptor, name) or by descriptor. Every function returns a value that is not
 * negative, or minus errno. Names are single components: what they may contain is the caller's business.
 */
import { type ByteString, cString } from "../bytes/mod.ts";
import { arch } from "./arch.ts";
import { Errno } from "./errno.ts";
import { addressOf, libc, negative, waitForDisk, whileUsing } from "./libc.ts";

export const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;

/** Bytes of a name (`linux/limits.h`). */
export const NAME_MAX = 255;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
export const { O_DIRECTORY, O_NOFOLLOW, O_DIRECT } = arch;
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;

const RWF_NOWAIT = 8;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;

/** Two of struct iovec. */
const iovec = new BigUint64Array(4);
const iovecBytes = new Uint8Array(iovec.buffer);

/** A descriptor (close-on-exec always), or minus errno. `mode` is for O_CREAT and used as it is: the umask must be 0. */
export function openAt(dir: number, name: ByteString, flags: number, mode = 0): number {
  return negative(libc().openat(dir, cString(name), flags | O_CLOEXEC, mode));
}

/** struct open_how (`linux/openat2.h`): flags, mode, resolve. */
const RESOLVE_CACHED = 0x20n;
const cachedOnly = new Uint8Array(
  new BigUint64Array([BigInt(O_PATH | O_NOFOLLOW | O_CLOEXEC), 0n, RESOLVE_CACHED]).buffer,
);

/**
 * Whether the kernel knows without asking the file system what `name` in the directory `dir` is, or that there is no such
 * thing. Kernels before 5.12 do not tell: true.
 */
export function isCachedAt(dir: number, name: ByteString): boolean {
  const { openat2 } = libc();
  const fd = negative(openat2(arch.syscall.openat2, dir, cString(name), cachedOnly, cachedOnly.length));
  if (fd >= 0) close(fd);
  return fd !== -Errno.EAGAIN;
}

export function close(fd: number): number {
  return negative(libc().close(fd));
}

/** Closes off this thread: the last close of a file without a name frees its data. Its number may be another's at once. */
export async function closeAsync(fd: number): Promise<void> {
  await libc().closeAsync(fd);
}

/** A second descriptor of the same open file, close-on-exec. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return negative(libc().fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

/** Bytes read into `into`, 0 at the end. */
export function read(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return negative(libc().read(fd, into, into.length));
}

/** Bytes written, perhaps fewer than given. */
export function write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return negative(libc().write(fd, bytes, bytes.length));
}

/** Bytes written of `head` and what is to follow it, in one call. */
export function writeBoth(fd: number, head: Uint8Array<ArrayBuffer>, tail: Uint8Array<ArrayBuffer>): number {
  iovec[0] = addressOf(head);
  iovec[1] = BigInt(head.length);
  iovec[2] = addressOf(tail);
  iovec[3] = BigInt(tail.length);
  return negative(libc().writev(fd, iovecBytes, 2));
}

/** Writes all of `bytes`; 0, or minus errno. */
export function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  for (let done = 0; done < bytes.length;) {
    const count = write(fd, bytes.subarray(done));
    if (count < 0 && count !== -Errno.EINTR) return count;
    done += Math.max(0, count);
  }
  return 0;
}

/** Writes off this thread. How it went is not told. */
export async function writeAsync(fd: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await whileUsing([bytes], libc().writeAsync(fd, bytes, bytes.length));
}

/** Bytes read at `offset`, waiting for the disk. */
export function readAt(fd: number, into: Uint8Array<ArrayBuffer>, offset: number): number {
  return negative(libc().pread64(fd, into, into.length, offset));
}

/** Bytes read at `offset` if that needs no waiting for the disk, -EAGAIN (or -EOPNOTSUPP) otherwise. */
export function readAtNoWait(fd: number, into: Uint8Array<ArrayBuffer>, offset: number): number {
  const preadv2 = libc().preadv2;
  if (preadv2 === null) return -Errno.EOPNOTSUPP;
  iovec[0] = addressOf(into);
  iovec[1] = BigInt(into.length);
  return negative(preadv2(fd, iovecBytes, 1, offset, RWF_NOWAIT));
}

/** Bytes read by a thread of the runtime's pool, which may wait for them as long as it takes; EIO for any failure. */
export async function readAsync(fd: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
  const result = await whileUsing([into], libc().readAsync(fd, into, into.length));
  return result === -1 ? -Errno.EIO : result;
}

/** Bytes read at `offset` by a thread of the runtime's pool; a failure is found out by asking again synchronously. */
export async function readAtAsync(fd: number, into: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
  const result = await waitForDisk([into], () => libc().pread64Async(fd, into, into.length, offset));
  return result === -1 ? readAt(fd, into, offset) : result;
}

/** Writes all of `bytes` at `offset`; their number, or minus errno when not even one could be written. */
export function writeAt(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  let done = 0;
  while (done < bytes.length) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    const result = negative(libc().pwrite64(fd, rest, rest.length, offset + done));
    if (result === -Errno.EINTR) continue;
    if (result < 0) return done > 0 ? done : result;
    if (result === 0) break;
    done += result;
  }
  return done;
}

/** As {@link writeAt}, off this thread. */
export async function writeAtAsync(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
  const result = await waitForDisk([bytes], () => libc().pwrite64Async(fd, bytes, bytes.length, offset));
  const done = Math.max(0, result);
  if (done === bytes.length) return done;
  // A short write, or none: what is left says why.
  const rest = writeAt(fd, bytes.subarray(done), offset + done);
  return rest >= 0 ? done + rest : done > 0 ? done : rest;
}

/** Waits until the file is on the disk, off this thread. A lost write is reported once by the kernel, as EIO here. */
export async function syncFile(fd: number, dataOnly: boolean): Promise<number> {
  const c = libc();
  const result = await waitForDisk([], () => dataOnly ? c.fdatasyncAsync(fd) : c.fsyncAsync(fd));
  if (result === 0) return 0;
  // errno stayed on the other thread. Asking again tells EINVAL and the like; a reported I/O error is not told twice.
  const again = negative(dataOnly ? c.fdatasync(fd) : c.fsync(fd));
  return again < 0 ? again : -Errno.EIO;
}

/** Bytes of directory entries written to `into` (see decodeDirectory), 0 at the end. */
export function readDirectory(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return negative(libc().getdents64(arch.syscall.getdents64, fd, into, into.length));
}

/** As {@link readDirectory}, off this thread; a failure is found out by asking again synchronously. */
export async function readDirectoryAsync(fd: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
  const call = () => libc().getdents64Async(arch.syscall.getdents64, fd, into, into.length);
  const count = await waitForDisk([into], call);
  return count === -1 ? readDirectory(fd, into) : count;
}

/** Moves a directory's position to a cookie that getdents64 gave; 0 is the start. */
export function seekDirectory(fd: number, cookie: bigint): number {
  return libc().lseek64(fd, cookie, 0) === -1n ? negative(-1) : 0;
}

/** The target's bytes, or minus errno. */
export function readLinkAt(dir: number, name: ByteString): Uint8Array<ArrayBuffer> | number {
  const target = new Uint8Array(4096);
  const length = negative(libc().readlinkat(dir, cString(name), target, target.length));
  return length < 0 ? length : target.subarray(0, length);
}

export function symlinkAt(target: ByteString, dir: number, name: ByteString): number {
  return negative(libc().symlinkat(cString(target), dir, cString(name)));
}

/** `rdev` in the kernel's 32-bit form, which is the low half of glibc's for majors below 4096. */
export function makeNodeAt(dir: number, name: ByteString, mode: number, rdev: number): number {
  return negative(libc().mknodat(dir, cString(name), mode, rdev));
}

export function makeDirectoryAt(dir: number, name: ByteString, mode: number): number {
  return negative(libc().mkdirat(dir, cString(name), mode));
}

export function unlinkAt(dir: number, name: ByteString): number {
  return negative(libc().unlinkat(dir, cString(name), 0));
}

export function removeDirectoryAt(dir: number, name: ByteString): number {
  return negative(libc().unlinkat(dir, cString(name), AT_REMOVEDIR));
}

/** `linux/fs.h`, for {@link renameAt}. */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** `flags`: {@link RENAME_NOREPLACE}, {@link RENAME_EXCHANGE}, RENAME_WHITEOUT 4. */
export function renameAt(from: number, name: ByteString, to: number, newName: ByteString, flags: number): number {
  const nr = arch.syscall.renameat2;
  return negative(libc().renameat2(nr, from, cString(name), to, cString(newName), flags));
}

export function truncateFd(fd: number, size: number): number {
  return negative(libc().ftruncate64(fd, size));
}

export function changeModeFd(fd: number, mode: number): number {
  return negative(libc().fchmod(fd, mode));
}

const procFd = (fd: number) => cString(`/proc/self/fd/${fd}` as ByteString);

/** chmod through an O_PATH descriptor: fchmodat2 (Linux 6.6), else by way of /proc. Symbolic links: EOPNOTSUPP. */
export function changeModePath(fd: number, mode: number): number {
  const result = negative(libc().fchmodat2(arch.syscall.fchmodat2, fd, new Uint8Array(1), mode, AT_EMPTY_PATH));
  return result === -Errno.ENOSYS ? negative(libc().fchmodat(AT_FDCWD, procFd(fd), mode, 0)) : result;
}

/** 0xffffffff leaves an id as it is. Works on O_PATH descriptors. */
export function changeOwner(fd: number, uid: number, gid: number): number {
  return negative(libc().fchownat(fd, new Uint8Array(1), uid, gid, AT_EMPTY_PATH));
}

/** Nanoseconds that leave a time as it is, or set it to now (`linux/stat.h`). */
export const UTIME_NOW = 0x3fff_ffff;
export const UTIME_OMIT = 0x3fff_fffe;

/** A time for {@link changeTimes}: seconds since 1970 and nanoseconds, or one of the two values above. */
export interface Time {
  readonly sec: number;
  readonly nsec: number;
}

/** utimensat through a descriptor, O_PATH ones included. */
export function changeTimes(fd: number, atime: Time, mtime: Time): number {
  const times = new BigInt64Array([BigInt(atime.sec), BigInt(atime.nsec), BigInt(mtime.sec), BigInt(mtime.nsec)]);
  return negative(libc().utimensat(fd, new Uint8Array(1), new Uint8Array(times.buffer), AT_EMPTY_PATH));
}

/** `mask`: R_OK 4, W_OK 2, X_OK 1, F_OK 0; with the effective ids (AT_EACCESS). */
export function accessAt(dir: number, name: ByteString, mask: number): number {
  return negative(libc().faccessat(dir, cString(name), mask, 0x200));
}

export function accessFd(fd: number, mask: number): number {
  return negative(libc().faccessat(AT_FDCWD, procFd(fd), mask, 0x200));
}

/** struct statfs64: sizes in units of `bsize` bytes; 2^53 - 1 stands for all that is beyond. */
export interface StatFs {
  /** Magic number of the file system (`linux/magic.h`). */
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly namelen: number;
  readonly frsize: number;
}

/** Works on O_PATH descriptors. */
export function statFs(fd: number): StatFs | number {
  const buffer = new Uint8Array(120);
  const result = negative(libc().fstatfs64(fd, buffer));
  if (result < 0) return result;
  const words = new BigUint64Array(buffer.buffer);
  // Network file systems without a limit say so by numbers near 2^64.
  const word = (index: number) => Math.min(Number.MAX_SAFE_INTEGER, Number(words[index]));
  return {
    type: Number(words[0] & 0xffff_ffffn),
    bsize: word(1),
    blocks: word(2),
    bfree: word(3),
    bavail: word(4),
    files: word(5),
    ffree: word(6),
    namelen: word(8),
    frsize: word(9),
  };
}

/** The flags that a descriptor was opened with, as far as the kernel keeps them. */
export function openFlags(fd: number): number {
  return negative(libc().fcntl(fd, F_GETFL, 0));
}

/** O_NONBLOCK on. */
export function setNonBlocking(fd: number): number {
  const flags = negative(libc().fcntl(fd, F_GETFL, 0));
  return flags < 0 ? flags : negative(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/** Takes a flag off that open(2) was given, of those that F_SETFL can change. */
export function clearFlag(fd: number, flag: number): number {
  const flags = negative(libc().fcntl(fd, F_GETFL, 0));
  return flags < 0 || (flags & flag) === 0 ? flags : negative(libc().fcntl(fd, F_SETFL, flags & ~flag));
}

/** Asks for a larger pipe buffer; refused (EPERM) beyond /proc/sys/fs/pipe-max-size. */
export function setPipeSize(fd: number, bytes: number): number {
  return negative(libc().fcntl(fd, F_SETPIPE_SZ, bytes));
}

/** Both ends close-on-exec; `flags` may add O_NONBLOCK to both. */
export function makePipe(flags = 0): { readEnd: number; writeEnd: number } | number {
  const ends = new Int32Array(2);
  const result = negative(libc().pipe2(new Uint8Array(ends.buffer), O_CLOEXEC | flags));
  return result < 0 ? result : { readEnd: ends[0], writeEnd: ends[1] };
}

/** A file without a name, in memory, gone with its last descriptor. `name` is only for people who look into /proc. */
export function makeMemoryFile(name: ByteString): number {
  const MFD_CLOEXEC = 1;
  return negative(libc().memfd_create(cString(name), MFD_CLOEXEC));
}
