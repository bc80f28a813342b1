/**
 * Messages to the kernel that nobody asked for, to be written to the device as they are. write(2) gives their length,
 * or an errno: ENOENT where the kernel knows no such inode or name, which is as good as success; EAGAIN never.
 *
 * Beware of where they are written. All but the first form of {@link encodeInvalInode} wait in the kernel, without a
 * limit and deaf to signals, for locks that a request holds until it is answered: for the parent directory
 * (encodeInvalEntry, encodeDelete), for pages under readahead or write-back (encodeInvalInode with a range,
 * encodeStore). Written by the thread that serves the device, they may wait for that thread's own answer for ever; they
 * are to be written by another one.
 */
import { type ByteString, toBytes } from "../bytes/mod.ts";
import {
  FUSE_EXPIRE_ONLY,
  fuse_notify_delete_out,
  fuse_notify_inval_entry_out,
  fuse_notify_inval_inode_out,
  fuse_notify_store_out,
  fuse_out_header,
  NotifyCode,
} from "./abi.ts";
import type { NodeId } from "./file_system.ts";

/** Bytes of a file; a length of 0 goes to the end. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * Ends the lifetime of the attributes of `nodeId`; with a range, also drops the cached data there (dirty data is written
 * first).
 */
export function encodeInvalInode(nodeId: NodeId, range?: Range): Uint8Array<ArrayBuffer> {
  const s = fuse_notify_inval_inode_out;
  const { message, view, body } = start(NotifyCode.FUSE_NOTIFY_INVAL_INODE, s.sizeof);
  view.setBigUint64(body + s.ino, BigInt(nodeId), true);
  // A negative offset is "attributes only".
  view.setBigInt64(body + s.off, BigInt(range?.offset ?? -1), true);
  view.setBigInt64(body + s.len, BigInt(range?.length ?? 0), true);
  return message;
}

/**
 * Drops `name` in `parent`, unless it is a mount point; whatever is open stays open. With `expireOnly` only its lifetime
 * ends, so that the next use looks it up again (FUSE_HAS_EXPIRE_ONLY; older kernels drop it all the same).
 */
export function encodeInvalEntry(
  parent: NodeId,
  name: ByteString,
  { expireOnly = false }: { expireOnly?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const s = fuse_notify_inval_entry_out;
  const { message, view, body } = start(NotifyCode.FUSE_NOTIFY_INVAL_ENTRY, s.sizeof + name.length + 1);
  view.setBigUint64(body + s.parent, BigInt(parent), true);
  view.setUint32(body + s.namelen, name.length, true);
  view.setUint32(body + s.flags, expireOnly ? FUSE_EXPIRE_ONLY : 0, true);
  message.set(toBytes(name), body + s.sizeof);
  return message;
}

/**
 * `name` in `parent`, which was `child`, was deleted: drops it, and inotify watchers hear of it. ENOENT also when the
 * name is another inode by now, ENOTEMPTY or EBUSY when it is a directory in use.
 */
export function encodeDelete(parent: NodeId, child: NodeId, name: ByteString): Uint8Array<ArrayBuffer> {
  const s = fuse_notify_delete_out;
  const { message, view, body } = start(NotifyCode.FUSE_NOTIFY_DELETE, s.sizeof + name.length + 1);
  view.setBigUint64(body + s.parent, BigInt(parent), true);
  view.setBigUint64(body + s.child, BigInt(child), true);
  view.setUint32(body + s.namelen, name.length, true);
  message.set(toBytes(name), body + s.sizeof);
  return message;
}

/** Puts `data` into the page cache of `nodeId` at `offset`; a file that was shorter grows. */
export function encodeStore(nodeId: NodeId, offset: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const s = fuse_notify_store_out;
  const { message, view, body } = start(NotifyCode.FUSE_NOTIFY_STORE, s.sizeof + data.length);
  view.setBigUint64(body + s.nodeid, BigInt(nodeId), true);
  view.setBigUint64(body + s.offset, BigInt(offset), true);
  view.setUint32(body + s.size, data.length, true);
  message.set(data, body + s.sizeof);
  return message;
}

/** A message with its header: `unique` is 0, and the code stands where an answer has its error. */
function start(code: number, size: number): { message: Uint8Array<ArrayBuffer>; view: DataView; body: number } {
  const message = new Uint8Array(fuse_out_header.sizeof + size);
  const view = new DataView(message.buffer);
  view.setUint32(fuse_out_header.len, message.length, true);
  view.setInt32(fuse_out_header.error, code, true);
  return { message, view, body: fuse_out_header.sizeof };
}
