/**
 * What the local side says has changed, made known to the kernel:
 *
 * 1. what says the same as we know is the echo of our own change
 * 2. other attributes of the same content end the lifetime of those the kernel has
 * 3. other content, or another file, ends the name's: the next lookup gives a new node (see {@link Nodes})
 * 4. programs that hold the old one open are given what was added to it
 * 5. names came or went: behind those the directory's own attributes are told
 */
import { encodeDelete, encodeInvalEntry, encodeInvalInode, encodeStore } from "../fuse/mod.ts";
import type { Stat } from "../linux/mod.ts";
import {
  type ChangedNote,
  type DirectoryChangedNote,
  encodeRead,
  FileOp,
  type LookupOut,
  ROOT_DIRECTORY,
} from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import { DeferredNews, isHeld } from "./deferred_news.ts";
import type { Node, Place } from "./nodes.ts";
import type { Tree } from "./tree.ts";

const PAGE = 4096;
/** So many notifications may be on their way before {@link Changes.isCrowded}. */
const CROWD = 256;

/**
 * Tells the kernel of local changes. They are to be applied when what came with them in the same read has been dealt
 * with: an answer that is older must not be remembered after the change that outdates it.
 */
export class Changes {
  readonly #connection: Connection;
  readonly #tree: Tree;
  readonly #write: (message: Uint8Array<ArrayBuffer>) => void;
  readonly #deferred: DeferredNews;
  #sent = 0;

  /** `write` gives a message to the mount's FUSE device, off this thread. */
  constructor(options: { connection: Connection; tree: Tree; write: (message: Uint8Array<ArrayBuffer>) => void }) {
    this.#connection = options.connection;
    this.#tree = options.tree;
    this.#write = options.write;
    this.#tree.onUnleased = (node) => this.#expire(node);
    // Nothing is as it was taken for.
    this.#tree.log.onFailure = () => this.applyToAll();
    this.#deferred = new DeferredNews(this.#tree, (note, time) => this.apply(note, time));
  }

  /** Whether the runtime should be given a turn: it keeps something for each notification until then. */
  isCrowded(): boolean {
    if (this.#sent < CROWD) return false;
    this.#sent = 0;
    return true;
  }

  /** A name was made, changed or removed. `time`: performance.now() when that came. */
  apply({ dir, name, found }: ChangedNote, time = performance.now()): void {
    const { nodes } = this.#tree;
    const directory = this.#directory(dir);
    if (directory === undefined) return this.#tree.startPack.told(dir, name, found);
    const file = found && nodes.ofFile(found.stat);
    for (const node of [directory.children.get(name), file]) node?.wasSeen(found?.stat);
    // Told before the answer to a change of ours, dealt with after it.
    const isOld = time <= directory.settledAt;
    if (isOld) return this.#deferred.check({ parent: directory, name }, { dir, name, found });
    if (isHeld({ parent: directory, name }) || (file !== undefined && file.pending > 0)) {
      return this.#deferred.keep({ parent: directory, name }, { dir, name, found });
    }
    this.#apply({ parent: directory, name }, found, time);
    if (file === undefined || file.isOtherFile(found!.stat)) return;
    // Of its other names nothing is told.
    for (const place of [...file.places]) {
      if (place.parent !== directory || place.name !== name) this.#apply(place, found, time);
    }
  }

  /** A directory is this, as names in there came or went. `time`: performance.now() when that came. */
  applyToDirectory({ dir, stat }: DirectoryChangedNote, time = performance.now()): void {
    const directory = this.#directory(dir);
    if (directory === undefined) return this.#tree.startPack.toldDirectory(dir, stat);
    if (directory.isOtherFile(stat)) return;
    // Told while changes of ours were under way, and perhaps before them: those tell what becomes of it, or it is asked for.
    if (directory.pending > 0) return directory.doubt();
    const { attr, attrKnown } = directory;
    const renew = () => {
      if (!attrKnown || differs(attr, directory.attr)) this.#notify(encodeInvalInode(directory.id));
    };
    if (time <= directory.settledAt) return attrKnown ? this.#tree.refresh(directory, renew) : undefined;
    directory.update(stat, time);
    renew();
  }

  #directory(number: number): Node | undefined {
    const { directories, nodes } = this.#tree;
    return number === ROOT_DIRECTORY ? nodes.root : directories.byNumber(number);
  }

