import { type ByteString, DecodeError, toBytes, toText } from "../bytes/mod.ts";
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
  FMODE_EXEC,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
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
  S_IFMT,
  S_ISGID,
  S_ISUID,
  S_IXGRP,
  type Stat,
} from "../linux/mod.ts";
import {
  decodeLookupOut,
  decodeStat,
  decodeStatFs,
  decodeWritten,
  encodeAccess,
  encodeCreate,
  encodeFlush,
  encodeName,
  encodeOpen,
  encodeRef,
  encodeSetAttr,
  encodeSync,
  encodeTmpFile,
  encodeWrite,
  type FileAttr,
  FileOp,
  type SetTime,
  takeTarget,
} from "../protocol/mod.ts";
import { log } from "../log/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import type { ReadableContent } from "./content.ts";
import type { Contents } from "./contents.ts";
import { ExtendedAttributes } from "./extended.ts";
import type { Keeper } from "./keeper.ts";
import { Listings } from "./listings.ts";
import { LockedContent } from "./locked_content.ts";
import { Locks } from "./locks.ts";
import { NameChanges } from "./name_changes.ts";
import { type Node, pathOf, type Place } from "./nodes.ts";
import type { OpenFile, Way } from "./open_files.ts";
import { PageCache } from "./page_cache.ts";
import type { Programs } from "./programs.ts";
import type { HasId } from "./acl.ts";
import { Ranges } from "./ranges.ts";
import { releaseRead } from "./read_ahead.ts";
import type { Recorder } from "./recorder.ts";
import { R_OK, type Rights, W_OK, X_OK } from "./rights.ts";
import type { Known } from "./snapshots.ts";
import { overlaid, type Shown, shownAttr, Tree, type TreeOptions } from "./tree.ts";
import { Walks } from "./walks.ts";
import { timesToSet, WriteBehind } from "./write_behind.ts";
import { WriteOut } from "./write_out.ts";

/** `linux/limits.h` */
const NAME_MAX = 255;
/** Of what is not open on the local side. */
const NO_HANDLE = 0;
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
  /** Is told of the programs that the command starts. */
  readonly programs?: Programs;
  /** The contents that are here. */
  readonly contents?: Contents;
  /** Where contents are kept. */
  readonly keeper?: Keeper;
}

/** Bytes that a program believes to be written. */
export interface LostWrite {
  readonly path: ByteString;
  readonly errno: number;
}

/** The local file system, as the kernel of the remote machine sees it: every operation asks the local side. */
export class Mirror implements FileSystem {
  readonly #connection: Connection;
  readonly #writeBack: boolean;
  /** What is known of the local side's files. */
  readonly tree: Tree;
  readonly #listings: Listings;
  readonly #extended: ExtendedAttributes;
  readonly #ranges: Ranges;
  readonly #writeOut: WriteOut;
  readonly #cache: PageCache;
  readonly #content: LockedContent;
  readonly #locks: Locks;
  readonly #recorder: Recorder | undefined;
  readonly #programs: Programs | undefined;
  readonly #contents: Contents | undefined;
  readonly #behind: WriteBehind;
  readonly #names: NameChanges;
  /** What programs that walk through trees are told ahead. */
  readonly walks: Walks;
  readonly #rights: Rights | undefined;
  readonly showOwner?: ShowOwner;
  readonly #isHelper: (pid: number) => boolean;
  #lostWrite: LostWrite | undefined;

