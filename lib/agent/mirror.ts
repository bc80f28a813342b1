import { type ByteString, toBytes } from "../bytes/mod.ts";
import {
  type AttrOut,
  type Caller,
  type DirEntry,
  type DirSink,
  type Entry,
  type FileCopy,
  type FileLock,
  type FileRange,
  type FileSystem,
  type LockRequest,
  type NewFile,
  type NewNode,
  type NewXattr,
  type NodeId,
  type Opened,
  type Result,
  type SetAttr,
  type ShowOwner,
  type StatFsOut,
  type StatxAttr,
} from "../fuse/mod.ts";
import { Errno, ErrnoError, NAME_MAX } from "../linux/mod.ts";
import {
  decodeLookupOut,
  decodeStatFs,
  encodeName,
  encodeRef,
  encodeSetAttr,
  encodeSync,
  type FileAttr,
  FileOp,
  type SetTime,
  takeTarget,
} from "../protocol/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import type { Contents } from "./contents.ts";
import { ExtendedAttributes } from "./extended.ts";
import { DeferredOpenings } from "./deferred_openings.ts";
import type { Keeper } from "./keeper.ts";
import { Listings } from "./listings.ts";
import { LockedContent } from "./locked_content.ts";
import { Locks } from "./locks.ts";
import { NameChanges } from "./name_changes.ts";
import type { Node, Place } from "./nodes.ts";
import { PageCache } from "./page_cache.ts";
import type { Programs } from "./programs.ts";
import type { HasId } from "./acl.ts";
import { NO_HANDLE, Openings } from "./openings.ts";
import { Ranges } from "./ranges.ts";
import { releaseRead } from "./read_ahead.ts";
import type { Recorder } from "./recorder.ts";
import { type Rights, W_OK, X_OK } from "./rights.ts";
import type { Known } from "./snapshots.ts";
import { overlaid, type Shown, shownAttr, Tree, type TreeOptions } from "./tree.ts";
import { killSetid } from "./setid.ts";
import { type LostWrite, type NewData, Transfers } from "./transfers.ts";
import { Walks } from "./walks.ts";
import { timesToSet, WriteBehind } from "./write_behind.ts";
import { WriteOut } from "./write_out.ts";

/** The pid of processes outside of the command's pid namespace: only that of {@link WriteOut} is let in. */
const STRANGER = 0;

/** What the mirror is made of. */
export interface MirrorOptions extends TreeOptions {
  readonly connection: Connection;
  /** The kernel collects writes (write-back) and must be able to read what it half overwrites. */
  readonly writeBack: boolean;
  /** Changes of names are acknowledged before the local side has made them, where that is safe. Default: they are not. */
  readonly writeBehind?: boolean;
  /** Whether a caller's pid is that of the helper of {@link WriteOut}. Default: it is a stranger's. */
  readonly isHelper?: (pid: number) => boolean;
  /** Whether the command's user namespace has this user or group. Default: it has all. */
  readonly hasId?: HasId;
  /** Has the kernel give out the writes it has collected: see {@link WriteOut}. */
  readonly syncFiles?: (onEnd: () => void) => void;
  /** Writes a message to the FUSE device off this thread, and tells of the end. Left out where no kernel is to be told. */
  readonly notify?: (message: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Default: owners are shown as they are. */
  readonly showOwner?: ShowOwner;
  /** Where the kernel does not check permissions: what the local user may do. */
  readonly rights?: Rights;
  /** Is told what the command touches. */
  readonly recorder?: Recorder;
  /** Is told of the programs that the command searches and starts. */
  readonly programs?: Programs;
  /** The contents that are here. */
  readonly contents?: Contents;
  /** Where contents are kept. */
  readonly keeper?: Keeper;
}

/** The local file system, as the kernel of the remote machine sees it: every operation asks the local side. */
export class Mirror implements FileSystem {
  /** What is known of the local side's files. */
  readonly tree: Tree;
  readonly #listings: Listings;
  readonly #extended: ExtendedAttributes;
  readonly #ranges: Ranges;
  readonly #writeOut: WriteOut;
  readonly #locks: Locks;
  readonly #openings: Openings;
  readonly #transfers: Transfers;
  readonly #deferred: DeferredOpenings;
  readonly #recorder: Recorder | undefined;
  readonly #programs: Programs | undefined;
  readonly #behind: WriteBehind;
  readonly #names: NameChanges;
  /** What programs that walk through trees are told ahead. */
  readonly walks: Walks;
  readonly #rights: Rights | undefined;
  readonly showOwner?: ShowOwner;
  readonly #isHelper: (pid: number) => boolean;