  #apply({ parent: directory, name }: Place, found: LookupOut | undefined, time: number): void {
    const child = directory.children.get(name);
    // What we have removed ourselves, or what came and went.
    if (found === undefined && child === undefined && this.#tree.snapshots.state(directory, name) === "absent") return;
    if (child?.isDirectory === false && found?.stat.isWatched !== true) child.watchedAt = -Infinity;
    if (
      found === undefined || child === undefined || child.isOtherFile(found.stat) || child.isForeignChange(found.stat)
    ) {
      this.#renew({ parent: directory, name }, found, time);
    } else if (!child.isBeingWritten && differs(child.attr, found.stat)) {
      this.#note({ parent: directory, name }, found, time);
      child.update(found.stat, time);
      this.#notify(encodeInvalInode(child.id));
    } else {
      // What we know from the answer to a request of ours, the snapshot does not.
      this.#tree.snapshots.told(directory, name, found, time);
    }
  }

  /** Events were lost. */
  applyToAll(): void {
    this.#tree.snapshots.doubt();
    this.#tree.startPack.forget();
    for (const node of this.#tree.nodes.all()) this.#expire(node);
  }

  /** Ends the lifetimes of a directory, of what is in there, and of their attributes. */
  #expire(node: Node): void {
    if (node.isDirectory) node.changedAt = node.watchedAt = performance.now();
    else node.watchedAt = -Infinity;
    node.doubt();
    this.#notify(encodeInvalInode(node.id));
    for (const [name, child] of node.children) {
      child.doubt();
      this.#notify(encodeInvalEntry(node.id, name, { expireOnly: true }));
      this.#notify(encodeInvalInode(child.id));
    }
  }

  /** What was told before of names in the directory may be out of date; what is told from now on is not. */
  #note({ parent, name }: Place, found: LookupOut | undefined, time: number): void {
    parent.changedAt = performance.now();
    this.#tree.snapshots.told(parent, name, found, time);
  }

  /** `name` is not what it was. */
  #renew({ parent: directory, name }: Place, found: LookupOut | undefined, time: number): void {
    const { nodes } = this.#tree;
    const child = directory.children.get(name);
    const kept = child !== undefined && found !== undefined && !child.isOtherFile(found.stat);
    // Before the news are noted: the number of a removed file may be used again, and the newer of the two counts.
    if (!kept) nodes.unlinked(directory, name);
    this.#note({ parent: directory, name }, found, time);
    if (kept) { for (const node of nodes.versions(child)) this.#refresh(node, found.stat); }
    const gone = child !== undefined && found === undefined;
    this.#notify(gone ? encodeDelete(directory.id, child.id, name) : encodeInvalEntry(directory.id, name));
  }

  /**
   * Programs hold `node` open, and the local file has other content by now. The kernel keeps its own size of it, which can
   * only be made larger, by putting something behind its end.
   */
  #refresh(node: Node, stat: Stat): void {
    node.openThere();
    const [file] = node.openFiles;
    if (file === undefined || node.isBeingWritten) return;
    node.writes++;
    const lastPage = Math.floor((stat.size - 1) / PAGE) * PAGE;
    if (stat.size <= node.shownSize) return this.#notify(encodeInvalInode(node.id, { offset: 0, length: 0 }));
    if (lastPage > 0) this.#notify(encodeInvalInode(node.id, { offset: 0, length: lastPage }));
    const size = stat.size - lastPage;
    const body = encodeRead({ fh: file.fh, offset: lastPage, size });
    this.#connection.call(FileOp.READ, body, { maxReply: size }).reply.then((data) => {
      node.shownSize = Math.max(node.shownSize, lastPage + data.length);
      if (data.length > 0) this.#notify(encodeStore(node.id, lastPage, data));
    }).catch(() => {
      // The file or the link is gone: there is nothing to show.
    });
  }

  /**
   * Off this thread: the kernel may wait for a lock that is held until this thread has answered another request. What it
   * does not know (ENOENT) needs no telling.
   */
  #notify(message: Uint8Array<ArrayBuffer>): void {
    this.#sent++;
    this.#write(message);
  }
}

function differs(one: Stat, other: Stat): boolean {
  return one.mode !== other.mode || one.uid !== other.uid || one.gid !== other.gid || one.nlink !== other.nlink ||
    one.size !== other.size || one.mtime !== other.mtime || one.mtimeNsec !== other.mtimeNsec ||
    one.ctime !== other.ctime || one.ctimeNsec !== other.ctimeNsec;
}
