/**
 * One decoder for each structure the kernel sends. Each throws DecodeError where the request is shorter than its
 * structure or a name does not end; names and data follow their structure directly.
 */
import { type ByteString, DecodeError } from "../bytes/mod.ts";
import { F_UNLCK, LAST_BYTE } from "../linux/mod.ts";
import {
  FATTR_ATIME,
  FATTR_ATIME_NOW,
  FATTR_CTIME,
  FATTR_FH,
  FATTR_GID,
  FATTR_KILL_SUIDGID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_MTIME_NOW,
  FATTR_SIZE,
  FATTR_UID,
  fuse_access_in,
  fuse_batch_forget_in,
  fuse_create_in,
  fuse_file_lock,
  fuse_flush_in,
  fuse_forget_in,
  fuse_forget_one,
  FUSE_FSYNC_FDATASYNC,
  fuse_fsync_in,
  FUSE_GETATTR_FH,
  fuse_getattr_in,
  fuse_init_in,
  fuse_interrupt_in,
  fuse_link_in,
  FUSE_LK_FLOCK,
  fuse_lk_in,
  fuse_mkdir_in,
  fuse_mknod_in,
  fuse_open_in,
  fuse_read_in,
  fuse_release_in,
  fuse_rename2_in,
  fuse_rename_in,
  fuse_setattr_in,
  FUSE_WRITE_CACHE,
  fuse_write_in,
  FUSE_WRITE_KILL_SUIDGID,
  InitFlag,
} from "./abi.ts";
import type { FileLock, NewFile, NewNode, NodeId, SetAttr } from "./file_system.ts";
import type { Request } from "./request.ts";

/** What the kernel offers. */
export interface InitIn {
  readonly major: number;
  readonly minor: number;
  /** Bytes. */
  readonly maxReadahead: number;
  /** {@link InitFlag} */
  readonly flags: number;
  /** {@link InitFlag2}; 0 from kernels that have no second word. */
  readonly flags2: number;
}

export function decodeInitIn(request: Request): InitIn {
  request.need(fuse_init_in.sizeofBefore36);
  const flags = request.u32(fuse_init_in.flags);
  const extended = (flags & InitFlag.FUSE_INIT_EXT) !== 0;
  if (extended) request.need(fuse_init_in.sizeof);
  return {
    major: request.u32(fuse_init_in.major),
    minor: request.u32(fuse_init_in.minor),
    maxReadahead: request.u32(fuse_init_in.max_readahead),
    flags,
    flags2: extended ? request.u32(fuse_init_in.flags2) : 0,
  };
}

/** The body of LOOKUP, UNLINK and RMDIR. */
export function decodeName(request: Request): ByteString {
  request.need(0);
  return request.name(0);
}

/** The body of SYMLINK: the new name, then the target. */
export function decodeSymlink(request: Request): { name: ByteString; target: ByteString } {
  request.need(0);
  const name = request.name(0);
  return { name, target: request.name(name.length + 1) };
}

/** The number of lookups forgotten. */
export function decodeForgetIn(request: Request): number {
  request.need(fuse_forget_in.sizeof);
  return request.u53(fuse_forget_in.nlookup);
}

export function decodeBatchForgetIn(request: Request): { nodeId: NodeId; lookups: number }[] {
  request.need(fuse_batch_forget_in.sizeof);
  const count = request.u32(fuse_batch_forget_in.count);
  request.need(fuse_batch_forget_in.sizeof + count * fuse_forget_one.sizeof);
  const forgotten = [];
  for (let i = 0; i < count; i++) {
    const at = fuse_batch_forget_in.sizeof + i * fuse_forget_one.sizeof;
    forgotten.push({
      nodeId: request.u53(at + fuse_forget_one.nodeid),
      lookups: request.u53(at + fuse_forget_one.nlookup),
    });
  }
  return forgotten;
}

/** The open file that is asked about, if it is one. */
export function decodeGetattrIn(request: Request): number | undefined {
  request.need(fuse_getattr_in.sizeof);
  const known = (request.u32(fuse_getattr_in.getattr_flags) & FUSE_GETATTR_FH) !== 0;
  return known ? request.u53(fuse_getattr_in.fh) : undefined;
}

