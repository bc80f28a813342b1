/** One encoder for each structure the kernel is sent in an answer; each appends its structure to the reply. */
import {
  fuse_attr,
  fuse_attr_out,
  fuse_entry_out,
  fuse_init_out,
  fuse_kstatfs,
  fuse_open_out,
  fuse_write_out,
} from "./abi.ts";
import type { Attr, AttrOut, Entry, Opened, StatFsOut } from "./file_system.ts";
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
  reply.u32(at + fuse_attr.uid, attr.uid);
  reply.u32(at + fuse_attr.gid, attr.gid);
  reply.u32(at + fuse_attr.rdev, attr.rdev);
  reply.u32(at + fuse_attr.blksize, attr.blksize);
}

export function encodeOpenOut(reply: Reply, opened: Opened): void {
  const at = reply.take(fuse_open_out.sizeof);
  reply.u53(at + fuse_open_out.fh, opened.fh);
  reply.u32(at + fuse_open_out.open_flags, opened.flags);
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
