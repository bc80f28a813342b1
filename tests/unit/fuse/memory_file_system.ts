import { type ByteString, byteString, toBytes } from "../../../lib/bytes/mod.ts";
import type {
  Attr,
  AttrOut,
  Caller,
  DirEntry,
  DirSink,
  Entry,
  FileCopy,
  FileLock,
  FileRange,
  FileSystem,
  LockRequest,
  NewFile,
  NewNode,
  NewXattr,
  NodeId,
  Opened,
  Result,
  SetAttr,
  StatFsOut,
  StatxAttr,
} from "../../../lib/fuse/mod.ts";
import { FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE } from "../../../lib/fuse/mod.ts";
import {
  Errno,
  ErrnoError,
  F_UNLCK,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_HOLE,
} from "../../../lib/linux/mod.ts";

const O_TRUNC = 0o1000;
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
/** When everything was made, in seconds. */
export const BIRTH = 1_000_000_000;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** What a directory entry leads to. */
export interface Node {
  readonly id: NodeId;
  attr: Attr;
  data: Uint8Array;
  target: ByteString;
  readonly children: Map<ByteString, Node>;
  readonly xattrs: Map<ByteString, Uint8Array>;
  parent: Node;
  /** As the kernel counts them. */
  lookups: number;
}

/** How the kernel is answered. */
export interface MemoryOptions {
  /** Of entries and attributes, in ms. */
  readonly lifetime: number;
  readonly keepCache?: boolean;
  readonly directIo?: boolean;
}

