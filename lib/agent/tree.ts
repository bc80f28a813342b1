import type { ByteString } from "../bytes/mod.ts";
import type { AttrOut, Caller, Entry, NodeId } from "../fuse/mod.ts";
import { Errno, ErrnoError, type Stat } from "../linux/mod.ts";
import {
  ANY_INODE,
  decodeStat,
  encodeAccess,
  encodeOwner,
  encodeRef,
  type FileAttr,
  FileNote,
  FileOp,
  type FileRef,
  type LookupOut,
  type OwnerNote,
} from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { KnownChunk } from "./contents.ts";
import { ChangeLog } from "./change_log.ts";
import { Directories } from "./directories.ts";
import { type Node, Nodes, type Place } from "./nodes.ts";
import { isOpenThere, type OpenFile, OpenFiles } from "./open_files.ts";
import type { OverlayDirectory, OverlayEntry, OverlayFile } from "./root_overlay.ts";
import { Snapshots } from "./snapshots.ts";
import { StartPack } from "./start_pack.ts";

/** How long names and attributes are believed without asking again where nobody tells of changes. */
const VALID_MS = 1000;
/** Where the local side tells of every change: until it does. */
const LEASE_MS = 3_600_000;
/**
 * How long the kernel believes what is expected of a directory, where the truth takes longer than that to come: it wants
 * its permissions several times for one change in there. Of files it is asked for each time, as programs remember their
 * times.
 */
const EXPECTED_MS = 10;
/** What only the remote machine has does not change during a session. */
const OVERLAY_VALID_MS = 3_600_000;

/** An overlay entry that takes the place of the local name; without `attr` the name does not exist. */
export type Shown = OverlayFile | OverlayEntry & { attr: Stat };

/** When the local side said something: performance.now(), and whether every change since was told, too. */
export interface Told {
  readonly asOf: number;
  readonly isCurrent: boolean;
}

function now(): Told {
  return { asOf: performance.now(), isCurrent: false };
}

/** What a tree begins with. */
export interface TreeOptions {
  /** Attributes of the local root. */
  readonly root: Stat;
  readonly overlay: OverlayDirectory;
  /** Whose files new ones are, unless somebody else in the mount makes them. */
  readonly owner: OwnerNote;
  /** Is told of contents in the start pack. */
  readonly onContent?: (chunk: KnownChunk) => void;
  /** Most directories that the local side is to hold open. */
  readonly maxDirectories: number;
}

/** What is known of the local side's files, how a request names them, and what the kernel is told of them. */
export class Tree {
  readonly nodes: Nodes;
  readonly directories: Directories;
  readonly files: OpenFiles;
  readonly snapshots: Snapshots;
  readonly startPack: StartPack;
  /** Changes that are acknowledged and not made yet. */
  readonly log: ChangeLog;
  /** Called when changes in a directory are not told any more. */
  onUnleased: (node: Node) => void = () => {};
  readonly #connection: Connection;
  /** Whether the local side may do what root may. */
  readonly servedByRoot: boolean;
  /** Whom the local side was told last. */
  #owner: OwnerNote;
  readonly #user: number;

  constructor(connection: Connection, options: TreeOptions) {
    this.#connection = connection;
    this.#owner = options.owner;
    this.#user = options.owner.uid;
    this.servedByRoot = options.owner.uid === 0;
    this.nodes = new Nodes(options.root);
    this.nodes.root.overlay = options.overlay;
    this.log = new ChangeLog(connection, this.nodes);
    this.directories = new Directories(connection, {
      log: this.log,
      limit: options.maxDirectories,
      onStale: () => this.snapshots.doubt(),
      onUnleased: (node) => {
        // Watched again, it must not be believed: what changes in the meantime is not told.
        this.snapshots.forget(node);
        this.onUnleased(node);
      },
    });
    this.files = new OpenFiles(connection);
    this.snapshots = new Snapshots(this.directories);
    this.startPack = new StartPack({ ...this.#known(), onContent: options.onContent ?? (() => {}) });
  }

  #known(): { nodes: Nodes; directories: Directories; snapshots: Snapshots } {
    return { nodes: this.nodes, directories: this.directories, snapshots: this.snapshots };
  }

  /** ESTALE for a number that the kernel should not have. */
  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new ErrnoError(Errno.ESTALE, `find node ${id}`);
    return node;
  }

