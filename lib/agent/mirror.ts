import { type ByteString, toBytes } from "../bytes/mod.ts";
import {
  type AttrOut,
  type Caller,
  type DirSink,
  type Entry,
  type FileSystem,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  type NodeId,
  type Opened,
  type SetAttr,
  type StatFsOut,
} from "../fuse/mod.ts";
import {
  Errno,
  ErrnoError,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type Stat,
  UTIME_NOW,
} from "../linux/mod.ts";
import {
  decodeLookupOut,
  decodeStat,
  decodeStatFs,
  decodeWritten,
  encodeAccess,
  encodeCreate,
  encodeLink,
  encodeMake,
  encodeName,
  encodeNumber,
  encodeOpen,
  encodeRef,
  encodeRename,
  encodeSetAttr,
  encodeSymlink,
  encodeSync,
  encodeWrite,
  FileOp,
  type FileRef,
  type LookupOut,
  type SetTime,
} from "../protocol/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import { Directories } from "./directories.ts";
import { Listings } from "./listings.ts";
import { Node, Nodes } from "./nodes.ts";
import { type OpenFile, OpenFiles } from "./open_files.ts";
import type { OverlayEntry, OverlayFile } from "./root_overlay.ts";
import { Snapshots } from "./snapshots.ts";

/** How long names and attributes are believed without asking again. */
const VALID_MS = 1000;
/** What only the remote machine has does not change during a session. */
const OVERLAY_VALID_MS = 3_600_000;
const RENAME_EXCHANGE = 2;
/** Of files that are not open on the local side. */
const NO_HANDLE = 0;

/** What the mirror is made of. */
export interface MirrorOptions {
  readonly connection: Connection;
  /** Attributes of the local root. */
  readonly root: Stat;
  readonly overlay: OverlayEntry & { kind: "directory" };
  /** The kernel collects writes (write-back) and must be able to read what it half overwrites. */
  readonly writeBack: boolean;
}

/** The local file system, as the kernel of the remote machine sees it: every operation asks the local side. */
export class Mirror implements FileSystem {
  readonly #connection: Connection;
  readonly #writeBack: boolean;
  readonly #nodes: Nodes;
  readonly #directories: Directories;
  readonly #files: OpenFiles;
  readonly #listings: Listings;
  readonly #snapshots: Snapshots;

  constructor(options: MirrorOptions) {
    this.#connection = options.connection;
    this.#writeBack = options.writeBack;
    this.#nodes = new Nodes(options.root);
    this.#nodes.root.overlay = options.overlay;
    this.#directories = new Directories(options.connection);
    this.#files = new OpenFiles(options.connection);
    this.#listings = new Listings(options.connection, this.#directories);
    this.#snapshots = new Snapshots(options.connection, this.#directories);
  }

  async lookup(parentId: NodeId, name: ByteString): Promise<Entry> {
    const parent = this.#node(parentId);
    const shown = overlaid(parent, name);
    if (shown !== undefined) return this.#overlayEntry(parent, name, shown);
    const known = this.#snapshots.find(parent, name);
    if (known?.found !== undefined) return this.#enter(parent, name, known.found, known.asOf);
    if (known !== undefined) return { ...absent, entryValid: valid(known.asOf) };
    const dir = this.#directories.number(parent);
    try {
      const reply = await this.#ask(FileOp.LOOKUP, encodeName({ dir, name }));
      return this.#enter(parent, name, decodeLookupOut(reply));
    } catch (error) {
      if (error instanceof RpcError && error.errno === Errno.ENOENT) return absent;
      throw error;
    }
  }

  forget(nodeId: NodeId, lookups: number): void {
    const node = this.#nodes.forget(nodeId, lookups);
    if (node?.isDirectory) this.#directories.release(node);
  }

  async getattr(nodeId: NodeId, fh: number | undefined): Promise<AttrOut> {
    const node = this.#node(nodeId);
    if (node.overlay?.attr !== undefined) return { attr: node.attr, attrValid: OVERLAY_VALID_MS };
    // The kernel asks again long before that: after each read for the access time, and while it collects writes before
    // each of them.
    if (valid(node.attrTime) > 0) return { attr: node.attr, attrValid: valid(node.attrTime) };
    const attr = await this.#stat(FileOp.GETATTR, encodeRef(this.#ref(node, fh)));
    if (node.isOtherFile(attr) || (node.isForeignChange(attr) && node.openFiles.size === 0)) {
      // The kernel looks the name up again and is given a new node.
      throw new ErrnoError(Errno.ESTALE, "use attributes of a file that was changed locally");
    }
    return this.#updated(node, attr);
  }

