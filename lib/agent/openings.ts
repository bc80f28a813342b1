import { type ByteString, toText } from "../bytes/mod.ts";
import {
  type Caller,
  type Entry,
  FMODE_EXEC,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  type NewFile,
  type NodeId,
  type Opened,
  type Result,
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
} from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { decodeStat, encodeCreate, encodeOpen, encodeTmpFile, FileOp } from "../protocol/mod.ts";
import { RpcError } from "../rpc/mod.ts";
import type { ReadableContent } from "./content.ts";
import type { Contents } from "./contents.ts";
import type { DeferredOpenings } from "./deferred_openings.ts";
import type { LockedContent } from "./locked_content.ts";
import { type Node, pathOf } from "./nodes.ts";
import type { OpenFile, Way } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";
import type { Programs } from "./programs.ts";
import type { Recorder } from "./recorder.ts";
import { R_OK, type Rights, X_OK } from "./rights.ts";
import { killSetid } from "./setid.ts";
import type { Tree } from "./tree.ts";
import type { Walks } from "./walks.ts";
import type { WriteBehind } from "./write_behind.ts";

/** Of what is not open on the local side. */
export const NO_HANDLE = 0;

/** What they are made of. */
export interface OpeningsOptions {
  readonly tree: Tree;
  readonly behind: WriteBehind;
  readonly walks: Walks;
  readonly cache: PageCache;
  readonly content: LockedContent;
  readonly deferred: DeferredOpenings;
  readonly contents?: Contents;
  readonly recorder?: Recorder;
  readonly programs?: Programs;
  readonly rights?: Rights;
  /** The kernel collects writes and must be able to read what it half overwrites. */
  readonly writeBack: boolean;
}

/**
 * Files are opened: without waiting for the local side where their content is here ({@link Contents}, {@link Walks}) or
 * made by us ({@link WriteBehind}), else by its answer, which also says whether the file is what the kernel takes it for.
 */
export class Openings {
  readonly #tree: Tree;
  readonly #behind: WriteBehind;
  readonly #walks: Walks;
  readonly #cache: PageCache;
  readonly #content: LockedContent;
  readonly #deferred: DeferredOpenings;
  readonly #contents: Contents | undefined;
  readonly #recorder: Recorder | undefined;
  readonly #programs: Programs | undefined;
  readonly #rights: Rights | undefined;
  readonly #writeBack: boolean;

  constructor(options: OpeningsOptions) {
    this.#tree = options.tree;
    this.#behind = options.behind;
    this.#walks = options.walks;
    this.#cache = options.cache;
    this.#content = options.content;
    this.#deferred = options.deferred;
    this.#contents = options.contents;
    this.#recorder = options.recorder;
    this.#programs = options.programs;
    this.#rights = options.rights;
    this.#writeBack = options.writeBack;
  }

  open(nodeId: NodeId, flags: number, caller: Caller): Result<Opened> {
    const node = this.#tree.node(nodeId);
    if (node.overlay?.attr !== undefined) return this.#openOverlay(flags);
    this.#recorder?.opened(node);
    this.#programs?.opened(node, flags, caller.pid);
    const wanted = flags & ~(O_CREAT | O_EXCL | O_NOCTTY | FMODE_EXEC);
    if (this.#rights === undefined) return this.#openAllowed(node, wanted, { mayRead: true, caller });
    return this.#openAsAllowed(this.#rights, node, { flags, wanted, caller });
  }

  async #openAsAllowed(
    rights: Rights,
    node: Node,
    { flags, wanted, caller }: { flags: number; wanted: number; caller: Caller },
  ): Promise<Opened> {
    const mayRead = await this.#mayOpen(rights, node, flags);
    return await this.#openAllowed(node, wanted, { mayRead, caller });
  }