export function decodeSetattrIn(request: Request): SetAttr {
  request.need(fuse_setattr_in.sizeof);
  const s = fuse_setattr_in;
  const valid = request.u32(s.valid);
  const time = (flag: number, now: number, sec: number, nsec: number) => {
    if ((valid & flag) === 0) return undefined;
    return (valid & now) !== 0 ? "now" as const : { sec: request.i53(sec), nsec: request.u32(nsec) };
  };
  const ctime = time(FATTR_CTIME, 0, s.ctime, s.ctimensec);
  return {
    mode: valid & FATTR_MODE ? request.u32(s.mode) : undefined,
    uid: valid & FATTR_UID ? request.u32(s.uid) : undefined,
    gid: valid & FATTR_GID ? request.u32(s.gid) : undefined,
    size: valid & FATTR_SIZE ? request.position(s.size) : undefined,
    atime: time(FATTR_ATIME, FATTR_ATIME_NOW, s.atime, s.atimensec),
    mtime: time(FATTR_MTIME, FATTR_MTIME_NOW, s.mtime, s.mtimensec),
    ctime: ctime === "now" ? undefined : ctime,
    fh: valid & FATTR_FH ? request.u53(s.fh) : undefined,
    killSuidgid: (valid & FATTR_KILL_SUIDGID) !== 0,
  };
}

export function decodeMknodIn(request: Request): { name: ByteString; node: NewNode & { rdev: number } } {
  request.need(fuse_mknod_in.sizeof);
  return {
    name: request.name(fuse_mknod_in.sizeof),
    node: {
      mode: request.u32(fuse_mknod_in.mode),
      umask: request.u32(fuse_mknod_in.umask),
      rdev: request.u32(fuse_mknod_in.rdev),
    },
  };
}

export function decodeMkdirIn(request: Request): { name: ByteString; node: NewNode } {
  request.need(fuse_mkdir_in.sizeof);
  return {
    name: request.name(fuse_mkdir_in.sizeof),
    node: { mode: request.u32(fuse_mkdir_in.mode), umask: request.u32(fuse_mkdir_in.umask) },
  };
}

/** A name and where it goes. */
export interface RenameIn {
  readonly name: ByteString;
  readonly to: { readonly parent: NodeId; readonly name: ByteString; readonly flags: number };
}

export function decodeRenameIn(request: Request): RenameIn {
  request.need(fuse_rename_in.sizeof);
  return renameIn(request, fuse_rename_in.sizeof, 0);
}

export function decodeRename2In(request: Request): RenameIn {
  request.need(fuse_rename2_in.sizeof);
  return renameIn(request, fuse_rename2_in.sizeof, request.u32(fuse_rename2_in.flags));
}

/** Both structures begin with `newdir`. */
function renameIn(request: Request, sizeof: number, flags: number): RenameIn {
  const name = request.name(sizeof);
  const newName = request.name(sizeof + name.length + 1);
  return { name, to: { parent: request.u53(fuse_rename_in.newdir), name: newName, flags } };
}

/** The new name goes into the directory that the header names. */
export function decodeLinkIn(request: Request): { oldNodeId: NodeId; name: ByteString } {
  request.need(fuse_link_in.sizeof);
  return { oldNodeId: request.u53(fuse_link_in.oldnodeid), name: request.name(fuse_link_in.sizeof) };
}

/** Also of OPENDIR: the flags of open(2), without O_CREAT and O_EXCL. */
export function decodeOpenIn(request: Request): number {
  request.need(fuse_open_in.sizeof);
  return request.u32(fuse_open_in.flags);
}

/** Also of TMPFILE. */
export function decodeCreateIn(request: Request): { name: ByteString; how: NewFile } {
  request.need(fuse_create_in.sizeof);
  return {
    name: request.name(fuse_create_in.sizeof),
    how: {
      flags: request.u32(fuse_create_in.flags),
      mode: request.u32(fuse_create_in.mode),
      umask: request.u32(fuse_create_in.umask),
    },
  };
}