  constructor(options: MirrorOptions) {
    const { connection } = options;
    this.#connection = connection;
    this.#writeBack = options.writeBack;
    this.#recorder = options.recorder;
    this.#programs = options.programs;
    this.#rights = options.rights;
    this.showOwner = options.showOwner;
    this.#contents = options.contents;
    this.tree = new Tree(connection, { onContent: (chunk) => this.#contents?.know(chunk), ...options });
    this.tree.log.onForgotten = (node) => this.#forgotten(node);
    this.#behind = new WriteBehind({ tree: this.tree, enabled: options.writeBehind ?? false });
    this.#names = new NameChanges(this.tree, this.#behind);
    this.walks = new Walks({ connection, tree: this.tree, lz4: options.contents?.lz4, keeper: options.keeper });
    this.#listings = new Listings(this.tree);
    this.#extended = new ExtendedAttributes(this.tree, options.hasId ?? (() => true));
    this.#isHelper = options.isHelper ?? ((pid) => pid === STRANGER);
    this.#writeOut = new WriteOut(options.syncFiles ?? ((onEnd) => onEnd()));
    this.#ranges = new Ranges(this.tree, this.#behind, this.#writeOut);
    const notify = options.notify ?? (() => Promise.resolve());
    const cache = this.#cache = new PageCache({ notify, writeOut: this.#writeOut });
    this.#content = new LockedContent({ connection, nodes: this.tree.nodes, cache, writeBack: options.writeBack });
    this.#locks = new Locks({ connection, tree: this.tree, content: this.#content });
  }

  /** The first write that the kernel had collected and the local side did not take. */
  get lostWrite(): LostWrite | undefined {
    return this.#lostWrite;
  }

  /** What the command did is on the local side, or never will be. */
  get isDrained(): boolean {
    return this.tree.log.isEmpty;
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
    if (known === undefined) return this.#ask(parent, name);
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
    const isLost = node.isRemoved && !this.tree.directories.has(node);
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
    if (change.size !== undefined && change.killSuidgid) await this.#killSetid(node, caller, change.fh);
    const { mode, uid, gid, size } = change;
    const { atime, mtime } = timesToSet(change);
    if ([mode, uid, gid, size, atime, mtime].every((field) => field === undefined)) {
      return { attr: shownAttr(node), attrValid: 0 };
    }
    // Nobody can see them any more; the kernel writes down what it has collected.
    const isGone = node.places.length === 0 && node.openFiles.size === 0 && node.attr.nlink === 0;
    if (isGone && size === undefined) return { attr: shownAttr(node), attrValid: 0 };
    const file = change.fh === undefined ? undefined : this.tree.files.get(change.fh);
    const expected = this.#behind.setattr(node, change, file);
    if (expected !== undefined) return expected;
    if (node.pending > 0) await this.tree.log.settled(node);
    if (size !== undefined) node.writes++;
    const ref = this.tree.ref(node, change.fh);
    const reply = this.tree.stat(FileOp.SETATTR, encodeSetAttr({ ref, mode, uid, gid, size, atime, mtime }));
    // It moves by our own doing.
    node.ctimeKnown = false;
    const onlyTime = [mode, uid, gid, size, atime].every((field) => field === undefined);
    if (onlyTime && node.mayHaveUnwritten && change.mtime !== "now") return this.#timeCollected(node, mtime!, reply);
    const attr = await reply;
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
    node.whileWriting(reply).then((attr) => node.update(attr, asked)).catch(() => {});
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

  async open(nodeId: NodeId, flags: number, caller: Caller): Promise<Opened> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.attr !== undefined) return this.#openOverlay(flags);
    this.#recorder?.opened(node);
    this.#programs?.opened(node, flags, caller.pid);
    const wanted = flags & ~(O_CREAT | O_EXCL | O_NOCTTY | FMODE_EXEC);
    const mayRead = this.#rights === undefined || await this.#mayOpen(this.#rights, node, flags);
    const isToRead = (wanted & (O_ACCMODE | O_TRUNC)) === O_RDONLY;
    const content = isToRead ? this.#toRead(node) : undefined;
    const isKnown = this.tree.attrValid(node) > 0;
    const isHere = isToRead &&
      (content === undefined
        ? this.#isMadeHere(node, isKnown) || (node.wasReadThrough && this.tree.isTold(node))
        : isKnown);
    if (isHere && mayRead) return this.#openAhead(node, wanted, content);
    const behind = this.#openBehind(node, wanted);
    if (behind !== undefined) return behind;
    if (node.pending > 0) await this.tree.log.settled(node);
    if (wanted & O_TRUNC) await this.#killSetid(node, caller);
    const ours = node.isBeingWritten || (wanted & O_TRUNC) !== 0;
    const { file, stat } = await this.#openLocal(node, wanted, { isRead: content === undefined });
    const changed = !ours && node.hasOtherContent(stat);
    // The kernel asks twice. A file that is written all the time would have changed again: what nothing is kept of is
    // taken as it is, unless it has become shorter, or has a new node already.
    const isFresh = !node.mayBeCached && stat.size >= node.shownSize && node.places.length > 0;
    // Who appends sees nothing of the content. Somebody else may do so all the time, so this could fail time after time.
    const isBlind = file.direct && (wanted & O_ACCMODE) === O_WRONLY;
    if (node.isOtherFile(stat) || (changed && !isFresh && !isBlind)) {
      this.tree.files.release(file.fh);
      this.tree.fail("open a file that was changed locally");
    }
    if (changed && !isFresh) node.doubt();
    else node.update(stat);
    if (changed && isFresh && stat.size > node.shownSize) await this.#content.lengthen(node, { file, size: stat.size });
    if (wanted & O_TRUNC) {
      node.writes++;
      node.shownSize = 0;
    }
    this.tree.files.confirm(file);
    // Of a program that is started, it may have been told meanwhile.
    if (isToRead) file.content = this.#contentOf(node);
    return opened(file);
  }

  /** The content of a file that is going to be read, if it is here. */
  #toRead(node: Node): ReadableContent | undefined {
    const content = this.#contentOf(node);
    this.walks.opened(node, content !== undefined || node.wasReadThrough || (node.isMade && !node.wasCopied));
    return content;
  }