  async setattr(nodeId: NodeId, change: SetAttr): Promise<AttrOut> {
    const node = this.#changeable(nodeId);
    const { mode, uid, gid, size } = change;
    const atime = change.atime && time(change.atime);
    const mtime = change.mtime && time(change.mtime);
    if ([mode, uid, gid, size, atime, mtime].every((field) => field === undefined)) {
      return { attr: node.attr, attrValid: 0 };
    }
    if (size !== undefined) node.writes++;
    const ref = this.#ref(node, change.fh);
    const attr = await this.#stat(FileOp.SETATTR, encodeSetAttr({ ref, mode, uid, gid, size, atime, mtime }));
    return this.#updated(node, attr);
  }

  async readlink(nodeId: NodeId): Promise<Uint8Array> {
    const { target } = this.#node(nodeId);
    if (target !== undefined) return toBytes(target);
    return await this.#ask(FileOp.READLINK, encodeRef(this.#ref(this.#node(nodeId))));
  }

  async symlink(parentId: NodeId, name: ByteString, target: ByteString): Promise<Entry> {
    const { parent, dir } = this.#writableName(parentId, name);
    const stat = await this.#stat(FileOp.SYMLINK, encodeSymlink({ dir, name, target }));
    return this.#enter(parent, name, { stat, target });
  }

  async mknod(parentId: NodeId, name: ByteString, node: { mode: number; rdev: number }): Promise<Entry> {
    const { parent, dir } = this.#writableName(parentId, name);
    const stat = await this.#stat(FileOp.MKNOD, encodeMake({ dir, name, ...node }));
    return this.#enter(parent, name, { stat });
  }

  async mkdir(parentId: NodeId, name: ByteString, mode: number): Promise<Entry> {
    const { parent, dir } = this.#writableName(parentId, name);
    const stat = await this.#stat(FileOp.MKDIR, encodeMake({ dir, name, mode, rdev: 0 }));
    return this.#enter(parent, name, { stat });
  }

  async unlink(parentId: NodeId, name: ByteString): Promise<void> {
    const { parent, dir } = this.#writableName(parentId, name);
    await this.#ask(FileOp.UNLINK, encodeName({ dir, name }));
    this.#nodes.unlinked(parent, name);
  }

  async rmdir(parentId: NodeId, name: ByteString): Promise<void> {
    const { parent, dir } = this.#writableName(parentId, name);
    await this.#ask(FileOp.RMDIR, encodeName({ dir, name }));
    this.#nodes.unlinked(parent, name);
  }

  async rename(
    parentId: NodeId,
    name: ByteString,
    to: { parent: NodeId; name: ByteString; flags: number },
  ): Promise<void> {
    const { parent, dir } = this.#writableName(parentId, name);
    const { parent: toParent, dir: toDir } = this.#writableName(to.parent, to.name);
    await this.#ask(FileOp.RENAME, encodeRename({ dir, name, toDir, toName: to.name, flags: to.flags }));
    const exchanged = (to.flags & RENAME_EXCHANGE) !== 0;
    this.#nodes.renamed({ parent, name }, { parent: toParent, name: to.name }, exchanged);
  }

  async link(nodeId: NodeId, parentId: NodeId, name: ByteString): Promise<Entry> {
    const node = this.#changeable(nodeId);
    const { parent, dir: toDir } = this.#writableName(parentId, name);
    const stat = await this.#stat(FileOp.LINK, encodeLink({ ref: this.#ref(node), toDir, toName: name }));
    // ctime and the link count moved by our own doing.
    node.ctimeKnown = false;
    return this.#enter(parent, name, { stat, target: node.target });
  }

  async open(nodeId: NodeId, flags: number): Promise<Opened> {
    const node = this.#node(nodeId);
    if (node.overlay?.attr !== undefined) return this.#openOverlay(flags);
    const wanted = flags & ~(O_CREAT | O_EXCL | O_NOCTTY);
    const ours = node.isBeingWritten || (wanted & O_TRUNC) !== 0;
    const { file, stat, direct } = await this.#openLocal(node, wanted);
    if (node.isOtherFile(stat) || (!ours && node.hasOtherContent(stat))) {
      this.#files.release(file.fh);
      throw new ErrnoError(Errno.ESTALE, "open a file that was changed locally");
    }
    node.update(stat);
    if (wanted & O_TRUNC) node.writes++;
    return { fh: file.fh, flags: direct ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE };
  }

  async create(
    parentId: NodeId,
    name: ByteString,
    how: { flags: number; mode: number },
  ): Promise<{ entry: Entry; opened: Opened }> {
    const { parent, dir } = this.#writableName(parentId, name);
    const fh = this.#files.reserve();
    const flags = this.#writeBack ? collectable(how.flags) : how.flags;
    const stat = await this.#opening(fh, FileOp.CREATE, encodeCreate({ dir, name, fh, flags, mode: how.mode }));
    const entry = this.#enter(parent, name, { stat });
    this.#files.add(fh, this.#node(entry.nodeId), (flags & O_ACCMODE) !== O_RDONLY);
    return { entry, opened: { fh, flags: FOPEN_KEEP_CACHE } };
  }

