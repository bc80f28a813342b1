import { DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import type { RangeLock } from "../linux/mod.ts";
import { whole } from "./file.ts";

/** Types of locks (F_RDLCK, F_WRLCK, F_UNLCK), and the end of a range that goes to the end of the file. */
const MAX_TYPE = 2;
const LAST_BYTE = 0x7fff_ffff_ffff_ffffn;

/** The range of a file that `owner` wants to lock or to know of. */
export interface RangeLockIn {
  readonly fh: number;
  /** A process or an open file description over there: whose locks are not in each other's way. */
  readonly owner: bigint;
  /** The process that asks, as others over there are told it; 0 when it cannot be told. */
  readonly pid: number;
  readonly lock: RangeLock;
  /** A number to wait under until the lock can be had; 0: not to wait. */
  readonly wait: number;
}

/** u32 handle, u64 owner, u32 pid, u32 wait, u8 type, u64 start, u64 end. */
export function encodeRangeLock({ fh, owner, pid, lock, wait }: RangeLockIn): Uint8Array {
  return writeLock(new Writer(40).u32(fh).u64(owner).u32(pid).u32(wait), lock).finish();
}

export function decodeRangeLock(body: Uint8Array): RangeLockIn {
  return whole(body, (from) => ({
    fh: from.u32(),
    owner: from.u64(),
    pid: from.u32(),
    wait: from.u32(),
    lock: readLock(from),
  }));
}

/** A lock that is in the way; of type F_UNLCK when there is none. */
export interface HeldLock {
  readonly lock: RangeLock;
  /** Who holds it over there; 0 for a process of the local side. */
  readonly pid: number;
}

/** u32 pid, u8 type, u64 start, u64 end. */
export function encodeHeldLock({ lock, pid }: HeldLock): Uint8Array {
  return writeLock(new Writer(24).u32(pid), lock).finish();
}

export function decodeHeldLock(body: Uint8Array): HeldLock {
  return whole(body, (from) => ({ pid: from.u32(), lock: readLock(from) }));
}

/** A file to lock as a whole, flock(2), for the handle. */
export interface FileLockIn {
  readonly fh: number;
  /** As of a range: F_RDLCK is a shared lock. */
  readonly type: number;
  /** See {@link RangeLockIn}. */
  readonly wait: number;
}

/** u32 handle, u32 wait, u8 type. */
export function encodeFileLock({ fh, wait, type }: FileLockIn): Uint8Array {
  return new Writer(12).u32(fh).u32(wait).u8(type).finish();
}

export function decodeFileLock(body: Uint8Array): FileLockIn {
  return whole(body, (from) => ({ fh: from.u32(), wait: from.u32(), type: readType(from) }));
}

/** The file's content as it was when the lock was taken. Two that are alike and settled are of the same content. */
export interface LockedOut {
  readonly size: number;
  readonly mtime: number;
  readonly mtimeNsec: number;
  readonly ctime: number;
  readonly ctimeNsec: number;
  /** False when the last change is so recent that another one could have the same time. */
  readonly settled: boolean;
}

/** u64 size, i64 + u32 mtime, i64 + u32 ctime, u8 settled. */
export function encodeLocked(out: LockedOut): Uint8Array {
  return new Writer(36).u53(out.size).i53(out.mtime).u32(out.mtimeNsec).i53(out.ctime).u32(out.ctimeNsec)
    .u8(out.settled ? 1 : 0).finish();
}

export function decodeLocked(body: Uint8Array): LockedOut {
  return whole(body, (from) => ({
    size: from.u53(),
    mtime: from.i53(),
    mtimeNsec: from.u32(),
    ctime: from.i53(),
    ctimeNsec: from.u32(),
    settled: from.u8() === 1,
  }));
}

/** The program has closed one of its descriptors of the handle: its locks on the file go with that. */
export interface FlushIn {
  readonly fh: number;
  readonly owner: bigint;
}

/** u32 handle, u64 owner. */
export function encodeFlush({ fh, owner }: FlushIn): Uint8Array {
  return new Writer(12).u32(fh).u64(owner).finish();
}

export function decodeFlush(body: Uint8Array): FlushIn {
  return whole(body, (from) => ({ fh: from.u32(), owner: from.u64() }));
}

function writeLock(to: Writer, { type, start, end }: RangeLock): Writer {
  return to.u8(type).u64(start).u64(end);
}

function readLock(from: Reader): RangeLock {
  const lock = { type: readType(from), start: from.u64(), end: from.u64() };
  if (lock.start > lock.end || lock.end > LAST_BYTE) {
    throw new DecodeError(`Cannot decode a lock: from ${lock.start} to ${lock.end}`);
  }
  return lock;
}

function readType(from: Reader): number {
  const type = from.u8();
  if (type > MAX_TYPE) throw new DecodeError(`Cannot decode a lock: type ${type}`);
  return type;
}