  #contentOf(node: Node): ReadableContent | undefined {
    return this.#contents?.of(node) ?? this.walks.contentOf(node);
  }

  /** Whether it is known that the file may be read. EACCES for one that is to be executed, and may not. */
  async #mayOpen(rights: Rights, node: Node, flags: number): Promise<boolean> {
    if ((flags & FMODE_EXEC) !== 0) {
      const may = rights.may(node.attr, X_OK);
      if (may === false) throw new ErrnoError(Errno.EACCES, "execute a file");
      if (may === undefined) await this.#askAccess(node, X_OK);
    }
    return rights.may(node.attr, R_OK) === true;
  }

  /**
   * Opens what is here, or what the kernel most likely has, under a lease. Nobody waits for the local side; it opens the
   * file all the same, so that the handle stands for it there, and what may have become of the file is known soon.
   */
  #openAhead(node: Node, flags: number, content: ReadableContent | undefined): Opened {
    const ref = this.tree.ref(node);
    const fh = this.tree.files.reserve();
    const file = this.tree.files.add(fh, node, { flags, direct: false });
    file.content = content;
    const body = encodeOpen({ ref, fh, flags });
    const reply = this.#behind.openBehind(node, body) ?? this.tree.stat(FileOp.OPEN, body);
    reply.then((stat) => {
      if (!node.hasOtherContent(stat)) return node.update(stat);
      if (node.isBeingWritten) return;
      node.changedLocally();
      return this.#cache.drop(node);
    }).catch((error) => {
      file.refusal = error;
      log.debug(`"${toText(pathOf(node))}" is read from the cache only: ${error}`);
    });
    this.tree.files.confirm(file);
    return opened(file);
  }

  /** Whether it is a regular file that we have made, and nobody else has changed. */
  #isMadeHere(node: Node, isKnown: boolean): boolean {
    const isHere = node.isMade && !node.wasCopied && node.isRegular && node.places.length > 0;
    return isHere && (isKnown || node.pending > 0);
  }

  /** Opens for writing without waiting for the local side, where that is safe. */
  #openBehind(node: Node, flags: number): Opened | undefined {
    if ((flags & O_ACCMODE) === O_RDONLY) return undefined;
    const way = this.#way(flags);
    const fh = this.tree.files.reserve();
    const onRefused = (error: unknown) => file.refusal = error;
    if (!this.#behind.open(node, way.flags, { fh, onRefused })) {
      this.tree.files.cancel(fh);
      return undefined;
    }
    const file = this.tree.files.add(fh, node, way);
    this.tree.files.confirm(file);
    return opened(file);
  }

  create(
    parentId: NodeId,
    name: ByteString,
    how: NewFile,
    caller: Caller,
  ): Result<{ entry: Entry; opened: Opened }> {
    const way = this.#way(how.flags);
    const reserve = () => this.tree.files.reserve();
    const made = this.#behind.create(this.tree.changeable(parentId), name, { how, way, caller, reserve });
    if (made === undefined) return this.#askToCreate({ parentId, name, way }, how, caller);
    return this.#created(this.tree.expected(made.node), made.fh, way);
  }

  async #askToCreate(
    { parentId, name, way }: { parentId: NodeId; name: ByteString; way: Way },
    how: NewFile,
    caller: Caller,
  ): Promise<{ entry: Entry; opened: Opened }> {
    const ready = this.tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const { parent, dir } = this.tree.newName(parentId, name, caller);
    const fh = this.tree.files.reserve();
    const body = encodeCreate({ dir, name, fh, ...how, flags: way.flags });
    const reply = this.#behind.proving(parent, this.tree.change(FileOp.CREATE, body, { parent, name }));
    const stat = await this.#opening(fh, reply.then(decodeStat));
    return this.#created(this.tree.enter(parent, name, { stat }), fh, way);
  }

  async tmpfile(parentId: NodeId, how: NewFile, caller: Caller): Promise<{ entry: Entry; opened: Opened }> {
    const ready = this.tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const dir = this.tree.newFile(parentId, caller);
    const fh = this.tree.files.reserve();
    const way = this.#way(how.flags);
    const body = encodeTmpFile({ dir, fh, ...how, flags: way.flags });
    const stat = await this.#opening(fh, this.tree.stat(FileOp.TMPFILE, body));
    return this.#created(this.tree.enterUnnamed(stat), fh, way);
  }

  read(nodeId: NodeId, at: { fh: number; offset: number; size: number }, caller: Caller): Result<Uint8Array> {
    const node = this.tree.node(nodeId);
    if (node.overlay?.kind === "file") return node.overlay.content.subarray(at.offset, at.offset + at.size);
    const file = this.tree.file(at.fh);
    const data = node.writes === 0 ? file.content?.read(at.offset, at.size) : undefined;
    if (!(data instanceof Uint8Array)) return this.#readLater(file, { ...at, data }, caller);
    node.wasRead(at.offset, data.length);
    return data;
  }

  readDone(data: Uint8Array): void {
    releaseRead(data);
  }

  /** From `data` when it has come, or from the local side. */
  async #readLater(
    file: OpenFile,
    at: { offset: number; size: number; data?: Promise<Uint8Array | undefined> },
    caller: Caller,
  ): Promise<Uint8Array> {
    const { node, readAhead, direct } = file;
    // Not waited for where there is none: what is read then is asked for at once.
    const known = at.data && await at.data;
    if (known !== undefined && node.writes === 0) {
      node.wasRead(at.offset, known.length);
      return known;
    }
    if (node.pending > 0) await this.tree.log.settled(node);
    // It was removed or replaced in the moment in which it was opened, and not all of it is here.
    if (file.refusal !== undefined) throw new ErrnoError(Errno.ESTALE, "read a file that was not opened");
    // Past its cache the kernel asks beyond the end that we know of.
    const data = direct
      ? await readAhead.readPlainly(at.offset, at.size, () => caller.signal)
      : await readAhead.read(at.offset, at.size, () => caller.signal);
    node.wasRead(at.offset, data.length);
    return data;
  }

  async write(
    nodeId: NodeId,
    at: { fh: number; offset: number; data: Uint8Array; killSuidgid?: boolean; cached?: boolean },
    caller: Caller,
  ): Promise<number> {
    const file = at.cached ? collector(this.tree.file(at.fh)) : this.tree.file(at.fh);
    const { node, fh } = file;
    if (this.tree.log.failure !== undefined) throw this.tree.log.refusal();
    if (at.killSuidgid) await this.#killSetid(node, caller, fh);
    const behind = at.cached === true && this.#behind.write(file, at.offset, at.data);
    if (behind !== false) {
      this.#cache.wrote(node, at.data.length);
      await behind;
      return at.data.length;
    }
    if (node.pending > 0) await this.tree.log.settled(node);
    node.writes++;
    this.#cache.wrote(node, at.data.length);
    try {
      const body = encodeWrite({ fh, offset: at.offset });
      const { reply } = this.#connection.call(FileOp.WRITE, body, { data: at.data, flow: fh });
      const { written, stat } = decodeWritten(await file.node.whileWriting(reply));
      if (written > at.data.length) throw new DecodeError(`Cannot have written ${written} of ${at.data.length} bytes`);
      node.shownSize = Math.max(node.shownSize, at.offset + written);
      // Past its cache the kernel keeps the time and size it had before, and with write-back it believes those: the next
      // use of the name must give a new node.
      if (file.direct && this.#writeBack) node.doubt();
      else node.update(stat);
      if (!at.cached || written === at.data.length) return written;
      // The kernel takes a collected write for whole, however short it is told it was: the rest goes on its own, and
      // what is in its way (a full disk, a limit) is this write's error.
      if (written === 0) throw new ErrnoError(Errno.EIO, "write what was collected");
      const rest = { ...at, offset: at.offset + written, data: at.data.subarray(written), killSuidgid: false };
      return written + await this.write(nodeId, rest, caller);
    } catch (error) {
      // The program's own write(2) has long returned.
      if (this.#writeBack && !file.direct) this.#lostWrite ??= { path: pathOf(node), errno: errnoOf(error) };
      throw error;
    } finally {
      node.writes++;
    }
  }

  flush(_nodeId: NodeId, fh: number, owner: bigint): Result<void> {
    const file = this.tree.files.get(fh);
    if (file === undefined) return;
    const hasLocks = this.#locks.has(file.node, owner);
    // A file that was only read, or not written since the last time, has nothing to report.
    const { writes } = file.node;
    if ((!file.writable || file.flushedWrites === writes) && !hasLocks) return;
    if (hasLocks) this.#locks.closed(file.node, owner);
    else if (this.#behind.flush(file, owner)) {
      file.flushedWrites = writes;
      return;
    }
    return this.#flush(file, { fh, owner }, writes);
  }

  async #flush(file: OpenFile, message: { fh: number; owner: bigint }, writes: number): Promise<void> {
    // Locks may go with it: whoever has them next is going to look at what was changed under them.
    if (!this.tree.log.isEmpty) await this.tree.log.drained();
    await this.tree.ask(FileOp.FLUSH, encodeFlush(message));
    file.flushedWrites = writes;
  }

  async fsync(_nodeId: NodeId, fh: number, dataOnly: boolean, caller: Caller): Promise<void> {
    const file = this.tree.files.get(fh);
    if (file === undefined) return;
    if (this.tree.log.failure !== undefined) throw this.tree.log.refusal();
    const behind = this.#behind.fsync(file, dataOnly);
    if (behind !== undefined) {
      await behind;
      return;
    }
    const call = this.#connection.call(FileOp.FSYNC, encodeSync({ id: fh, dataOnly }));
    caller.signal.addEventListener("abort", () => call.cancel(), { once: true });
    await call.reply;
  }

  /** Until all changes of the node are made; EIO where they will not be. */
  async #settledOrFailed(node: Node): Promise<void> {
    if (node.pending > 0) await this.tree.log.settled(node);
    if (this.tree.log.failure !== undefined) throw this.tree.log.refusal();
  }

  release(_nodeId: NodeId, fh: number): void {
    const file = this.tree.files.get(fh);
    const isBehind = file !== undefined && this.#behind.release(file, () => this.tree.files.free(fh));
    if (isBehind) this.tree.files.close(fh);
    else this.tree.files.release(fh);
    if (file !== undefined) this.#locks.closed(file.node, fh);
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
    if (may === undefined) await this.#askAccess(node, mask);
  }

  async #askAccess(node: Node, mask: number): Promise<void> {
    if (node.pending > 0) await this.tree.log.settled(node);
    await this.tree.ask(FileOp.ACCESS, encodeAccess({ ref: this.tree.ref(node), mask }));
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

  /**
   * Takes the setuid and setgid bits off before somebody else than root changes the content. The kernel on the local side
   * does that by itself unless we are root there: then it sees root writing.
   */
  async #killSetid(node: Node, caller: Caller, fh?: number): Promise<void> {
    const mode = withoutSetid(node.attr, caller);
    if (!this.tree.servedByRoot || caller.uid === 0 || mode === node.attr.mode) return;
    const ref = this.tree.ref(node, fh);
    node.ctimeKnown = false;
    node.update(await this.tree.stat(FileOp.SETATTR, encodeSetAttr({ ref, mode: mode & ~S_IFMT })));
  }

  #created(entry: Entry, fh: number, way: Way): { entry: Entry; opened: Opened } {
    const file = this.tree.files.add(fh, this.tree.node(entry.nodeId), way);
    this.tree.files.confirm(file);
    return { entry, opened: opened(file) };
  }

  #openOverlay(flags: number): Opened {
    if ((flags & O_ACCMODE) !== O_RDONLY) throw new ErrnoError(Errno.EROFS, "write a file of the remote machine");
    return { fh: NO_HANDLE, flags: FOPEN_KEEP_CACHE };
  }

  /**
   * Opens for the kernel's write-back; a file that may be written but not read goes past its page cache. `isRead`: its
   * content is going to be asked for.
   */
  async #openLocal(
    node: Node,
    flags: number,
    { isRead }: { isRead: boolean },
  ): Promise<{ file: OpenFile; stat: Stat }> {
    const ref = this.tree.ref(node);
    const attempt = async (way: Way) => {
      const fh = this.tree.files.reserve();
      const reply = this.tree.stat(FileOp.OPEN, encodeOpen({ ref, fh, flags: way.flags }));
      const file = this.tree.files.add(fh, node, way);
      if (!file.writable && isRead) file.readAhead.start();
      return { file, stat: await this.#opening(fh, reply) };
    };
    const way = this.#way(flags);
    try {
      return await attempt(way);
    } catch (error) {
      if (way.flags === flags || !(error instanceof RpcError) || error.errno !== Errno.EACCES) throw error;
      return await attempt({ flags, direct: true });
    }
  }

  #way(flags: number): Way {
    return this.#writeBack ? collecting(flags) : { flags, direct: false };
  }

  async #opening(fh: number, reply: Promise<Stat>): Promise<Stat> {
    try {
      return await reply;
    } catch (error) {
      this.tree.files.cancel(fh);
      throw error;
    }
  }
}