  async read(
    nodeId: NodeId,
    at: { fh: number; offset: number; size: number },
    caller: Caller,
  ): Promise<Uint8Array> {
    const node = this.#node(nodeId);
    if (node.overlay?.kind === "file") return node.overlay.content.subarray(at.offset, at.offset + at.size);
    return await this.#file(at.fh).readAhead.read(at.offset, at.size, () => caller.signal);
  }

  async write(_nodeId: NodeId, at: { fh: number; offset: number; data: Uint8Array }): Promise<number> {
    const { node, fh } = this.#file(at.fh);
    node.writes++;
    const body = encodeWrite({ fh, offset: at.offset });
    const reply = await this.#connection.call(FileOp.WRITE, body, { data: at.data, flow: fh }).reply;
    const { written, stat } = decodeWritten(reply);
    node.writes++;
    node.update(stat);
    return written;
  }

  async flush(_nodeId: NodeId, fh: number): Promise<void> {
    const file = this.#files.get(fh);
    // A file that was only read has nothing to report.
    if (file?.writable) await this.#ask(FileOp.FLUSH, encodeNumber(fh));
  }

  async fsync(_nodeId: NodeId, fh: number, dataOnly: boolean, caller: Caller): Promise<void> {
    if (this.#files.get(fh) === undefined) return;
    const call = this.#connection.call(FileOp.FSYNC, encodeSync({ id: fh, dataOnly }));
    caller.signal.addEventListener("abort", () => call.cancel(), { once: true });
    await call.reply;
  }

  release(_nodeId: NodeId, fh: number): void {
    this.#files.release(fh);
  }

  async opendir(nodeId: NodeId): Promise<Opened> {
    return { fh: await this.#listings.open(this.#node(nodeId)), flags: 0 };
  }

  async readdir(nodeId: NodeId, at: { fh: number; offset: bigint }, sink: DirSink): Promise<void> {
    const node = this.#node(nodeId);
    await this.#listings.read(at.fh, at.offset, (entry, found) => {
      if (!sink.plus || found === undefined) return sink.add(entry);
      const shown = overlaid(node, entry.name);
      const plus = shown === undefined
        ? this.#enter(node, entry.name, found)
        : this.#overlayEntry(node, entry.name, shown);
      const added = sink.add(entry, plus);
      if (!added && plus.nodeId !== 0) this.forget(plus.nodeId, 1);
      return added;
    });
  }

  releasedir(_nodeId: NodeId, fh: number): void {
    this.#listings.release(fh);
  }

  async fsyncdir(nodeId: NodeId, _fh: number, dataOnly: boolean): Promise<void> {
    const node = this.#node(nodeId);
    if (node.overlay?.attr !== undefined) return;
    await this.#ask(FileOp.FSYNCDIR, encodeSync({ id: this.#directories.number(node), dataOnly }));
  }

  async statfs(nodeId: NodeId): Promise<StatFsOut> {
    const node = this.#node(nodeId);
    const real = node.overlay?.attr === undefined ? node : this.#nodes.root;
    return decodeStatFs(await this.#ask(FileOp.STATFS, encodeRef(this.#ref(real))));
  }

  async access(nodeId: NodeId, mask: number): Promise<void> {
    const node = this.#node(nodeId);
    if (node.overlay?.attr === undefined) await this.#ask(FileOp.ACCESS, encodeAccess({ ref: this.#ref(node), mask }));
  }

  // ---- how a node is named in a request

  #node(id: NodeId): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new ErrnoError(Errno.ESTALE, `find node ${id}`);
    return node;
  }

