/** One encoder for each structure the kernel is sent in an answer; each appends its structure to the reply. */
import { decodeDevice, NO_BIRTH, STATX_BASIC_STATS, STATX_BTIME } from "../linux/mod.ts";
import {
  fuse_attr,
  fuse_attr_out,
  fuse_copy_file_range_out,
  fuse_entry_out,
  fuse_file_lock,
  fuse_getxattr_out,
  fuse_init_out,
  fuse_kstatfs,
  fuse_lk_out,
  fuse_lseek_out,
  fuse_open_out,
  fuse_statx,
  fuse_statx_out,
  fuse_sx_time,
  fuse_write_out,
} from "./abi.ts";
import type { Attr, AttrOut, Entry, FileLock, Opened, StatFsOut, StatxAttr } from "./file_system.ts";
import type { Negotiated } from "./init.ts";
import type { Reply } from "./reply.ts";

/** The longest lifetime the kernel can be told, in ms (136 years): Infinity becomes this. */
const MAX_LIFETIME = 0xffff_ffff * 1000;

export function encodeEntryOut(reply: Reply, entry: Entry): void {
  const at = reply.take(fuse_entry_out.sizeof);
  reply.u53(at + fuse_entry_out.nodeid, entry.nodeId);
  reply.u53(at + fuse_entry_out.generation, entry.generation);
  encodeLifetime(reply, at + fuse_entry_out.entry_valid, at + fuse_entry_out.entry_valid_nsec, entry.entryValid);
  encodeLifetime(reply, at + fuse_entry_out.attr_valid, at + fuse_entry_out.attr_valid_nsec, entry.attrValid);
  if (entry.nodeId !== 0) encodeAttr(reply, at + fuse_entry_out.attr, entry.attr);
}

export function encodeAttrOut(reply: Reply, out: AttrOut): void {
  const at = reply.take(fuse_attr_out.sizeof);
  encodeLifetime(reply, at + fuse_attr_out.attr_valid, at + fuse_attr_out.attr_valid_nsec, out.attrValid);
  encodeAttr(reply, at + fuse_attr_out.attr, out.attr);
}

/** `valid`: ms, fractions allowed. */
function encodeLifetime(reply: Reply, sec: number, nsec: number, valid: number): void {
  const ms = Math.min(valid, MAX_LIFETIME);
  const seconds = Math.floor(ms / 1000);
  reply.u53(sec, seconds);
  reply.u32(nsec, (ms - seconds * 1000) * 1_000_000);
}

function encodeAttr(reply: Reply, at: number, attr: Attr): void {
  reply.u64(at + fuse_attr.ino, attr.ino);
  reply.u53(at + fuse_attr.size, attr.size);
  reply.u53(at + fuse_attr.blocks, attr.blocks);
  reply.u53(at + fuse_attr.atime, attr.atime);
  reply.u53(at + fuse_attr.mtime, attr.mtime);
  reply.u53(at + fuse_attr.ctime, attr.ctime);
  reply.u32(at + fuse_attr.atimensec, attr.atimeNsec);
  reply.u32(at + fuse_attr.mtimensec, attr.mtimeNsec);
  reply.u32(at + fuse_attr.ctimensec, attr.ctimeNsec);
  reply.u32(at + fuse_attr.mode, attr.mode);
  reply.u32(at + fuse_attr.nlink, attr.nlink);
  const { uid, gid } = reply.showOwner(attr);
  reply.u32(at + fuse_attr.uid, uid);
  reply.u32(at + fuse_attr.gid, gid);
  reply.u32(at + fuse_attr.rdev, attr.rdev);
  reply.u32(at + fuse_attr.blksize, attr.blksize);
}

export function encodeOpenOut(reply: Reply, opened: Opened): void {
  const at = reply.take(fuse_open_out.sizeof);
  reply.u53(at + fuse_open_out.fh, opened.fh);
  reply.u32(at + fuse_open_out.open_flags, opened.flags);
}

export function encodeStatxOut(reply: Reply, out: AttrOut & { attr: StatxAttr }): void {
  const at = reply.take(fuse_statx_out.sizeof);
  encodeLifetime(reply, at + fuse_statx_out.attr_valid, at + fuse_statx_out.attr_valid_nsec, out.attrValid);
  encodeStatx(reply, at + fuse_statx_out.stat, out.attr);
}