export function decodeReadIn(request: Request): { fh: number; offset: number; size: number } {
  request.need(fuse_read_in.sizeof);
  return {
    fh: request.u53(fuse_read_in.fh),
    offset: request.position(fuse_read_in.offset),
    size: request.u32(fuse_read_in.size),
  };
}

/** fuse_read_in of READDIR and READDIRPLUS: the offset is a cookie of ours. */
export function decodeReaddirIn(request: Request): { fh: number; offset: bigint; size: number } {
  request.need(fuse_read_in.sizeof);
  return {
    fh: request.u53(fuse_read_in.fh),
    offset: request.u64(fuse_read_in.offset),
    size: request.u32(fuse_read_in.size),
  };
}

/** `data` is a view of the request's buffer. */
export function decodeWriteIn(
  request: Request,
): { fh: number; offset: number; data: Uint8Array<ArrayBuffer>; killSuidgid: boolean; cached: boolean } {
  request.need(fuse_write_in.sizeof);
  const size = request.u32(fuse_write_in.size);
  const flags = request.u32(fuse_write_in.write_flags);
  request.need(fuse_write_in.sizeof + size);
  return {
    fh: request.u53(fuse_write_in.fh),
    offset: request.position(fuse_write_in.offset),
    data: request.bytes(fuse_write_in.sizeof, size),
    killSuidgid: (flags & FUSE_WRITE_KILL_SUIDGID) !== 0,
    cached: (flags & FUSE_WRITE_CACHE) !== 0,
  };
}

/** Also of RELEASEDIR. */
export function decodeReleaseIn(request: Request): number {
  request.need(fuse_release_in.sizeof);
  return request.u53(fuse_release_in.fh);
}

export function decodeFlushIn(request: Request): { fh: number; lockOwner: bigint } {
  request.need(fuse_flush_in.sizeof);
  return { fh: request.u53(fuse_flush_in.fh), lockOwner: request.u64(fuse_flush_in.lock_owner) };
}

/** Also of FSYNCDIR. */
export function decodeFsyncIn(request: Request): { fh: number; dataOnly: boolean } {
  request.need(fuse_fsync_in.sizeof);
  return {
    fh: request.u53(fuse_fsync_in.fh),
    dataOnly: (request.u32(fuse_fsync_in.fsync_flags) & FUSE_FSYNC_FDATASYNC) !== 0,
  };
}

export function decodeAccessIn(request: Request): number {
  request.need(fuse_access_in.sizeof);
  return request.u32(fuse_access_in.mask);
}

/** Of GETLK, SETLK and SETLKW. */
export interface LockIn {
  readonly fh: number;
  readonly owner: bigint;
  readonly lock: FileLock;
  /** flock(2): the lock's range means nothing. */
  readonly flock: boolean;
}

export function decodeLkIn(request: Request): LockIn {
  request.need(fuse_lk_in.sizeof);
  const at = fuse_lk_in.lk;
  const lock = {
    type: request.u32(at + fuse_file_lock.type),
    start: request.u64(at + fuse_file_lock.start),
    end: request.u64(at + fuse_file_lock.end),
    pid: request.u32(at + fuse_file_lock.pid),
  };
  if (lock.type > F_UNLCK || lock.start > lock.end || lock.end > LAST_BYTE) {
    throw new DecodeError(`Cannot decode a lock: type ${lock.type} from ${lock.start} to ${lock.end}`);
  }
  return {
    fh: request.u53(fuse_lk_in.fh),
    owner: request.u64(fuse_lk_in.owner),
    lock,
    flock: (request.u32(fuse_lk_in.lk_flags) & FUSE_LK_FLOCK) !== 0,
  };
}

/** The `unique` of the request that was interrupted. */
export function decodeInterruptIn(request: Request): number {
  request.need(fuse_interrupt_in.sizeof);
  return request.u53(fuse_interrupt_in.unique);
}