  constructor(options: MirrorOptions) {
    const { connection, contents, writeBack } = options;
    this.#recorder = options.recorder;
    this.#programs = options.programs;
    this.#rights = options.rights;
    this.showOwner = options.showOwner;
    this.tree = new Tree(connection, { onContent: (chunk) => contents?.know(chunk), ...options });
    this.tree.log.onForgotten = (node) => this.#forgotten(node);
    this.#behind = new WriteBehind({ tree: this.tree, enabled: options.writeBehind ?? false });
    this.#names = new NameChanges(this.tree, this.#behind);
    this.walks = new Walks({ connection, tree: this.tree, lz4: contents?.lz4, keeper: options.keeper });
    this.#listings = new Listings(this.tree);
    this.#extended = new ExtendedAttributes(this.tree, options.hasId ?? (() => true));
    this.#isHelper = options.isHelper ?? ((pid) => pid === STRANGER);
    this.#writeOut = new WriteOut(options.syncFiles ?? ((onEnd) => onEnd()));
    this.#ranges = new Ranges(this.tree, this.#behind, this.#writeOut);
    const notify = options.notify ?? (() => Promise.resolve());
    const cache = new PageCache({ notify, writeOut: this.#writeOut });
    const content = new LockedContent({ connection, nodes: this.tree.nodes, cache, writeBack });
    this.#locks = new Locks({ connection, tree: this.tree, content });
    this.#deferred = new DeferredOpenings(connection, this.tree);
    const parts = {
      ...options,
      deferred: this.#deferred,
      tree: this.tree,
      behind: this.#behind,
      walks: this.walks,
      locks: this.#locks,
    };
    this.#openings = new Openings({ ...parts, cache, content });
    this.#transfers = new Transfers({ ...parts, cache });
  }

  /** See {@link Transfers.lostWrite}. */
  get lostWrite(): LostWrite | undefined {
    return this.#transfers.lostWrite;
  }

  /** What the command did is on the local side, or never will be. */
  get isDrained(): boolean {
    return this.tree.log.isEmpty;
  }

  /** At the end of each turn of the loop. */
  turn(): void {
    this.#deferred.turn();
  }

  /** About once a second. */
  tick(): void {
    this.#deferred.tick();
  }

  lookup(parentId: NodeId, name: ByteString): Result<Entry> {
    // The kernel leaves longer ones to us.
    if (name.length > NAME_MAX) throw new ErrnoError(Errno.ENAMETOOLONG, "look a name up");
    const parent = this.tree.node(parentId);
    const shown = overlaid(parent, name);
    if (shown !== undefined) return this.tree.overlayEntry(parent, name, shown);
    // Mounted over before the command begins.
    if (parent.overlay?.attr !== undefined) return this.tree.missing(parent, name);
    const expected = this.#behind.find(parent, name);
    if (expected !== undefined) return expected === "absent" ? this.tree.missing(parent, name) : expected;
    const mayFind = this.#rights === undefined || this.#rights.may(parent.attr, X_OK) === true;
    const known = this.tree.isGuarded(parent) || !mayFind ? undefined : this.tree.snapshots.find(parent, name);
    this.walks.lookedUp(parent, known !== undefined);
    if (known === undefined) {
      this.#programs?.lookedUp(parent, name);
      return this.#ask(parent, name);
    }
    return this.#lookedUp({ parent, name }, this.#enter(parent, name, known), true);
  }

  #lookedUp({ parent, name }: Place, entry: Entry, told: boolean): Entry {
    this.#recorder?.lookedUp(parent, name, { node: this.tree.nodes.get(entry.nodeId), told });
    return entry;
  }

  #enter(parent: Node, name: ByteString, { found, ...told }: Known): Entry {
    return found === undefined ? this.tree.missing(parent, name, told) : this.tree.enter(parent, name, found, told);
  }