  /** EBADF for a handle that is not open. */
  file(fh: number): OpenFile {
    const file = this.files.get(fh);
    if (file === undefined) throw new ErrnoError(Errno.EBADF, `find handle ${fh}`);
    return file;
  }

  /** The cheapest reference that still means this inode whatever happens to names on the local side. */
  ref(node: Node, fh?: number): FileRef {
    const given = fh === undefined ? undefined : this.files.get(fh);
    if (given !== undefined) return handleOf(given);
    if (node.isDirectory && (this.directories.has(node) || node.places.length === 0)) {
      return { kind: "directory", dir: this.directories.number(node) };
    }
    const place = node.places[0];
    if (place !== undefined) {
      const { dev } = node.attr;
      const ino = node.isProvisional ? ANY_INODE : node.attr.ino;
      return { kind: "name", dir: this.directories.number(place.parent), name: place.name, dev, ino };
    }
    const [first] = node.openFiles;
    const file = openThere(node) ?? first;
    if (file !== undefined) return handleOf(file);
    throw new ErrnoError(Errno.ESTALE, "name a file that was removed");
  }

  /** A reference that holds also when the local side removed or replaced a file that is open here. */
  openRef(node: Node, fh?: number): FileRef {
    return this.ref(node, fh ?? openThere(node)?.fh);
  }

  /** A name is going to stand for something else: who has open what it stands for now is to keep that. */
  keepOpen({ parent, name }: Place): void {
    parent.children.get(name)?.openThere();
  }

  /** EBADF for a file that was closed while something was waited for: its handle may be another's by now. */
  stillOpen(file: OpenFile): OpenFile {
    if (this.files.get(file.fh) === file) return file;
    throw new ErrnoError(Errno.EBADF, "use a file that is closed");
  }

  /** Fails with ESTALE: the kernel then looks the name up again, and is given a new node. */
  fail(action: string): never {
    this.snapshots.doubt();
    throw new ErrnoError(Errno.ESTALE, action);
  }

  /** A node that is the local side's to change. */
  changeable(id: NodeId): Node {
    const node = this.node(id);
    if (node.overlay?.attr !== undefined) throw new ErrnoError(Errno.EROFS, "change a file of the remote machine");
    if (this.log.failure !== undefined) throw this.log.refusal();
    return node;
  }

  /** A name in a directory that is the local side's to change, and the directory's number. */
  writableName(parentId: NodeId, name: ByteString): { parent: Node; dir: number } {
    const parent = this.changeable(parentId);
    if (overlaid(parent, name) !== undefined) {
      throw new ErrnoError(Errno.EROFS, "change a name of the remote machine");
    }
    this.#changed({ parent, name });
    return { parent, dir: this.directories.number(parent) };
  }

  /** The same for a name that is going to be the caller's. The next request creates it. */
  newName(parentId: NodeId, name: ByteString, caller: Caller): { parent: Node; dir: number } {
    const place = this.writableName(parentId, name);
    this.#own(caller);
    return place;
  }

  /**
   * Until the local side can be asked to change these, as changes are under way that come before; undefined: at once. `caller`:
   * who makes something, if anybody: what is made in the log is the last one's.
   */
  ready(nodes: readonly NodeId[], caller?: Caller): Promise<void> | undefined {
    if (caller !== undefined && !this.isOwner(caller)) return this.log.drained();
    return this.log.settled(...nodes.map((id) => this.node(id)));
  }

  /** The number of a directory for a file without a name, which is going to be the caller's. */
  newFile(parentId: NodeId, caller: Caller): number {
    const dir = this.directories.number(this.changeable(parentId));
    this.#own(caller);
    return dir;
  }

