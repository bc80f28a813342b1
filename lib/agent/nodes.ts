import type { ByteString } from "../bytes/mod.ts";
import type { NodeId } from "../fuse/mod.ts";
import { Errno, ErrnoError, S_IFDIR, S_IFMT, S_IFREG, type Stat } from "../linux/mod.ts";
import { CHUNK, type FileAttr, type LookupOut } from "../protocol/mod.ts";
import type { OpenFile } from "./open_files.ts";
import type { OverlayEntry } from "./root_overlay.ts";
import { WrittenRanges } from "./written_ranges.ts";

/** A name under which a node can be reached. */
export interface Place {
  readonly parent: Node;
  readonly name: ByteString;
}

/** Hard links beyond this many names are still one node, but only the names found last are remembered. */
const MAX_PLACES = 8;

/** Numbers of inodes that are not known yet: no file system gives such. */
const FIRST_PROVISIONAL = 0x4000_0000_0000_0001n;

const none: ReadonlySet<never> = new Set();

/** An inode the kernel knows. */
export class Node {
  readonly id: NodeId;
  /** As the local side last told it. */
  attr: FileAttr;
  /** False after a change of ours that moved ctime without telling us the new one (rename, unlink of another name). */
  ctimeKnown = true;
  /** False after a change of ours that moved other attributes as well. */
  attrKnown = true;
  /** performance.now() when `attr` was told, or became outdated: what was told before that is not believed. */
  attrTime: number;
  /** References the kernel holds. */
  lookups = 0;
  /** The one found last comes first, and is used in requests. Empty: unlinked, reachable by open handles only. */
  places: Place[] = [];
  /** Of a directory: performance.now() of the last change of names in there, ours or told, or of the begin of its watch. */
  changedAt = -Infinity;
  /**
   * Of a directory: what was told of files in there before that may have changed without our being told. Of a file: when the
   * local side said last that it tells of changes by its other names as well, for as long as it watches the directory.
   */
  watchedAt = -Infinity;
  /** Whether the kernel may keep something of its content: programs have had it open. */
  mayBeCached = false;
  /** Whether its first block was asked for. */
  wasOpened = false;
  /** Grows with every write through the mirror; what was read ahead before is void. */
  writes = 0;
  /** The size of which the kernel knows: with write-back it believes its own. */
  shownSize: number;
  /** The node of the same file before it was changed locally, while programs hold that open. */
  former?: Node;
  /** Of a directory: files in it that programs lock. What they coordinate, they look up as well. */
  lockUsers = 0;
  /** Of a directory: we removed it. Programs may still be in there. */
  isRemoved = false;
  /** Of a symbolic link. */
  target?: ByteString;
  /** Changes of it, or of names in it, that are acknowledged and not made yet: see {@link ChangeLog}. */
  pending = 0;
  /** Of a directory: performance.now() when a change of ours of a name in there, or of a file of that name, was last made. */
  settledAt = -Infinity;
  /** Made by us in this session. */
  isMade = false;
  /** Of a made one: its content was copied on the local side, and never was here. */
  wasCopied = false;
  /** Made, and the local side has not told yet which inode it is. */
  isProvisional = false;
  /** What programs were shown in place of the inode's number when that was not known yet: it stays so. */
  shownIno?: bigint;
  /** While its attributes are what is expected of changes of ours: those that the local side told last, if any. */
  toldAttr?: FileAttr;
  /** Grows with every such change. */
  changes = 0;
  /** What that was when the local side told the attributes that came of it. */
  learnedChanges = 0;
  /** The local side is being asked for its attributes, and what is expected is good enough until it answers. */
  isRefreshing = false;
  /** What the remote machine shows here or below instead of the local side. */
  overlay?: OverlayEntry;
  // Most nodes never have one of these, and there may be very many nodes.
  #children: Map<ByteString, Node> | undefined;
  #heldNames: Map<ByteString, number> | undefined;
  #askedNames: Map<ByteString, number> | undefined;
  #openFiles: Set<OpenFile> | undefined;
  #chunksRead: Set<number> | undefined;
  #readUpTo = 0;
  #writing: Set<Promise<unknown>> | undefined;
  #written: WrittenRanges | undefined;