  #file(fh: number): OpenFile {
    const file = this.#files.get(fh);
    if (file === undefined) throw new ErrnoError(Errno.EBADF, `find handle ${fh}`);
    return file;
  }

  /** The cheapest reference that still means this inode whatever happens to names on the local side. */
  #ref(node: Node, fh?: number): FileRef {
    if (fh !== undefined && this.#files.get(fh) !== undefined) return { kind: "handle", fh };
    if (node.isDirectory && (this.#directories.has(node) || node.places.length === 0)) {
      return { kind: "directory", dir: this.#directories.number(node) };
    }
    const place = node.places[0];
    if (place !== undefined) {
      const { dev, ino } = node.attr;
      return { kind: "name", dir: this.#directories.number(place.parent), name: place.name, dev, ino };
    }
    for (const file of node.openFiles) return { kind: "handle", fh: file.fh };
    throw new ErrnoError(Errno.ESTALE, "name a file that was removed");
  }

  /** A node that is the local side's to change. */
  #changeable(id: NodeId): Node {
    const node = this.#node(id);
    if (node.overlay?.attr !== undefined) throw new ErrnoError(Errno.EROFS, "change a file of the remote machine");
    return node;
  }

  #writableName(parentId: NodeId, name: ByteString): { parent: Node; dir: number } {
    const parent = this.#changeable(parentId);
    if (overlaid(parent, name) !== undefined) {
      throw new ErrnoError(Errno.EROFS, "change a name of the remote machine");
    }
    this.#snapshots.changed(parent);
    return { parent, dir: this.#directories.number(parent) };
  }

  // ---- asking, and remembering the answers

  async #ask(op: number, body: Uint8Array): Promise<Uint8Array> {
    return await this.#connection.call(op, body).reply;
  }

  async #stat(op: number, body: Uint8Array): Promise<Stat> {
    return decodeStat(await this.#connection.call(op, body).reply);
  }

  /** `time`: when the local side said so. */
  #enter(parent: Node, name: ByteString, found: LookupOut, time = performance.now()): Entry {
    const node = this.#nodes.enter(parent, name, found, time);
    return { nodeId: node.id, generation: 0, attr: node.attr, entryValid: valid(time), attrValid: valid(time) };
  }

  #updated(node: Node, attr: Stat): AttrOut {
    node.update(attr);
    return { attr, attrValid: VALID_MS };
  }

  #overlayEntry(parent: Node, name: ByteString, shown: Shown): Entry {
    if (shown.attr === undefined) return { ...absent, entryValid: OVERLAY_VALID_MS };
    const node = this.#nodes.enterOverlay(parent, name, shown as Shown & { attr: Stat });
    return {
      nodeId: node.id,
      generation: 0,
      attr: shown.attr,
      entryValid: OVERLAY_VALID_MS,
      attrValid: OVERLAY_VALID_MS,
    };
  }

  #openOverlay(flags: number): Opened {
    if ((flags & O_ACCMODE) !== O_RDONLY) throw new ErrnoError(Errno.EROFS, "write a file of the remote machine");
    return { fh: NO_HANDLE, flags: FOPEN_KEEP_CACHE };
  }

  /** Opens so that the kernel can collect writes; a file that may be written but not read goes without its page cache. */
  async #openLocal(node: Node, flags: number): Promise<{ file: OpenFile; stat: Stat; direct: boolean }> {
    const ref = this.#ref(node);
    const wider = this.#writeBack ? collectable(flags) : flags;
    const attempt = async (flags: number, direct: boolean) => {
      const fh = this.#files.reserve();
      const reply = this.#stat(FileOp.OPEN, encodeOpen({ ref, fh, flags }));
      const file = this.#files.add(fh, node, (flags & O_ACCMODE) !== O_RDONLY);
      if (!file.writable) file.readAhead.start();
      try {
        return { file, stat: await reply, direct };
      } catch (error) {
        this.#files.cancel(fh);
        throw error;
      }
    };
    try {
      return await attempt(wider, false);
    } catch (error) {
      if (wider === flags || !(error instanceof RpcError) || error.errno !== Errno.EACCES) throw error;
      return await attempt(flags, true);
    }
  }

  async #opening(fh: number, op: number, body: Uint8Array): Promise<Stat> {
    try {
      return await this.#stat(op, body);
    } catch (error) {
      this.#files.cancel(fh);
      throw error;
    }
  }
}

/** How much longer what was said at `time` may be believed, in ms. */
function valid(time: number): number {
  return Math.max(0, VALID_MS - (performance.now() - time));
}

/** An overlay entry that takes the place of the local name. */
type Shown = OverlayFile | OverlayEntry & { attr: Stat };

/** What the remote machine shows for this name instead of the local side, if anything. */
function overlaid(parent: Node, name: ByteString): Shown | undefined {
  if (parent.overlay?.kind !== "directory") return undefined;
  const entry = parent.overlay.children.get(name);
  if (entry === undefined || (entry.kind === "directory" && entry.attr === undefined)) return undefined;
  return entry as Shown;
}

/** Open flags with which the kernel's write-back works: it reads pages it half overwrites, and appends by itself. */
function collectable(flags: number): number {
  const readable = (flags & O_ACCMODE) === O_WRONLY ? (flags & ~O_ACCMODE) | O_RDWR : flags;
  return readable & ~O_APPEND;
}

function time(value: { sec: number; nsec: number } | "now"): SetTime {
  return value === "now" ? { sec: 0, nsec: UTIME_NOW } : value;
}

const absent: Entry = {
  nodeId: 0,
  generation: 0,
  attr: {
    ino: 0n,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blocks: 0,
    blksize: 0,
    atime: 0,
    atimeNsec: 0,
    mtime: 0,
    mtimeNsec: 0,
    ctime: 0,
    ctimeNsec: 0,
  },
  entryValid: VALID_MS,
  attrValid: 0,
};