/** A file system in memory, with exact lookup counts. */
export class MemoryFileSystem implements FileSystem {
  readonly root: Node;
  readonly nodes = new Map<NodeId, Node>();
  /** Open handles: what each is open on. */
  readonly handles = new Map<number, { node: Node; listing: DirEntry[] }>();
  readonly #options: MemoryOptions;
  #lastId = 0;
  #lastHandle = 0;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.root = this.makeNode(undefined, S_IFDIR | 0o755, { uid: 0, gid: 0 });
    this.root.lookups = 1;
  }

  makeNode(parent: Node | undefined, mode: number, { uid, gid }: { uid: number; gid: number }, rdev = 0): Node {
    const id = ++this.#lastId;
    const time = Date.now();
    const [sec, nsec] = [Math.floor(time / 1000), (time % 1000) * 1_000_000];
    const attr = {
      ...{ ino: BigInt(id), mode, uid, gid, rdev, size: 0, blocks: 0, blksize: 4096 },
      nlink: (mode & S_IFMT) === S_IFDIR ? 2 : 1,
      ...{ atime: sec, atimeNsec: nsec, mtime: sec, mtimeNsec: nsec, ctime: sec, ctimeNsec: nsec },
    };
    const empty = { data: new Uint8Array(), target: "" as ByteString, children: new Map(), xattrs: new Map() };
    const node = { id, attr, ...empty, lookups: 0 };
    const whole = { ...node, parent: parent as Node };
    whole.parent ??= whole;
    this.nodes.set(id, whole);
    return whole;
  }

  /** Adds a file from outside, as if it had always been there. */
  addFile(name: ByteString, data: Uint8Array): Node {
    const node = this.makeNode(this.root, S_IFREG | 0o644, { uid: 0, gid: 0 });
    this.root.children.set(name, node);
    node.data = data;
    this.#resize(node, data.length);
    return node;
  }

  lookup(parent: NodeId, name: ByteString, _caller: Caller): Result<Entry> {
    const node = this.node(parent).children.get(name);
    if (node === undefined) throw new ErrnoError(Errno.ENOENT, "look up");
    return this.entry(node);
  }

  forget(nodeId: NodeId, lookups: number): void {
    const node = this.node(nodeId);
    node.lookups -= lookups;
    if (node.lookups < 0) throw new Error(`node ${nodeId} was forgotten too often`);
  }

  getattr(nodeId: NodeId, _fh: number | undefined, _caller: Caller): Result<AttrOut> {
    return { attr: this.node(nodeId).attr, attrValid: this.#options.lifetime };
  }

  setattr(nodeId: NodeId, change: SetAttr, caller: Caller): Result<AttrOut> {
    const node = this.node(nodeId);
    const { mode, uid, gid, size, atime, mtime } = change;
    if (mode !== undefined) node.attr = { ...node.attr, mode: (node.attr.mode & S_IFMT) | (mode & 0o7777) };
    if (uid !== undefined) node.attr = { ...node.attr, uid };
    if (gid !== undefined) node.attr = { ...node.attr, gid };
    // FUSE_HANDLE_KILLPRIV_V2 makes this the file system's business.
    const kill = change.killSuidgid || uid !== undefined || gid !== undefined;
    if (kill && (node.attr.mode & S_IFMT) === S_IFREG) {
      node.attr = { ...node.attr, mode: node.attr.mode & ~(node.attr.mode & 0o10 ? 0o6000 : 0o4000) };
    }
    if (size !== undefined) this.#resize(node, size);
    if (atime !== undefined && atime !== "now") {
      node.attr = { ...node.attr, atime: atime.sec, atimeNsec: atime.nsec };
    }
    if (mtime !== undefined && mtime !== "now") {
      node.attr = { ...node.attr, mtime: mtime.sec, mtimeNsec: mtime.nsec };
    }
    return this.getattr(nodeId, undefined, caller);
  }

  readlink(nodeId: NodeId, _caller: Caller): Result<Uint8Array> {
    return toBytes(this.node(nodeId).target);
  }

  symlink(parent: NodeId, name: ByteString, target: ByteString, caller: Caller): Result<Entry> {
    const node = this.#add(parent, name, S_IFLNK | 0o777, caller);
    node.target = target;
    node.attr = { ...node.attr, size: target.length };
    return this.entry(node);
  }

  mknod(parent: NodeId, name: ByteString, how: NewNode & { rdev: number }, caller: Caller): Result<Entry> {
    return this.entry(this.#add(parent, name, how.mode & ~how.umask, caller, how.rdev));
  }

  mkdir(parent: NodeId, name: ByteString, how: NewNode, caller: Caller): Result<Entry> {
    return this.entry(this.#add(parent, name, S_IFDIR | (how.mode & ~how.umask), caller));
  }

  unlink(parent: NodeId, name: ByteString, _caller: Caller): Result<void> {
    const node = this.#remove(this.node(parent), name);
    node.attr = { ...node.attr, nlink: node.attr.nlink - 1 };
  }

  rmdir(parent: NodeId, name: ByteString, _caller: Caller): Result<void> {
    const node = this.node(parent).children.get(name);
    if (node !== undefined && node.children.size > 0) throw new ErrnoError(Errno.ENOTEMPTY, "remove");
    this.#remove(this.node(parent), name);
  }

  rename(
    parent: NodeId,
    name: ByteString,
    to: { parent: NodeId; name: ByteString; flags: number },
    _caller: Caller,
  ): Result<void> {
    const [from, into] = [this.node(parent), this.node(to.parent)];
    const moved = this.#remove(from, name);
    const replaced = into.children.get(to.name);
    if (replaced !== undefined && (to.flags & RENAME_NOREPLACE) !== 0) {
      from.children.set(name, moved);
      throw new ErrnoError(Errno.EEXIST, "rename");
    }
    into.children.set(to.name, moved);
    moved.parent = into;
    if (replaced !== undefined && (to.flags & RENAME_EXCHANGE) !== 0) from.children.set(name, replaced);
  }

  link(nodeId: NodeId, parent: NodeId, name: ByteString, _caller: Caller): Result<Entry> {
    const node = this.node(nodeId);
    this.node(parent).children.set(name, node);
    node.attr = { ...node.attr, nlink: node.attr.nlink + 1 };
    return this.entry(node);
  }

  open(nodeId: NodeId, flags: number, _caller: Caller): Result<Opened> {
    if ((flags & O_TRUNC) !== 0) this.#resize(this.node(nodeId), 0);
    return this.opened(this.node(nodeId));
  }

  create(
    parent: NodeId,
    name: ByteString,
    how: NewFile,
    caller: Caller,
  ): Result<{ entry: Entry; opened: Opened }> {
    const node = this.#add(parent, name, S_IFREG | (how.mode & ~how.umask), caller);
    return { entry: this.entry(node), opened: this.opened(node) };
  }

  tmpfile(parent: NodeId, how: NewFile, caller: Caller): Result<{ entry: Entry; opened: Opened }> {
    const node = this.makeNode(this.node(parent), S_IFREG | (how.mode & ~how.umask), caller);
    node.attr = { ...node.attr, nlink: 0 };
    return { entry: this.entry(node), opened: this.opened(node) };
  }

  read(nodeId: NodeId, at: { fh: number; offset: number; size: number }, _caller: Caller): Result<Uint8Array> {
    const node = this.node(nodeId);
    return node.data.subarray(at.offset, Math.min(at.offset + at.size, node.attr.size));
  }

  write(nodeId: NodeId, at: { fh: number; offset: number; data: Uint8Array }, _caller: Caller): Result<number> {
    const node = this.node(nodeId);
    this.#resize(node, Math.max(node.attr.size, at.offset + at.data.length));
    node.data.set(at.data, at.offset);
    return at.data.length;
  }

  flush(_nodeId: NodeId, _fh: number, _lockOwner: bigint, _caller: Caller): Result<void> {}

  fsync(_nodeId: NodeId, _fh: number, _dataOnly: boolean, _caller: Caller): Result<void> {}

  release(nodeId: NodeId, fh: number): void {
    if (this.handles.get(fh)?.node.id !== nodeId) throw new Error(`handle ${fh} is not open on node ${nodeId}`);
    this.handles.delete(fh);
  }

  opendir(nodeId: NodeId, _caller: Caller): Result<Opened> {
    const node = this.node(nodeId);
    const { fh } = this.opened(node);
    const listing = this.handles.get(fh)!.listing;
    const children: [ByteString, Node][] = [["." as ByteString, node], [".." as ByteString, node.parent]];
    for (const [name, { attr }] of [...children, ...node.children]) {
      listing.push({ name, ino: attr.ino, type: attr.mode >> 12, offset: BigInt(listing.length + 1) });
    }
    return { fh, flags: 0 };
  }

  readdir(nodeId: NodeId, at: { fh: number; offset: bigint }, sink: DirSink, _caller: Caller): Result<void> {
    const node = this.node(nodeId);
    for (const entry of this.handles.get(at.fh)!.listing.slice(Number(at.offset))) {
      const child = sink.plus ? node.children.get(entry.name) : undefined;
      if (!sink.add(entry, child && this.entry(child, 0))) return;
      if (child !== undefined) child.lookups++;
    }
  }

  releasedir(nodeId: NodeId, fh: number): void {
    this.release(nodeId, fh);
  }

  fsyncdir(_nodeId: NodeId, _fh: number, _dataOnly: boolean, _caller: Caller): Result<void> {}

  statfs(_nodeId: NodeId, _caller: Caller): Result<StatFsOut> {
    return {
      ...{ blocks: 2 ** 33, bfree: 2 ** 32, bavail: 2 ** 31, files: 1000, ffree: 900 },
      ...{ bsize: 4096, namelen: 255, frsize: 4096 },
    };
  }

  access(_nodeId: NodeId, _mask: number, _caller: Caller): Result<void> {}

  getlk(_nodeId: NodeId, { lock }: LockRequest, _caller: Caller): Result<FileLock> {
    return { ...lock, type: F_UNLCK };
  }

  setlk(_nodeId: NodeId, _request: LockRequest & { wait: boolean }, _caller: Caller): Result<void> {}

  flock(_nodeId: NodeId, _request: { fh: number; type: number; wait: boolean }, _caller: Caller): Result<void> {}

  statx(nodeId: NodeId, _fh: number | undefined, _caller: Caller): Result<AttrOut & { attr: StatxAttr }> {
    const attr = { ...this.node(nodeId).attr, btime: BIRTH, btimeNsec: 7 };
    return { attr, attrValid: this.#options.lifetime };
  }

  getxattr(nodeId: NodeId, name: ByteString, _caller: Caller): Result<Uint8Array> {
    const value = this.node(nodeId).xattrs.get(name);
    if (value === undefined) throw new ErrnoError(Errno.ENODATA, "find an extended attribute");
    return value;
  }

  setxattr(nodeId: NodeId, name: ByteString, { value, flags }: NewXattr, _caller: Caller): Result<void> {
    const { xattrs } = this.node(nodeId);
    if (flags === XATTR_CREATE && xattrs.has(name)) throw new ErrnoError(Errno.EEXIST, "make an extended attribute");
    if (flags === XATTR_REPLACE) this.getxattr(nodeId, name, _caller);
    xattrs.set(name, value.slice());
  }

  listxattr(nodeId: NodeId, _caller: Caller): Result<Uint8Array> {
    return toBytes([...this.node(nodeId).xattrs.keys()].map((name) => `${name}\0`).join("") as ByteString);
  }

  removexattr(nodeId: NodeId, name: ByteString, caller: Caller): Result<void> {
    this.getxattr(nodeId, name, caller);
    this.node(nodeId).xattrs.delete(name);
  }

  fallocate(nodeId: NodeId, { offset, length, mode }: FileRange, _caller: Caller): Result<void> {
    const node = this.node(nodeId);
    const end = offset + length;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) node.data.fill(0, offset, end);
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0) this.#resize(node, Math.max(node.attr.size, end));
  }

  /** All is data. */
  lseek(nodeId: NodeId, at: { fh: number; offset: number; whence: number }, _caller: Caller): Result<number> {
    const { size } = this.node(nodeId).attr;
    if (at.offset >= size) throw new ErrnoError(Errno.ENXIO, "search behind the end");
    return at.whence === SEEK_HOLE ? size : at.offset;
  }

  copyFileRange(nodeId: NodeId, { offset, to, length }: FileCopy, caller: Caller): Result<number> {
    const source = this.node(nodeId);
    const data = source.data.slice(offset, Math.min(offset + length, source.attr.size));
    return this.write(to.nodeId, { fh: to.fh, offset: to.offset, data }, caller);
  }

  node(nodeId: NodeId): Node {
    const node = this.nodes.get(nodeId);
    if (node === undefined) throw new ErrnoError(Errno.ESTALE, "find the node");
    return node;
  }

  /** `counted`: the lookups it brings. */
  entry(node: Node, counted = 1): Entry {
    node.lookups += counted;
    const { lifetime } = this.#options;
    return { nodeId: node.id, generation: 0, attr: node.attr, entryValid: lifetime, attrValid: lifetime };
  }

  opened(node: Node): Opened {
    const fh = ++this.#lastHandle;
    this.handles.set(fh, { node, listing: [] });
    const { keepCache, directIo } = this.#options;
    return { fh, flags: (keepCache ? FOPEN_KEEP_CACHE : 0) | (directIo ? FOPEN_DIRECT_IO : 0) };
  }

  #add(parentId: NodeId, name: ByteString, mode: number, caller: Caller, rdev = 0): Node {
    const parent = this.node(parentId);
    if (parent.children.has(name)) throw new ErrnoError(Errno.EEXIST, "create");
    const node = this.makeNode(parent, mode, caller, rdev);
    parent.children.set(name, node);
    return node;
  }

  #remove(parent: Node, name: ByteString): Node {
    const node = parent.children.get(name);
    if (node === undefined) throw new ErrnoError(Errno.ENOENT, "remove");
    parent.children.delete(name);
    return node;
  }

  #resize(node: Node, size: number): void {
    if (size > node.data.length) {
      const grown = new Uint8Array(Math.max(size, node.data.length * 2));
      grown.set(node.data.subarray(0, node.attr.size));
      node.data = grown;
    }
    if (size < node.attr.size) node.data.fill(0, size, node.attr.size);
    node.attr = { ...node.attr, size, blocks: Math.ceil(size / 512) };
  }
}

/** Text as a name. */
export function name(text: string): ByteString {
  return byteString(new TextEncoder().encode(text));
}