  /** Whether the file belongs to the user whom the local side runs as. */
  isUsers({ attr: { uid } }: Node): boolean {
    return uid === this.#user;
  }

  /** Whether what is made next is the caller's without the local side being told so. */
  isOwner({ uid, gid }: Caller): boolean {
    return uid === this.#owner.uid && gid === this.#owner.gid;
  }

  #own(caller: Caller): void {
    if (this.isOwner(caller)) return;
    const { uid, gid } = caller;
    this.#owner = { uid, gid };
    this.#connection.notify(FileNote.OWNER, encodeOwner(this.#owner));
  }

  /** Asks the local side; an errno comes as an RpcError. */
  async ask(op: number, body: Uint8Array): Promise<Uint8Array> {
    return await this.directories.ask(op, body);
  }

  /**
   * As {@link ask}, for changing names in directories, whose own attributes that changes too. The kernel asks for those
   * before the next use of a name in there, so they come with the answer.
   */
  async change(op: number, body: Uint8Array, ...places: readonly Place[]): Promise<Uint8Array> {
    const reply = this.directories.ask(op, body);
    this.#asking(places);
    const attributes = places.map(({ parent }) => this.#attributesOf(parent));
    try {
      return await reply;
    } finally {
      for (const [index, place] of places.entries()) {
        place.parent.outdate();
        this.#answered(place);
        this.#changed(place);
        attributes[index].then((attr) => attr && place.parent.update(attr)).catch(() => {});
      }
    }
  }

  /**
   * Changes names by the local side's word. What is under way of files that are named by them is made before, and no more
   * is decided ahead of those until it is over: requests of the log name files by names, and would find others.
   */
  async exclusively<T>(places: readonly Place[], change: () => Promise<T>): Promise<T> {
    this.#asking(places);
    try {
      if (places.some(({ parent, name }) => (parent.children.get(name)?.pending ?? 0) > 0)) await this.log.reached();
      const ready = this.log.settled(...places.map(({ parent }) => parent));
      if (ready !== undefined) await ready;
      return await change();
    } finally {
      for (const place of places) this.#answered(place);
    }
  }

  #asking(places: readonly Place[]): void {
    for (const { parent, name } of places) parent.askedNames.set(name, (parent.askedNames.get(name) ?? 0) + 1);
  }

  #answered(place: Place): void {
    const { parent, name } = place;
    const others = parent.askedNames.get(name)! - 1;
    if (others > 0) parent.askedNames.set(name, others);
    else parent.askedNames.delete(name);
    parent.settledAt = performance.now();
    if (others === 0) this.log.tellSettled(place);
  }

  /** Where they are refused, the kernel's question will be asked. */
  async #attributesOf(node: Node): Promise<FileAttr | undefined> {
    try {
      return await this.stat(FileOp.GETATTR, encodeRef(this.ref(node)));
    } catch {
      return undefined;
    }
  }

  /** We change a name in a directory: what was told of it before, in a listing say, is not to be remembered. */
  #changed({ parent, name }: Place): void {
    parent.changedAt = performance.now();
    this.snapshots.changed(parent, name);
  }

  /** Asks the local side whether its user may do that: access(2). */
  async askAccess(node: Node, mask: number): Promise<void> {
    if (node.pending > 0) await this.log.settled(node);
    await this.ask(FileOp.ACCESS, encodeAccess({ ref: this.ref(node), mask }));
  }

  /** Asks for something that is answered with attributes. */
  async stat(op: number, body: Uint8Array): Promise<FileAttr> {
    return decodeStat(await this.directories.ask(op, body));
  }

  /**
   * Whether names in there, other than directories, are to be looked up each time: programs coordinate there by locks, and
   * nobody tells of changes.
   */
  isGuarded(parent: Node): boolean {
    return parent.lockUsers > 0 && !this.directories.isLeased(parent);
  }

  /** How much longer a node's attributes may be believed, in ms; 0: ask. */
  attrValid(node: Node): number {
    const parent = node.places[0]?.parent;
    if (!node.attrKnown || isExpected(node)) return 0;
    // The root is in no directory; what becomes of it is told by itself.
    if (node === this.nodes.root) return this.#isTold(node, node) ? LEASE_MS : valid(node.attrTime);
    return parent === undefined ? valid(node.attrTime) : this.#attrValid(node, parent);
  }

  /** The same for what was found in `parent`: no longer than a second when that may have changed since. */
  #entryValid(parent: Node, { asOf, isCurrent }: Told): number {
    const isKept = this.directories.isLeased(parent) && (isCurrent || asOf >= parent.changedAt);
    return isKept ? LEASE_MS : valid(asOf);
  }

  #attrValid(node: Node, parent: Node): number {
    return this.#isTold(node, parent) ? LEASE_MS : valid(node.attrTime);
  }

  /** Whether every change of the file would have been told. */
  isTold(node: Node): boolean {
    const parent = node.places[0]?.parent;
    return parent !== undefined && node.attrKnown && !isExpected(node) && this.#isTold(node, parent);
  }

  /** The same of every change since then, as far as it has come, also while changes of ours are under way. */
  isToldSince(node: Node, time: number): boolean {
    const parent = node.places[0]?.parent;
    return parent !== undefined && this.#isTold(node, parent, time);
  }

  /**
   * Whether we would have been told if the node's attributes had changed. A file with other names can be changed by those
   * unless it is watched for itself, a directory by what happens in it.
   */
  #isTold(node: Node, parent: Node, since = node.attrTime): boolean {
    if (!this.directories.isLeased(parent) || since < parent.watchedAt) return false;
    if (node.isDirectory) return this.directories.isLeased(node);
    // Of a directory that was watched from the begin, -Infinity.
    return node.attr.nlink === 1 || (node.watchedAt > -Infinity && node.watchedAt >= parent.watchedAt);
  }

  /** Counts what was found as looked up. `told`: when the local side said so, if not at this moment. */
  enter(parent: Node, name: ByteString, found: LookupOut, told: Told = now()): Entry {
    const node = this.nodes.enter(parent, name, found, told.asOf);
    if (node.isDirectory) this.startPack.entered(node);
    const attrValid = node.attrKnown && !isExpected(node) ? this.#attrValid(node, parent) : 0;
    const entryValid = this.isGuarded(parent) && !node.isDirectory ? 0 : this.#entryValid(parent, told);
    return { nodeId: node.id, generation: 0, attr: shownAttr(node), entryValid, attrValid };
  }

  /** What has a name by a change of ours that is not made yet; counted as looked up. */
  enterExpected(node: Node): Entry {
    node.lookups++;
    return this.expected(node);
  }

  /** The same, where it counts already. */
  expected(node: Node): Entry {
    const parent = node.places[0]?.parent;
    const entryValid = parent !== undefined && this.directories.isLeased(parent) ? LEASE_MS : 0;
    return { nodeId: node.id, generation: 0, attr: node.attr, entryValid, attrValid: 0 };
  }

  /** Attributes that are expected of changes of ours, until the local side has told them; else undefined. */
  expectedAttr(node: Node): AttrOut & { attr: FileAttr } | undefined {
    if (!isExpected(node)) return undefined;
    const isLong = node.isDirectory && !this.directories.isNear;
    return { attr: shownAttr(node), attrValid: isLong ? EXPECTED_MS : 0 };
  }

  /** The local side's word on a node of which no change is under way takes the place of what was expected. */
  learn(node: Node, attr: FileAttr): void {
    if (node.isOtherFile(attr)) return node.doubt();
    node.update(attr);
    node.learnedChanges = node.changes;
    this.tellNames(node, attr);
  }

  /** What is known of a file by its names is this. */
  tellNames(node: Node, stat: FileAttr): void {
    for (const { parent, name } of node.places) {
      this.snapshots.learned(parent, name, { stat, target: node.target });
    }
  }

  /** Asks for a node's attributes, {@link learn}ed then; until they are here, those that are known are good enough. */
  refresh(node: Node, onLearned: () => void = () => {}): void {
    if (node.isRefreshing) return;
    if (node.isRemoved || this.nodes.get(node.id) !== node) return node.doubt();
    const { changes } = node;
    node.isRefreshing = true;
    this.stat(FileOp.GETATTR, encodeRef(this.openRef(node))).then((attr) => {
      node.isRefreshing = false;
      if (node.pending > 0) return;
      if (node.changes !== changes) return this.refresh(node, onLearned);
      this.learn(node, attr);
      onLearned();
    }).catch(() => {
      node.isRefreshing = false;
      node.doubt();
    });
  }

  /** Counts a file without a name as looked up. */
  enterUnnamed(stat: FileAttr): Entry {
    const node = this.nodes.enterUnnamed(stat);
    return { nodeId: node.id, generation: 0, attr: stat, entryValid: 0, attrValid: VALID_MS };
  }

  /** The local side has no such name. `told`: when it said so, if not at this moment. */
  missing(parent: Node, name: ByteString, told: Told = now()): Entry {
    this.nodes.gone(parent, name);
    return { ...absent, entryValid: this.isGuarded(parent) ? 0 : this.#entryValid(parent, told) };
  }

  /** Attributes that the local side has just told. */
  updated(node: Node, attr: FileAttr): AttrOut & { attr: FileAttr } {
    node.update(attr);
    return { attr: shownAttr(node, attr), attrValid: this.attrValid(node) };
  }

  /** Attributes of a file that was changed locally: whoever has it open keeps the content that the kernel has of it. */
  heldOpen(node: Node, attr: FileAttr): AttrOut & { attr: FileAttr } {
    const { size, mtime, mtimeNsec } = node.attr;
    return { attr: shownAttr(node, { ...attr, size, mtime, mtimeNsec }), attrValid: VALID_MS };
  }

  /** Attributes of what only the remote machine has. */
  overlayAttr(node: Node): AttrOut & { attr: FileAttr } {
    return { attr: node.attr, attrValid: OVERLAY_VALID_MS };
  }

  /** What the remote machine shows, counted as looked up. */
  overlayEntry(parent: Node, name: ByteString, shown: Shown): Entry {
    if (shown.attr === undefined) return { ...absent, entryValid: OVERLAY_VALID_MS };
    const node = this.nodes.enterOverlay(parent, name, shown as Shown & { attr: Stat });
    return {
      nodeId: node.id,
      generation: 0,
      attr: shown.attr,
      entryValid: OVERLAY_VALID_MS,
      attrValid: OVERLAY_VALID_MS,
    };
  }
}