  constructor(id: NodeId, attr: FileAttr, now: number) {
    this.id = id;
    this.attr = attr;
    this.attrTime = now;
    this.shownSize = attr.size;
  }

  /** Of a directory: the nodes known by their name in it. */
  get children(): Map<ByteString, Node> {
    return this.#children ??= new Map();
  }

  /** Of a directory: names that stand for something else once such changes are made, and how many of those there are. */
  get heldNames(): Map<ByteString, number> {
    return this.#heldNames ??= new Map();
  }

  /** Of a directory: names that the local side is being asked to change, and how many times. */
  get askedNames(): Map<ByteString, number> {
    return this.#askedNames ??= new Map();
  }

  get openFiles(): ReadonlySet<OpenFile> {
    return this.#openFiles ?? none;
  }

  /** Of which the kernel was given something. */
  get chunksRead(): ReadonlySet<number> {
    return this.#chunksRead ?? none;
  }

  /** Has the local side open what is open here only, while it knows the file by that name and content. */
  openThere(): void {
    for (const { openThere } of this.openFiles) openThere?.();
  }

  opened(file: OpenFile): void {
    (this.#openFiles ??= new Set()).add(file);
  }

  closed(file: OpenFile): void {
    this.#openFiles?.delete(file);
    // There may be very many files that we have made.
    if (this.openFiles.size === 0) this.forgetWritten();
  }

  /** Of a file that is open, and was empty since: what was written to it. Undefined: that is not known. */
  get writtenRanges(): WrittenRanges | undefined {
    return this.#written;
  }

  /** It ends at `size`, by our doing. Without one byte, it is known from here on what is written to it. */
  wasCut(size: number): void {
    if (size === 0) this.#written ??= new WrittenRanges(this.attr);
    this.#written?.cut(size);
  }

  /** We write [start, end), whether that succeeds or not. */
  wasWritten(start: number, end: number): void {
    if (this.#written?.add(start, end) === false) this.forgetWritten();
  }

  /** By the local side's word, a change of ours has left it like that. */
  wasLeft(attr: Stat): void {
    this.#written?.left(attr);
  }

  /** By the local side's word, it is like that (undefined: gone), whoever did it. */
  wasSeen(attr: Stat | undefined): void {
    // What is told of its name before it is made is told of another file.
    if (this.#written === undefined || this.isProvisional) return;
    if (attr === undefined || !this.#written.isOurs(attr)) this.forgetWritten();
  }

  /** Others may have written to it, or may do so without our being told. */
  forgetWritten(): void {
    this.#written = undefined;
  }

  /** Names of which something is known in there. */
  knownNames(): Iterable<ByteString> {
    return this.#children?.keys() ?? none;
  }

  get isDirectory(): boolean {
    return (this.attr.mode & S_IFMT) === S_IFDIR;
  }

  get isRegular(): boolean {
    return (this.attr.mode & S_IFMT) === S_IFREG;
  }

  /** Whether the command may be changing the file through us at this moment. */
  get isBeingWritten(): boolean {
    if (this.pending > 0 || (this.#writing !== undefined && this.#writing.size > 0)) return true;
    for (const file of this.openFiles) if (file.writable) return true;
    return false;
  }

  /** Whether the kernel may have writes to the file that it has not given out yet. */
  get mayHaveUnwritten(): boolean {
    for (const file of this.openFiles) if (file.writable && !file.direct) return true;
    return false;
  }

  /** Whether the kernel was given something of every part of its content: most likely it has that. */
  get wasReadThrough(): boolean {
    return this.attr.size > 0 && this.chunksRead.size >= Math.ceil(this.attr.size / CHUNK);
  }

  /** Whether the kernel was given all of its content, from the begin on. */
  get wasReadWhole(): boolean {
    return this.attr.size > 0 && this.#readUpTo >= this.attr.size;
  }

  /** The kernel was given these bytes. */
  wasRead(offset: number, length: number): void {
    if (length === 0) return;
    if (offset <= this.#readUpTo) this.#readUpTo = Math.max(this.#readUpTo, offset + length);
    const last = Math.floor((offset + length - 1) / CHUNK);
    for (let chunk = Math.floor(offset / CHUNK); chunk <= last; chunk++) (this.#chunksRead ??= new Set()).add(chunk);
  }

  /** The reply to a write, which counts as under way until it is here. */
  async whileWriting<T>(reply: Promise<T>): Promise<T> {
    const writing = this.#writing ??= new Set();
    writing.add(reply);
    try {
      return await reply;
    } finally {
      writing.delete(reply);
    }
  }

  /** Until the writes under way are over, successful or not. */
  async written(): Promise<void> {
    await Promise.allSettled(this.#writing ?? none);
  }

  /** Takes over what the local side said at `time`, unless something newer is known. EIO where it is about another inode. */
  update(attr: FileAttr, time = performance.now()): void {
    if (this.#isOtherInode(attr)) throw new ErrnoError(Errno.EIO, "take the attributes of another inode");
    if (time < this.attrTime) return;
    this.attr = attr;
    this.ctimeKnown = true;
    this.attrKnown = true;
    this.attrTime = time;
  }

  /** We changed something without being told the attributes that came of it. */
  outdate(): void {
    this.ctimeKnown = false;
    this.doubt();
  }

  /** Attributes may be out of date by now, and so is what was told of them before. */
  doubt(): void {
    this.forgetWritten();
    this.attrKnown = false;
    this.attrTime = performance.now();
  }

  /** The local file has other content by now, of which no news came: what is here of it is void, and opening it fails. */
  changedLocally(): void {
    this.writes++;
    this.doubt();
  }

  #isOtherInode({ dev, ino }: Stat): boolean {
    return ino !== this.attr.ino || dev !== this.attr.dev;
  }

  /** Whether `attr` is of another file, also where that has the same (dev, ino): the number was used again. */
  isOtherFile(attr: Stat): boolean {
    const mine = this.attr;
    return this.#isOtherInode(attr) || (attr.mode & S_IFMT) !== (mine.mode & S_IFMT) || attr.btime !== mine.btime ||
      attr.btimeNsec !== mine.btimeNsec;
  }

  /**
   * Whether `attr` shows a content that neither the kernel nor we have written: somebody changed the file locally. So it
   * is for symbolic links, whose targets the kernel keeps.
   */
  isForeignChange(attr: Stat): boolean {
    return !this.isDirectory && !this.isBeingWritten && this.hasOtherContent(attr);
  }

  /** Whether `attr` shows a content that is not the one we know of, whoever made it. */
  hasOtherContent(attr: Stat): boolean {
    const mine = this.attr;
    return attr.size !== mine.size || attr.mtime !== mine.mtime || attr.mtimeNsec !== mine.mtimeNsec ||
      (this.ctimeKnown && (attr.ctime !== mine.ctime || attr.ctimeNsec !== mine.ctimeNsec));
  }
}

/**
 * The inodes the kernel knows, by its number and by (dev, ino): hard links share one node, and with it one page cache.
 *
 * With write-back the kernel believes its own size and times of a regular file and ignores ours. A file that was changed
 * locally is therefore given a new node: the kernel then makes a new inode and reads the new content, while programs that
 * hold the old one open keep a consistent view of it.
 */
export class Nodes {
  readonly root: Node;
  readonly #byId = new Map<NodeId, Node>();
  readonly #byInode = new Map<string, Node>();
  #next: NodeId = 2;
  #nextIno = FIRST_PROVISIONAL;

  constructor(root: Stat) {
    this.root = new Node(1, root, 0);
    this.root.lookups = 1;
    this.#byId.set(1, this.root);
    this.#byInode.set(inodeKey(root), this.root);
  }

  get(id: NodeId): Node | undefined {
    return this.#byId.get(id);
  }

  /** The node of a file, by its (dev, ino). */
  ofFile(attr: Stat): Node | undefined {
    return this.#byInode.get(inodeKey(attr));
  }

  /** All nodes that the kernel knows. */
  all(): Iterable<Node> {
    return this.#byId.values();
  }

  /** A node and those that the same file had before, as far as programs hold them open. */
  versions(node: Node): Node[] {
    const versions = [node];
    for (let former = node.former; former !== undefined; former = former.former) {
      if (former.openFiles.size > 0) versions.push(former);
    }
    return versions;
  }

  /** All nodes of the file that `node` is of, itself included: the newest, and those that programs hold open. */
  sameFile(node: Node): Node[] {
    const versions = this.versions(this.#byInode.get(inodeKey(node.attr)) ?? node);
    return versions.includes(node) ? versions : [...versions, node];
  }

  /** Nodes known. */
  get size(): number {
    return this.#byId.size;
  }

  /**
   * Whether a file is `parent` or a directory above it. So it is where a directory is mounted within itself (`mount --bind`
   * does that), or the local side lies: the kernel refuses it, and here the way up from a node must have an end.
   */
  isAbove(parent: Node, attr: Stat): boolean {
    const node = this.#byInode.get(inodeKey(attr));
    return node !== undefined && (node === this.root || isWithin(parent, node));
  }

  /** The node of what was found at `time` as `name` in `parent`, with one more lookup. ELOOP for what {@link isAbove}. */
  enter(parent: Node, name: ByteString, found: LookupOut, time = performance.now()): Node {
    const { stat } = found;
    if (this.isAbove(parent, stat)) throw new ErrnoError(Errno.ELOOP, "enter a directory that is within itself");
    const key = inodeKey(stat);
    let node = this.#byInode.get(key);
    let former: Node | undefined;
    if (node !== undefined && time >= node.attrTime && (node.isOtherFile(stat) || node.isForeignChange(stat))) {
      if (!node.isOtherFile(stat)) {
        former = node.openFiles.size > 0 ? node : node.former;
        // While it has a name.
        node.openThere();
      }
      this.#detach(node, key);
      node = undefined;
    }
    if (node === undefined) {
      node = new Node(this.#next++, stat, time);
      node.former = former;
      this.#byId.set(node.id, node);
      this.#byInode.set(key, node);
    } else {
      node.update(stat, time);
    }
    node.target = found.target;
    const { watchedAt } = node;
    this.#place(node, parent, name);
    if (!node.isDirectory) node.watchedAt = stat.isWatched ? Math.max(watchedAt, time) : -Infinity;
    node.lookups++;
    return node;
  }

  /** The node of what we are making as `name` in `parent`, with its first lookup: which inode it is, is not known yet. */
  make(parent: Node, name: ByteString, attr: Omit<FileAttr, "ino">): Node {
    const node = new Node(this.#next++, { ...attr, ino: this.#nextIno++ }, performance.now());
    node.isMade = node.isProvisional = true;
    node.lookups = 1;
    this.#byId.set(node.id, node);
    this.#byInode.set(inodeKey(node.attr), node);
    this.#place(node, parent, name);
    return node;
  }

  /** The local side has told which inode it is that we made. EIO where that is no such file. */
  identify(node: Node, { dev, ino, mode, btime, btimeNsec, mount }: FileAttr): void {
    if ((mode & S_IFMT) !== (node.attr.mode & S_IFMT) || dev !== node.attr.dev) {
      throw new ErrnoError(Errno.EIO, "take the attributes of what was not made");
    }
    const key = inodeKey(node.attr);
    const isKnown = this.#byInode.get(key) === node;
    if (isKnown) this.#byInode.delete(key);
    node.attr = { ...node.attr, ino, btime, btimeNsec, mount };
    node.isProvisional = false;
    // Forgotten meanwhile, it is not to be found.
    if (isKnown) this.#byInode.set(inodeKey(node.attr), node);
  }

  /** The node of a new file that has no name (yet), with its first lookup. */
  enterUnnamed(stat: FileAttr): Node {
    const node = new Node(this.#next++, stat, performance.now());
    node.lookups = 1;
    this.#byId.set(node.id, node);
    this.#byInode.set(inodeKey(stat), node);
    return node;
  }

  /** A node that exists on the remote only, under a number of its own. */
  enterOverlay(parent: Node, name: ByteString, entry: OverlayEntry & { attr: Stat }): Node {
    const known = parent.children.get(name);
    if (known?.overlay === entry) {
      known.lookups++;
      return known;
    }
    const node = new Node(this.#next++, entry.attr, performance.now());
    node.overlay = entry;
    this.#byId.set(node.id, node);
    this.#place(node, parent, name);
    node.lookups++;
    return node;
  }

  /** The kernel gives back `count` references. Returns the node when those were the last. */
  forget(id: NodeId, count: number): Node | undefined {
    const node = this.#byId.get(id);
    if (node === undefined || id === 1) return undefined;
    node.lookups -= count;
    if (node.lookups > 0) return undefined;
    this.#byId.delete(id);
    const key = inodeKey(node.attr);
    if (this.#byInode.get(key) === node) this.#byInode.delete(key);
    for (const { parent, name } of node.places) parent.children.delete(name);
    for (const name of node.knownNames()) this.gone(node, name);
    return node;
  }

  /** `name` in `parent` does not stand for the node any more that was known there. Returns that. */
  gone(parent: Node, name: ByteString): Node | undefined {
    const node = parent.children.get(name);
    if (node === undefined) return undefined;
    parent.children.delete(name);
    node.places = node.places.filter((place) => place.parent !== parent || place.name !== name);
    // By this name it may have been watched for itself.
    if (!node.isDirectory) node.watchedAt = -Infinity;
    // Of what becomes of it elsewhere, nothing may be told.
    node.forgetWritten();
    return node;
  }

  /** As {@link gone}, by our own doing. */
  unlinked(parent: Node, name: ByteString): Node | undefined {
    const node = this.gone(parent, name);
    node?.outdate();
    return node;
  }

  /** What was `from` is now `to`; what was `to` before is gone, or at `from` when the two were exchanged. */
  renamed(from: Place, to: Place, exchanged: boolean): void {
    const { moved, replaced } = this.move(from, to);
    moved?.outdate();
    replaced?.outdate();
    if (exchanged && replaced !== undefined) this.#place(replaced, from.parent, from.name);
  }

  /** As {@link renamed} without exchange, where what becomes of the two is expected. Returns them. */
  move(from: Place, to: Place): { moved: Node | undefined; replaced: Node | undefined } {
    const moved = this.gone(from.parent, from.name);
    const replaced = this.gone(to.parent, to.name);
    if (moved !== undefined) this.place(moved, to);
    return { moved, replaced };
  }

  /** `node` has another name, under which the local side does not watch it for itself. */
  place(node: Node, { parent, name }: Place): void {
    if (!node.isDirectory) node.watchedAt = -Infinity;
    this.#place(node, parent, name);
  }

  #place(node: Node, parent: Node, name: ByteString): void {
    // Moved into itself: a file system does not do that.
    if (isWithin(parent, node)) return;
    const first = node.places[0];
    if (first !== undefined && first.parent === parent && first.name === name) return;
    this.gone(parent, name);
    // A directory has one name: an old one is left over from a rename on the local side.
    const kept = node.isDirectory ? 0 : MAX_PLACES - 1;
    for (const place of node.places.slice(kept)) this.gone(place.parent, place.name);
    if (node.places.length > 0) node.forgetWritten();
    node.places.unshift({ parent, name });
    parent.children.set(name, node);
    node.overlay = parent.overlay?.kind === "directory" ? parent.overlay.children.get(name) : undefined;
  }

  /** The kernel may still hold the node; nothing finds it by its inode or name any more. */
  #detach(node: Node, key: string): void {
    this.#byInode.delete(key);
    for (const place of node.places) this.gone(place.parent, place.name);
  }
}

/** Whether `node` is `directory` or on its way up. */
function isWithin(directory: Node, node: Node): boolean {
  for (let at: Node | undefined = directory; at !== undefined; at = at.places[0]?.parent) {
    if (at === node) return true;
  }
  return false;
}

/** What tells a file from all others, as long as it exists. */
export function inodeKey(attr: Stat): string {
  return `${attr.dev}:${attr.ino}`;
}

/** Where a node is, for messages: by its first name, which may be out of date. */
export function pathOf(node: Node): ByteString {
  const [place] = node.places;
  if (place === undefined) return (node.id === 1 ? "" : "(removed)") as ByteString;
  return `${pathOf(place.parent)}/${place.name}` as ByteString;
}