  /** At once, if the local side need not be waited for: that is most of all opening. */
  #openAllowed(
    node: Node,
    wanted: number,
    { mayRead, caller }: { mayRead: boolean; caller: Caller },
  ): Result<Opened> {
    const isToRead = isReading(wanted);
    const content = isToRead ? this.#toRead(node) : undefined;
    const isKnown = this.#tree.attrValid(node) > 0;
    const isHere = isToRead &&
      (content === undefined
        ? this.#isMadeHere(node, isKnown) || (node.wasReadThrough && this.#tree.isTold(node))
        : isKnown);
    if (isHere && mayRead) return this.#openAhead(node, wanted, content);
    return this.#openBehind(node, wanted) ??
      this.#openByAnswer(node, wanted, { isRead: content === undefined, caller });
  }

  async #openByAnswer(
    node: Node,
    wanted: number,
    { isRead, caller }: { isRead: boolean; caller: Caller },
  ): Promise<Opened> {
    if (node.pending > 0) await this.#tree.log.settled(node);
    if (wanted & O_TRUNC) await killSetid(this.#tree, node, caller);
    const isWritten = node.isBeingWritten;
    const ours = isWritten || (wanted & O_TRUNC) !== 0;
    const { writes } = node;
    const { file, stat } = await this.#openLocal(node, wanted, { isRead });
    const changed = !ours && node.hasOtherContent(stat);
    // The kernel asks twice. A file that is written all the time would have changed again: what nothing is kept of is
    // taken as it is, unless it has become shorter, or has a new node already.
    const isFresh = !node.mayBeCached && stat.size >= node.shownSize && node.places.length > 0;
    // Who appends sees nothing of the content. Somebody else may do so all the time, so this could fail time after time.
    const isBlind = file.direct && (wanted & O_ACCMODE) === O_WRONLY;
    if (node.isOtherFile(stat) || (changed && !isFresh && !isBlind)) {
      this.#tree.files.release(file.fh);
      this.#tree.fail("open a file that was changed locally");
    }
    if (changed && !isFresh) node.doubt();
    else node.update(stat);
    if (changed && isFresh && stat.size > node.shownSize) await this.#content.lengthen(node, { file, size: stat.size });
    if (wanted & O_TRUNC) {
      // A write that was under way may have come after the cut.
      const isEmpty = stat.size === 0 && !isWritten && !node.isBeingWritten && node.writes === writes;
      if (isEmpty) node.wasCut(0);
      node.wasLeft(stat);
      node.writes++;
      node.shownSize = 0;
    }
    this.#tree.files.confirm(file);
    // Of a program that is started, it may have been told meanwhile.
    if (isReading(wanted)) file.content = this.#contentOf(node);
    return opened(file);
  }

  /** The content of a file that is going to be read, if it is here. */
  #toRead(node: Node): ReadableContent | undefined {
    const content = this.#contentOf(node);
    this.#walks.opened(node, content !== undefined || node.wasReadThrough || (node.isMade && !node.wasCopied));
    return content;
  }

  #contentOf(node: Node): ReadableContent | undefined {
    return this.#contents?.of(node) ?? this.#walks.contentOf(node);
  }

  /** Whether it is known that the file may be read. EACCES for one that is to be executed, and may not. */
  async #mayOpen(rights: Rights, node: Node, flags: number): Promise<boolean> {
    if ((flags & FMODE_EXEC) !== 0) {
      const may = rights.may(node.attr, X_OK);
      if (may === false) throw new ErrnoError(Errno.EACCES, "execute a file");
      if (may === undefined) await this.#tree.askAccess(node, X_OK);
    }
    return rights.may(node.attr, R_OK) === true;
  }

  /** Opens what is here, or what the kernel most likely has, under a lease. Nobody waits for the local side. */
  #openAhead(node: Node, flags: number, content: ReadableContent | undefined): Opened {
    const fh = this.#tree.files.reserve();
    const file = this.#tree.files.add(fh, node, { flags, direct: false });
    file.content = content;
    const isHere = content?.isWhole ?? (node.wasReadWhole && !node.isMade);
    if (isHere && node.pending === 0 && this.#tree.isTold(node)) {
      this.#deferred.add(file, () => this.#openThere(file, flags));
    } else this.#openThere(file, flags);
    this.#tree.files.confirm(file);
    return opened(file);
  }

  /** Has the local side open the file, so that the handle stands for it there, and what may have become of it is known soon. */
  #openThere(file: OpenFile, flags: number): void {
    const { fh, node } = file;
    file.isOpening = true;
    const asked = performance.now();
    const open = async () => {
      const body = encodeOpen({ ref: this.#tree.ref(node), fh, flags });
      return await (this.#behind.openBehind(node, body) ?? this.#tree.stat(FileOp.OPEN, body));
    };
    file.opening = open().finally(() => file.isOpening = false).then((stat) => {
      // The number of an inode is used again.
      if (!node.isProvisional && node.isOtherFile(stat)) throw new ErrnoError(Errno.ESTALE, "open a file that is gone");
      // What we changed in the meantime is known better.
      if (node.attrTime > asked) return;
      if (!node.hasOtherContent(stat)) return node.update(stat, asked);
      if (node.isBeingWritten) return;
      node.changedLocally();
      return this.#cache.drop(node);
    }).catch((error) => {
      file.refusal = error;
      log.debug(`"${toText(pathOf(node))}" is read from the cache only: ${error}`);
    });
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
    const fh = this.#tree.files.reserve();
    const onRefused = (error: unknown) => {
      file.refusal = error;
      log.debug(`"${toText(pathOf(node))}" is not open for writing: ${error}`);
    };
    if (!this.#behind.open(node, way.flags, { fh, onRefused })) {
      this.#tree.files.cancel(fh);
      return undefined;
    }
    const file = this.#tree.files.add(fh, node, way);
    this.#tree.files.confirm(file);
    return opened(file);
  }

  create(
    parentId: NodeId,
    name: ByteString,
    how: NewFile,
    caller: Caller,
  ): Result<{ entry: Entry; opened: Opened }> {
    const way = this.#way(how.flags);
    const reserve = () => this.#tree.files.reserve();
    const made = this.#behind.create(this.#tree.changeable(parentId), name, { how, way, caller, reserve });
    if (made === undefined) return this.#askToCreate({ parentId, name, way }, how, caller);
    return this.#created(this.#tree.expected(made.node), made.fh, way);
  }

  async #askToCreate(
    { parentId, name, way }: { parentId: NodeId; name: ByteString; way: Way },
    how: NewFile,
    caller: Caller,
  ): Promise<{ entry: Entry; opened: Opened }> {
    const ready = this.#tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const { parent, dir } = this.#tree.newName(parentId, name, caller);
    const fh = this.#tree.files.reserve();
    const body = encodeCreate({ dir, name, fh, ...how, flags: way.flags });
    const reply = this.#behind.proving(parent, this.#tree.change(FileOp.CREATE, body, { parent, name }));
    const stat = await this.#opening(fh, reply.then(decodeStat));
    const entry = this.#tree.enter(parent, name, { stat });
    const node = this.#tree.node(entry.nodeId);
    // Perhaps it was there before.
    if (stat.size === 0 && !node.isBeingWritten) node.wasCut(0);
    return this.#created(entry, fh, way);
  }

  async tmpfile(parentId: NodeId, how: NewFile, caller: Caller): Promise<{ entry: Entry; opened: Opened }> {
    const ready = this.#tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const dir = this.#tree.newFile(parentId, caller);
    const fh = this.#tree.files.reserve();
    const way = this.#way(how.flags);
    const body = encodeTmpFile({ dir, fh, ...how, flags: way.flags });
    const stat = await this.#opening(fh, this.#tree.stat(FileOp.TMPFILE, body));
    return this.#created(this.#tree.enterUnnamed(stat), fh, way);
  }

  #created(entry: Entry, fh: number, way: Way): { entry: Entry; opened: Opened } {
    const file = this.#tree.files.add(fh, this.#tree.node(entry.nodeId), way);
    this.#tree.files.confirm(file);
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
    const ref = this.#tree.ref(node);
    const attempt = async (way: Way) => {
      const fh = this.#tree.files.reserve();
      const reply = this.#tree.stat(FileOp.OPEN, encodeOpen({ ref, fh, flags: way.flags }));
      const file = this.#tree.files.add(fh, node, way);
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
      this.#tree.files.cancel(fh);
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

function isReading(flags: number): boolean {
  return (flags & (O_ACCMODE | O_TRUNC)) === O_RDONLY;
}

function opened({ fh, direct }: OpenFile): Opened {
  return { fh, flags: direct ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE };
}