/** One of those that have it open on the local side too. */
function openThere({ openFiles }: Node): OpenFile | undefined {
  for (const file of openFiles) {
    if (isOpenThere(file) && file.refusal === undefined) return file;
  }
  return undefined;
}

function handleOf(file: OpenFile): FileRef {
  file.openThere?.();
  return { kind: "handle", fh: file.fh };
}

/** Whether what is known of its attributes is what is expected of changes of ours. */
function isExpected(node: Node): boolean {
  return node.pending > 0 || node.isRefreshing;
}

/** A node's attributes as programs see them: from the first time on, its inode has the same number. */
export function shownAttr(node: Node, attr = node.attr): FileAttr {
  if (node.isProvisional) node.shownIno = node.attr.ino;
  return node.shownIno === undefined ? attr : { ...attr, ino: node.shownIno };
}

/** How much longer what was said at `time` may be believed, in ms. */
function valid(time: number): number {
  return Math.max(0, VALID_MS - (performance.now() - time));
}

/** What the remote machine shows for this name instead of the local side, if anything. */
export function overlaid(parent: Node, name: ByteString): Shown | undefined {
  if (parent.overlay?.kind !== "directory") return undefined;
  const entry = parent.overlay.children.get(name);
  if (entry === undefined || (entry.kind === "directory" && entry.attr === undefined)) return undefined;
  return entry as Shown;
}

/** A name that does not exist, as the kernel remembers it. */
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