  async #ask(parent: Node, name: ByteString): Promise<Entry> {
    if (parent.pending > 0) await this.tree.log.settled(parent);
    const dir = this.tree.directories.number(parent);
    try {
      const reply = await this.tree.ask(FileOp.LOOKUP, encodeName({ dir, name }));
      return this.#lookedUp({ parent, name }, this.tree.enter(parent, name, decodeLookupOut(reply)), false);
    } catch (error) {
      if (!(error instanceof RpcError) || error.errno !== Errno.ENOENT) throw error;
      return this.#lookedUp({ parent, name }, this.tree.missing(parent, name), false);
    }
  }

  forget(nodeId: NodeId, lookups: number): void {
    const node = this.tree.nodes.forget(nodeId, lookups);
    if (node !== undefined) this.#forgotten(node);
  }

  #forgotten(node: Node): void {
    if (node.isDirectory) this.tree.directories.release(node);
  }

  statx(nodeId: NodeId, fh: number | undefined): Result<AttrOut & { attr: StatxAttr }> {
    return this.getattr(nodeId, fh);
  }

  getattr(nodeId: NodeId, fh: number | undefined): Result<AttrOut & { attr: StatxAttr }> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.attr !== undefined) return this.tree.overlayAttr(node);
    // Over a short way its number is waited for.
    const isMissed = node.isProvisional && this.tree.directories.isNear;
    // What a removed directory is like, the file system decides.
    if (isMissed || (node.isRemoved && node.pending > 0)) return this.#askAttr(node, fh);
    return this.#knownAttr(node) ?? this.#askAttr(node, fh);
  }

  #knownAttr(node: Node): AttrOut & { attr: StatxAttr } | undefined {
    const expected = this.tree.expectedAttr(node);
    if (expected !== undefined) return expected;
    // The kernel asks again long before that: after each read for the access time, and while it collects writes before
    // each of them.
    const attrValid = this.tree.attrValid(node);
    if (attrValid > 0) return { attr: shownAttr(node), attrValid };
    const isLost = node.isRemoved ? !this.tree.directories.has(node) : isOutOfReach(node);
    return isLost ? { attr: { ...shownAttr(node), nlink: 0 }, attrValid: 0 } : undefined;
  }

  async #askAttr(node: Node, fh: number | undefined): Promise<AttrOut & { attr: StatxAttr }> {
    if (node.pending > 0) {
      await this.tree.log.settled(node);
      const known = this.#knownAttr(node);
      if (known !== undefined) return known;
    }
    const attr = await this.tree.stat(FileOp.GETATTR, encodeRef(this.tree.openRef(node, fh)));
    if (node.isOtherFile(attr) || (node.isForeignChange(attr) && node.openFiles.size === 0)) {
      this.tree.fail("use attributes of a file that was changed locally");
    }
    return node.isForeignChange(attr) ? this.tree.heldOpen(node, attr) : this.tree.updated(node, attr);
  }

  async setattr(nodeId: NodeId, change: SetAttr, caller: Caller): Promise<AttrOut> {
    const node = this.tree.changeable(nodeId);
    if (change.size !== undefined && change.killSuidgid) await killSetid(this.tree, node, caller, change.fh);
    const { mode, uid, gid, size } = change;
    const { atime, mtime } = timesToSet(change);
    if ([mode, uid, gid, size, atime, mtime].every((field) => field === undefined)) {
      return { attr: shownAttr(node), attrValid: 0 };
    }
    // Nobody can see them any more; the kernel writes down what it has collected.
    const isGone = node.places.length === 0 && node.openFiles.size === 0 && node.attr.nlink === 0;
    if (isGone && size === undefined) return { attr: shownAttr(node), attrValid: 0 };
    // Who has it open may go on to read it, whatever its mode says from then on.
    if (mode !== undefined || uid !== undefined || gid !== undefined) node.openThere();
    const file = change.fh === undefined ? undefined : this.tree.files.get(change.fh);
    const expected = this.#behind.setattr(node, change, file);
    if (expected !== undefined) return expected;
    if (node.pending > 0) await this.tree.log.settled(node);
    if (size !== undefined) {
      node.writes++;
      node.forgetWritten();
    }
    const ref = this.tree.ref(node, change.fh);
    const reply = this.tree.stat(FileOp.SETATTR, encodeSetAttr({ ref, mode, uid, gid, size, atime, mtime }));
    // It moves by our own doing.
    node.ctimeKnown = false;
    const onlyTime = [mode, uid, gid, size, atime].every((field) => field === undefined);
    if (onlyTime && node.mayHaveUnwritten && change.mtime !== "now") return this.#timeCollected(node, mtime!, reply);
    const attr = await reply;
    node.wasLeft(attr);
    if (size !== undefined) node.shownSize = size;
    // A change that we did not ask for was made locally: still to be found by the next lookup.
    const foreign = size === undefined && mtime === undefined && node.isForeignChange(attr);
    return foreign ? this.tree.heldOpen(node, attr) : this.tree.updated(node, attr);
  }

  /**
   * The time of collected writes comes when the file is closed. That does not wait for the local side: whatever is asked
   * next is asked after it.
   */
  #timeCollected(node: Node, { sec, nsec }: SetTime, reply: Promise<FileAttr>): AttrOut {
    node.attr = { ...node.attr, mtime: sec, mtimeNsec: nsec };
    // Not newer than what is asked for, and answered, until somebody looks at this answer.
    const asked = performance.now();
    node.whileWriting(reply).then((attr) => {
      node.wasLeft(attr);
      node.update(attr, asked);
    }).catch(() => {});
    return { attr: shownAttr(node), attrValid: this.tree.attrValid(node) };
  }

  async readlink(nodeId: NodeId): Promise<Uint8Array> {
    const { target } = this.tree.node(nodeId);
    if (target !== undefined) return toBytes(target);
    const settling = this.tree.ready([nodeId]);
    if (settling !== undefined) await settling;
    return takeTarget(await this.tree.ask(FileOp.READLINK, encodeRef(this.tree.ref(this.tree.node(nodeId)))));
  }

  symlink(parentId: NodeId, name: ByteString, target: ByteString, caller: Caller): Result<Entry> {
    return this.#names.symlink(parentId, name, target, caller);
  }

  mknod(parentId: NodeId, name: ByteString, node: NewNode & { rdev: number }, caller: Caller): Result<Entry> {
    return this.#names.mknod(parentId, name, node, caller);
  }

  mkdir(parentId: NodeId, name: ByteString, node: NewNode, caller: Caller): Result<Entry> {
    return this.#names.mkdir(parentId, name, node, caller);
  }

  unlink(parentId: NodeId, name: ByteString): Result<void> {
    return this.#names.unlink(parentId, name);
  }

  rmdir(parentId: NodeId, name: ByteString): Result<void> {
    return this.#names.rmdir(parentId, name);
  }

  rename(
    parentId: NodeId,
    name: ByteString,
    to: { parent: NodeId; name: ByteString; flags: number },
  ): Result<void> {
    return this.#names.rename(parentId, name, to);
  }

  link(nodeId: NodeId, parentId: NodeId, name: ByteString, caller: Caller): Result<Entry> {
    return this.#names.link(nodeId, parentId, name, caller);
  }

  open(nodeId: NodeId, flags: number, caller: Caller): Result<Opened> {
    return this.#openings.open(nodeId, flags, caller);
  }

  create(
    parentId: NodeId,
    name: ByteString,
    how: NewFile,
    caller: Caller,
  ): Result<{ entry: Entry; opened: Opened }> {
    return this.#openings.create(parentId, name, how, caller);
  }

  tmpfile(parentId: NodeId, how: NewFile, caller: Caller): Promise<{ entry: Entry; opened: Opened }> {
    return this.#openings.tmpfile(parentId, how, caller);
  }

  read(nodeId: NodeId, at: { fh: number; offset: number; size: number }, caller: Caller): Result<Uint8Array> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.kind === "file") return node.overlay.content.subarray(at.offset, at.offset + at.size);
    return this.#transfers.read(node, at, caller);
  }

  readDone(data: Uint8Array): void {
    releaseRead(data);
  }

  write(_nodeId: NodeId, data: NewData, caller: Caller): Promise<number> {
    return this.#transfers.write(data, caller);
  }

  flush(_nodeId: NodeId, fh: number, owner: bigint): Result<void> {
    return this.#transfers.flush(fh, owner);
  }

  fsync(_nodeId: NodeId, fh: number, dataOnly: boolean, caller: Caller): Promise<void> {
    return this.#transfers.fsync(fh, dataOnly, caller);
  }

  release(_nodeId: NodeId, fh: number): void {
    this.#transfers.release(fh);
  }

  /** Until all changes of the node are made; EIO where they will not be. */
  async #settledOrFailed(node: Node): Promise<void> {
    if (node.pending > 0) await this.tree.log.settled(node);
    if (this.tree.log.failure !== undefined) throw this.tree.log.refusal();
  }

  async getlk(_nodeId: NodeId, request: LockRequest): Promise<FileLock> {
    return await this.#locks.test(request);
  }

  async setlk(_nodeId: NodeId, request: LockRequest & { wait: boolean }, caller: Caller): Promise<void> {
    await this.#locks.setRange(request, caller);
  }

  async flock(
    _nodeId: NodeId,
    request: { fh: number; type: number; wait: boolean },
    caller: Caller,
  ): Promise<void> {
    await this.#locks.setFile(request, caller);
  }

  async opendir(nodeId: NodeId, caller: Caller): Promise<Opened> {
    if (this.#isHelper(caller.pid)) {
      this.#writeOut.opened();
      return { fh: NO_HANDLE, flags: 0 };
    }
    const node = this.tree.node(nodeId);
    if (node.pending > 0 && this.tree.directories.isNear) await this.tree.log.settled(node);
    const isTold = this.tree.snapshots.all(node) !== undefined;
    const opening = this.#listings.open(node);
    // What is told ahead is asked for in the same flight.
    if (node.overlay?.attr === undefined) this.walks.listed(node, isTold);
    const fh = await opening;
    if (node.overlay?.attr === undefined) this.#recorder?.listed(node);
    return { fh, flags: 0 };
  }

  async readdir(nodeId: NodeId, at: { fh: number; offset: bigint }, sink: DirSink): Promise<void> {
    const node = this.tree.node(nodeId);
    await this.#listings.read(at.fh, at.offset, (entry, found, told) => {
      const shown = overlaid(node, entry.name);
      if (shown !== undefined) return this.#addOverlay(node, { entry, shown }, sink);
      // Told before a name in there changed: the kernel may know better what becomes of this one.
      const child = node.children.get(entry.name);
      if (child !== undefined && child.pending > 0) {
        const own = { ...entry, ino: shownAttr(child).ino };
        return sink.plus ? this.#add(own, this.tree.enterExpected(child), sink) : sink.add(own);
      }
      const old = told !== undefined && told.since < node.changedAt;
      if (!sink.plus || found === undefined || old || this.tree.nodes.isAbove(node, found.stat)) return sink.add(entry);
      return this.#add(entry, this.tree.enter(node, entry.name, found, told), sink);
    });
  }

  releasedir(_nodeId: NodeId, fh: number): void {
    if (fh === NO_HANDLE) return this.#writeOut.closed();
    this.#listings.release(fh);
  }

  async fsyncdir(nodeId: NodeId, _fh: number, dataOnly: boolean): Promise<void> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.attr !== undefined) return;
    await this.#settledOrFailed(node);
    await this.tree.ask(FileOp.FSYNCDIR, encodeSync({ id: this.tree.directories.number(node), dataOnly }));
  }

  async statfs(nodeId: NodeId): Promise<StatFsOut> {
    const node = this.tree.node(nodeId);
    const real = node.overlay?.attr === undefined ? node : this.tree.nodes.root;
    if (real.pending > 0) await this.tree.log.settled(real);
    return decodeStatFs(await this.tree.ask(FileOp.STATFS, encodeRef(this.tree.ref(real))));
  }

  async access(nodeId: NodeId, mask: number): Promise<void> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.attr !== undefined) return;
    // Entering a directory asks this, too. Whether a file system is read-only is not in the attributes.
    const isKnown = this.#rights !== undefined && (mask & W_OK) === 0 && this.tree.attrValid(node) > 0;
    const may = isKnown ? this.#rights.may(node.attr, mask) : undefined;
    if (may === false) throw new ErrnoError(Errno.EACCES, "access a file");
    if (may === undefined) await this.tree.askAccess(node, mask);
  }

  getxattr(nodeId: NodeId, name: ByteString): Result<Uint8Array> {
    return this.#extended.get(this.tree.node(nodeId), name);
  }

  async setxattr(nodeId: NodeId, name: ByteString, xattr: NewXattr): Promise<void> {
    await this.#extended.set(this.tree.changeable(nodeId), name, xattr);
  }

  listxattr(nodeId: NodeId): Result<Uint8Array> {
    return this.#extended.list(this.tree.node(nodeId));
  }

  async removexattr(nodeId: NodeId, name: ByteString): Promise<void> {
    await this.#extended.remove(this.tree.changeable(nodeId), name);
  }

  async fallocate(_nodeId: NodeId, range: FileRange): Promise<void> {
    await this.#ranges.allocate(range);
  }

  async lseek(nodeId: NodeId, at: { fh: number; offset: number; whence: number }): Promise<number> {
    return await this.#ranges.seek(this.tree.node(nodeId), at);
  }

  async copyFileRange(_nodeId: NodeId, copy: FileCopy): Promise<number> {
    return await this.#ranges.copy(copy);
  }

  /** An entry of a listing, which counts as looked up if there was room for it. */
  #add(entry: DirEntry, plus: Entry, sink: DirSink): boolean {
    const added = sink.add(entry, plus);
    if (!added) this.forget(plus.nodeId, 1);
    return added;
  }

  /** What the remote machine has in place of a local name, perhaps nothing. */
  #addOverlay(parent: Node, { entry, shown }: { entry: DirEntry; shown: Shown }, sink: DirSink): boolean {
    const { attr } = shown;
    if (attr === undefined) return true;
    const instead = { ...entry, ino: attr.ino, type: attr.mode >> 12 };
    if (!sink.plus) return sink.add(instead);
    return this.#add(instead, this.tree.overlayEntry(parent, entry.name, shown), sink);
  }
}

/** Whether it was removed locally while it was open here only. */
function isOutOfReach({ places, openFiles }: Node): boolean {
  if (places.length > 0 || openFiles.size === 0) return false;
  for (const { openThere, refusal } of openFiles) if (openThere === undefined && refusal === undefined) return false;
  return true;
}
