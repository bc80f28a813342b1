/** Locks on open files. None of these calls waits: what is held by others is -EAGAIN. */
import { libc, negative } from "./libc.ts";

/** Kinds of locks on ranges (`asm-generic/fcntl.h`). */
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;

// sys/file.h
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** The last byte that can be locked: a range that ends there goes to the end of the file, wherever that comes to be. */
export const LAST_BYTE = 0x7fff_ffff_ffff_ffffn;

/** A range of a file and how it is (to be) locked. */
export interface RangeLock {
  /** {@link F_RDLCK}, {@link F_WRLCK} or {@link F_UNLCK} */
  readonly type: number;
  readonly start: bigint;
  /** The last byte, included. */
  readonly end: bigint;
}

/**
 * Locks or unlocks a range for the open file description behind `fd` (F_OFD_SETLK): it is let go when the last descriptor
 * of that is closed. The locks of other descriptions and the POSIX locks of processes are in its way; EBADF when the
 * description is not open for what the lock is for.
 */
export function setRangeLock(fd: number, lock: RangeLock): number {
  return negative(libc().fcntlLock(fd, F_OFD_SETLK, flock(lock)));
}

/** A lock that is in the way of this one (perhaps with another range), F_UNLCK if there is none; or minus errno. */
export function testRangeLock(fd: number, lock: RangeLock): RangeLock | number {
  const buffer = flock(lock);
  const result = negative(libc().fcntlLock(fd, F_OFD_GETLK, buffer));
  if (result < 0) return result;
  const fields = new DataView(buffer.buffer);
  const start = fields.getBigInt64(8, true);
  const length = fields.getBigInt64(16, true);
  return { type: fields.getInt16(0, true), start, end: length === 0n ? LAST_BYTE : start + length - 1n };
}

/** struct flock: i16 type, i16 whence (SEEK_SET), i64 start, i64 length (0: to the end), i32 pid (must be 0). */
function flock({ type, start, end }: RangeLock): Uint8Array<ArrayBuffer> {
  const fields = new DataView(new ArrayBuffer(32));
  fields.setInt16(0, type, true);
  fields.setBigInt64(8, start, true);
  fields.setBigInt64(16, end === LAST_BYTE ? 0n : end - start + 1n, true);
  return new Uint8Array(fields.buffer);
}

/**
 * Locks or unlocks the file as a whole for the open file description behind `fd`: flock(2), with the `type` of a lock on
 * a range. Changing a lock may lose it, -EAGAIN included: that is how the kernel does it.
 */
export function setFileLock(fd: number, type: number): number {
  const operation = type === F_RDLCK ? LOCK_SH : type === F_WRLCK ? LOCK_EX : LOCK_UN;
  return negative(libc().flock(fd, operation | LOCK_NB));
}