/**
 * How a file is opened for the kernel's write-back: readable, as it reads what it half overwrites. Appending goes past
 * it, as only the local side knows where the end is when others append too.
 */
function collecting(flags: number): Way {
  const access = flags & O_ACCMODE;
  if ((flags & O_APPEND) !== 0 && access !== O_RDONLY) return { flags, direct: true };
  return { flags: access === O_WRONLY ? (flags & ~O_ACCMODE) | O_RDWR : flags, direct: false };
}

/**
 * A handle for what the kernel has collected: it guesses one of those that are open for writing, perhaps one that appends,
 * and then the bytes would come to the end of the file.
 */
function collector(guessed: OpenFile): OpenFile {
  if (!guessed.direct) return guessed;
  for (const file of guessed.node.openFiles) if (file.writable && !file.direct) return file;
  throw new ErrnoError(Errno.EIO, "write what was collected: no handle is open for it");
}

/** The mode that a write by somebody else than root leaves; setgid stays for the own group if that may not execute. */
function withoutSetid({ mode, gid }: Stat, caller: Caller): number {
  const keepsGroup = (mode & S_IXGRP) === 0 && gid === caller.gid;
  return mode & ~(keepsGroup ? S_ISUID : S_ISUID | S_ISGID);
}

function errnoOf(error: unknown): number {
  return error instanceof RpcError ? error.errno : Errno.EIO;
}

function opened({ fh, direct }: OpenFile): Opened {
  return { fh, flags: direct ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE };
}
