import { type ByteString, byteString, DecodeError, fromText, type Reader, type Writer } from "../bytes/mod.ts";
import type { Stat } from "../linux/mod.ts";

/** What is told of a file: its attributes, and which extended ones it has, so that nobody asks for those it has not. */
export interface FileAttr extends Stat {
  /** A NUL after each name, as listxattr(2) gives them; absent where they are not known, or long. */
  readonly xattrNames?: ByteString;
  /** Of a file with several names: changes are told by whichever of them it is changed. */
  readonly isWatched?: true;
}

/** Most bytes of names that are told unasked. */
export const MAX_XATTR_NAMES = 1024;

/** Bytes of an encoded {@link FileAttr}, its names left out. */
export const STAT_BYTES = 111;

/** Among the traits: isWatched. */
const WATCHED = 0x80;

/** In place of the names' length: they are not known. */
const UNKNOWN = 0xffff;
const NONE = fromText("");

/**
 * dev u64, ino u64, size u64, blocks u64, atime i64, mtime i64, ctime i64, btime i64, then u32 each: atimeNsec, mtimeNsec,
 * ctimeNsec, btimeNsec, mode, nlink, uid, gid, rdev, blksize, mount; u8 traits and 0x80 for isWatched; then string16 xattrNames, or u16 0xffff without.
 */
export function writeStat(to: Writer, stat: FileAttr): Writer {
  to.u53(stat.dev).u64(stat.ino).u53(stat.size).u53(stat.blocks)
    .i53(stat.atime).i53(stat.mtime).i53(stat.ctime).i53(stat.btime)
    .u32(stat.atimeNsec).u32(stat.mtimeNsec).u32(stat.ctimeNsec).u32(stat.btimeNsec)
    .u32(stat.mode).u32(stat.nlink).u32(stat.uid).u32(stat.gid).u32(stat.rdev).u32(stat.blksize)
    .u32(stat.mount ?? 0).u8((stat.traits ?? 0) | (stat.isWatched ? WATCHED : 0));
  return stat.xattrNames === undefined ? to.u16(UNKNOWN) : to.string16(stat.xattrNames);
}

export function readStat(from: Reader): FileAttr {
  const stat = {
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
    mount: from.u32(),
    traits: from.u8(),
    xattrNames: readXattrNames(from),
  };
  const { traits } = stat;
  return (traits & WATCHED) === 0 ? stat : { ...stat, traits: traits & ~WATCHED, isWatched: true };
}

function readXattrNames(from: Reader): ByteString | undefined {
  const length = from.u16();
  if (length === UNKNOWN) return undefined;
  if (length === 0) return NONE;
  if (length > MAX_XATTR_NAMES) throw new DecodeError(`Cannot decode attributes: ${length} bytes of names`);
  const names = byteString(from.bytes(length));
  if (!/^([^\0]+\0)*$/.test(names)) {
    throw new DecodeError("Cannot decode attributes: names that are empty or do not end");
  }
  return names;
}

function nanoseconds(from: Reader): number {
  const value = from.u32();
  if (value >= 1_000_000_000) throw new DecodeError(`Cannot decode a time: ${value} nanoseconds`);
  return value;
}