function encodeStatx(reply: Reply, at: number, attr: StatxAttr): void {
  const isBorn = attr.btime !== NO_BIRTH;
  reply.u32(at + fuse_statx.mask, isBorn ? STATX_BASIC_STATS | STATX_BTIME : STATX_BASIC_STATS);
  reply.u32(at + fuse_statx.blksize, attr.blksize);
  reply.u32(at + fuse_statx.nlink, attr.nlink);
  const { uid, gid } = reply.showOwner(attr);
  reply.u32(at + fuse_statx.uid, uid);
  reply.u32(at + fuse_statx.gid, gid);
  reply.u16(at + fuse_statx.mode, attr.mode);
  reply.u64(at + fuse_statx.ino, attr.ino);
  reply.u53(at + fuse_statx.size, attr.size);
  reply.u53(at + fuse_statx.blocks, attr.blocks);
  encodeTime(reply, at + fuse_statx.atime, attr.atime, attr.atimeNsec);
  if (isBorn) encodeTime(reply, at + fuse_statx.btime, attr.btime, attr.btimeNsec);
  encodeTime(reply, at + fuse_statx.ctime, attr.ctime, attr.ctimeNsec);
  encodeTime(reply, at + fuse_statx.mtime, attr.mtime, attr.mtimeNsec);
  const { major, minor } = decodeDevice(attr.rdev);
  reply.u32(at + fuse_statx.rdev_major, major);
  reply.u32(at + fuse_statx.rdev_minor, minor);
}

function encodeTime(reply: Reply, at: number, sec: number, nsec: number): void {
  reply.u53(at + fuse_sx_time.tv_sec, sec);
  reply.u32(at + fuse_sx_time.tv_nsec, nsec);
}

/** `size`: bytes of what was only asked for its length. */
export function encodeGetxattrOut(reply: Reply, size: number): void {
  const at = reply.take(fuse_getxattr_out.sizeof);
  reply.u32(at + fuse_getxattr_out.size, size);
}

export function encodeLseekOut(reply: Reply, offset: number): void {
  const at = reply.take(fuse_lseek_out.sizeof);
  reply.u53(at + fuse_lseek_out.offset, offset);
}

export function encodeCopyFileRangeOut(reply: Reply, copied: number): void {
  const at = reply.take(fuse_copy_file_range_out.sizeof);
  reply.u53(at + fuse_copy_file_range_out.bytes_copied, copied);
}

/** `written`: bytes. */
export function encodeWriteOut(reply: Reply, written: number): void {
  const at = reply.take(fuse_write_out.sizeof);
  reply.u32(at + fuse_write_out.size, written);
}

export function encodeStatfsOut(reply: Reply, st: StatFsOut): void {
  const at = reply.take(fuse_kstatfs.sizeof);
  reply.u53(at + fuse_kstatfs.blocks, st.blocks);
  reply.u53(at + fuse_kstatfs.bfree, st.bfree);
  reply.u53(at + fuse_kstatfs.bavail, st.bavail);
  reply.u53(at + fuse_kstatfs.files, st.files);
  reply.u53(at + fuse_kstatfs.ffree, st.ffree);
  reply.u32(at + fuse_kstatfs.bsize, st.bsize);
  reply.u32(at + fuse_kstatfs.namelen, st.namelen);
  reply.u32(at + fuse_kstatfs.frsize, st.frsize);
}

export function encodeLkOut(reply: Reply, { type, start, end, pid }: FileLock): void {
  const at = reply.take(fuse_lk_out.sizeof) + fuse_lk_out.lk;
  reply.u64(at + fuse_file_lock.start, start);
  reply.u64(at + fuse_file_lock.end, end);
  reply.u32(at + fuse_file_lock.type, type);
  reply.u32(at + fuse_file_lock.pid, pid);
}

export function encodeInitOut(reply: Reply, agreed: Negotiated): void {
  const at = reply.take(fuse_init_out.sizeof);
  reply.u32(at + fuse_init_out.major, agreed.major);
  reply.u32(at + fuse_init_out.minor, agreed.minor);
  reply.u32(at + fuse_init_out.max_readahead, agreed.maxReadahead);
  reply.u32(at + fuse_init_out.flags, agreed.flags);
  reply.u16(at + fuse_init_out.max_background, agreed.maxBackground);
  reply.u16(at + fuse_init_out.congestion_threshold, agreed.congestionThreshold);
  reply.u32(at + fuse_init_out.max_write, agreed.maxWrite);
  // Times are exact to the nanosecond.
  reply.u32(at + fuse_init_out.time_gran, 1);
  reply.u16(at + fuse_init_out.max_pages, agreed.maxPages);
  reply.u32(at + fuse_init_out.flags2, agreed.flags2);
}
