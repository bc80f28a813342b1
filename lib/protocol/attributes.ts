import { DecodeError, type Reader, type Writer } from "../bytes/mod.ts";
import type { Stat } from "../linux/mod.ts";

/** Bytes of an encoded {@link Stat}. */
export const STAT_BYTES = 104;

/**
 * dev u64, ino u64, size u64, blocks u64, atime i64, mtime i64, ctime i64, btime i64, then u32 each: atimeNsec, mtimeNsec,
 * ctimeNsec, btimeNsec, mode, nlink, uid, gid, rdev, blksize.
 */
export function writeStat(to: Writer, stat: Stat): Writer {
  return to.u53(stat.dev).u64(stat.ino).u53(stat.size).u53(stat.blocks)
    .i53(stat.atime).i53(stat.mtime).i53(stat.ctime).i53(stat.btime)
    .u32(stat.atimeNsec).u32(stat.mtimeNsec).u32(stat.ctimeNsec).u32(stat.btimeNsec)
    .u32(stat.mode).u32(stat.nlink).u32(stat.uid).u32(stat.gid).u32(stat.rdev).u32(stat.blksize);
}

export function readStat(from: Reader): Stat {
  return {
    dev: from.u53(),
    ino: from.u64(),
    size: from.u53(),
    blocks: from.u53(),
    atime: from.i53(),
    mtime: from.i53(),
    ctime: from.i53(),
    btime: from.i53(),
    atimeNsec: nanoseconds(from),
    mtimeNsec: nanoseconds(from),
    ctimeNsec: nanoseconds(from),
    btimeNsec: nanoseconds(from),
    mode: from.u32(),
    nlink: from.u32(),
    uid: from.u32(),
    gid: from.u32(),
    rdev: from.u32(),
    blksize: from.u32(),
  };
}

function nanoseconds(from: Reader): number {
  const value = from.u32();
  if (value >= 1_000_000_000) throw new DecodeError(`Cannot decode a time: ${value} nanoseconds`);
  return value;
}
