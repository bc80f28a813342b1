import { type ByteString, DecodeError } from "../bytes/mod.ts";
import type { Caller, Result } from "../fuse/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import { decodeWritten, encodeFlush, encodeSync, encodeWrite, FileOp } from "../protocol/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import type { DeferredOpenings } from "./deferred_openings.ts";
import type { Locks } from "./locks.ts";
import { type Node, pathOf } from "./nodes.ts";
import type { OpenFile } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";
import { killSetid } from "./setid.ts";
import type { Tree } from "./tree.ts";
import type { WriteBehind } from "./write_behind.ts";

/** Bytes that a program believes to be written. */
export interface LostWrite {
  readonly path: ByteString;
  readonly errno: number;
}

/** Bytes to be written. `cached`: the kernel has collected them. */
export interface NewData {
  readonly fh: number;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly killSuidgid?: boolean;
  readonly cached?: boolean;
}

/** What they are made of. */
export interface TransfersOptions {
  readonly connection: Connection;
  readonly tree: Tree;
  readonly behind: WriteBehind;
  readonly cache: PageCache;
  readonly locks: Locks;
  readonly deferred: DeferredOpenings;
  /** The kernel collects writes. */
  readonly writeBack: boolean;
}

/** Bytes of open files come and go, and files are closed. */
export class Transfers {
  readonly #connection: Connection;
  readonly #tree: Tree;
  readonly #behind: WriteBehind;
  readonly #cache: PageCache;
  readonly #locks: Locks;
  readonly #deferred: DeferredOpenings;
  readonly #writeBack: boolean;
  #lostWrite: LostWrite | undefined;

  constructor(options: TransfersOptions) {
    this.#connection = options.connection;
    this.#tree = options.tree;
    this.#behind = options.behind;
    this.#cache = options.cache;
    this.#locks = options.locks;
    this.#deferred = options.deferred;
    this.#writeBack = options.writeBack;
  }

  /** The first write that the kernel had collected and the local side did not take. */
  get lostWrite(): LostWrite | undefined {
    return this.#lostWrite;
  }

  read(node: Node, at: { fh: number; offset: number; size: number }, caller: Caller): Result<Uint8Array> {
    const file = this.#tree.file(at.fh);
    const content = node.writes === 0 ? file.content?.read(at.offset, at.size) : undefined;
    const data = content ?? this.#unwritten(file, at);
    if (!(data instanceof Uint8Array)) return this.#readLater(file, { ...at, data }, caller);
    node.wasRead(at.offset, data.length);
    return data;
  }

  /**
   * The zeros of a range that nobody has written since the file was empty; undefined: that is not known. At the end it is
   * as long as it would be from the local side. Past the page cache, the program itself sees where that is.
   */
  #unwritten({ node, direct, refusal }: OpenFile, at: { offset: number; size: number }): Uint8Array | undefined {
    const written = node.writtenRanges;
    if (written === undefined || direct || refusal !== undefined || !this.#writeBack) return undefined;
    if (written.touches(at.offset, at.offset + at.size) || !this.#tree.isToldSince(node, written.since)) {
      return undefined;
    }
    return new Uint8Array(Math.max(0, Math.min(at.size, node.attr.size - at.offset)));
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
    if (node.pending > 0) await this.#tree.log.settled(node);
    this.#tree.stillOpen(file).openThere?.();
    this.#demandOpened(file);
    try {
      // Past its cache the kernel asks beyond the end that we know of.
      const data = direct
        ? await readAhead.readPlainly(at.offset, at.size, () => caller.signal)
        : await readAhead.read(at.offset, at.size, () => caller.signal);
      node.wasRead(at.offset, data.length);
      return data;
    } catch (error) {
      await file.opening;
      this.#demandOpened(file);
      throw error;
    }
  }

  /** ESTALE where it was removed or replaced before the local side opened it, and not all of it is here. */
  #demandOpened({ refusal }: OpenFile): void {
    if (refusal !== undefined) throw new ErrnoError(Errno.ESTALE, "read a file that was not opened");
  }

  async write(at: NewData, caller: Caller): Promise<number> {
    const file = at.cached ? collector(this.#tree.file(at.fh)) : this.#tree.file(at.fh);
    const { node, fh } = file;
    // Those that append do so at an end that only the local side knows.
    if (file.direct) node.forgetWritten();
    else node.wasWritten(at.offset, at.offset + at.data.length);
    if (this.#tree.log.failure !== undefined) throw this.#tree.log.refusal();
    if (at.killSuidgid) await killSetid(this.#tree, node, caller, fh);
    const behind = at.cached === true && this.#behind.write(file, at.offset, at.data);
    if (behind !== false) {
      this.#cache.wrote(node, at.data.length);
      await behind;
      return at.data.length;
    }
    if (node.pending > 0) await this.#tree.log.settled(node);
    node.writes++;
    this.#cache.wrote(node, at.data.length);
    try {
      const body = encodeWrite({ fh, offset: at.offset });
      const { reply } = this.#connection.call(FileOp.WRITE, body, { data: at.data, flow: fh });
      const { written, stat } = decodeWritten(await file.node.whileWriting(reply));
      if (written > at.data.length) throw new DecodeError(`Cannot have written ${written} of ${at.data.length} bytes`);
      node.shownSize = Math.max(node.shownSize, at.offset + written);
      node.wasLeft(stat);
      // Past its cache the kernel keeps the time and size it had before, and with write-back it believes those: the next
      // use of the name must give a new node.
      if (file.direct && this.#writeBack) node.doubt();
      else node.update(stat);
      if (!at.cached || written === at.data.length) return written;
      // The kernel takes a collected write for whole, however short it is told it was: the rest goes on its own, and
      // what is in its way (a full disk, a limit) is this write's error.
      if (written === 0) throw new ErrnoError(Errno.EIO, "write what was collected");
      const rest = { ...at, offset: at.offset + written, data: at.data.subarray(written), killSuidgid: false };
      return written + await this.write(rest, caller);
    } catch (error) {
      // The program's own write(2) has long returned.
      if (this.#writeBack && !file.direct) this.#lostWrite ??= { path: pathOf(node), errno: errnoOf(error) };
      throw error;
    } finally {
      node.writes++;
    }
  }

  flush(fh: number, owner: bigint): Result<void> {
    const file = this.#tree.files.get(fh);
    if (file === undefined) return;
    const hasLocks = this.#locks.has(file.node, owner);
    // A file that was only read, or not written since the last time, has nothing to report.
    const { writes } = file.node;
    if ((!file.writable || file.flushedWrites === writes) && !hasLocks) return;
    // They go with any of the owner's descriptors.
    file.openThere?.();
    if (hasLocks) this.#locks.closed(file.node, owner);
    else if (this.#behind.flush(file, owner)) {
      file.flushedWrites = writes;
      return;
    }
    return this.#flush(file, { fh, owner }, writes);
  }

  async #flush(file: OpenFile, message: { fh: number; owner: bigint }, writes: number): Promise<void> {
    // Locks may go with it: whoever has them next is going to look at what was changed under them.
    if (!this.#tree.log.isEmpty) await this.#tree.log.drained();
    await this.#tree.ask(FileOp.FLUSH, encodeFlush(message));
    file.flushedWrites = writes;
  }

  async fsync(fh: number, dataOnly: boolean, caller: Caller): Promise<void> {
    const file = this.#tree.files.get(fh);
    if (file === undefined) return;
    if (this.#tree.log.failure !== undefined) throw this.#tree.log.refusal();
    file.openThere?.();
    const behind = this.#behind.fsync(file, dataOnly);
    if (behind !== undefined) {
      await behind;
      return;
    }
    const call = this.#connection.call(FileOp.FSYNC, encodeSync({ id: fh, dataOnly }));
    caller.signal.addEventListener("abort", () => call.cancel(), { once: true });
    await call.reply;
  }

  release(fh: number): void {
    const file = this.#tree.files.get(fh);
    if (file === undefined) return;
    if (file.openThere !== undefined) {
      this.#deferred.closed(file);
      this.#tree.files.cancel(fh);
    } else if (this.#behind.release(file, () => this.#tree.files.free(fh))) this.#tree.files.close(fh);
    else this.#tree.files.release(fh);
    this.#locks.closed(file.node, fh);
  }
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

function errnoOf(error: unknown): number {
  return error instanceof RpcError ? error.errno : Errno.EIO;
}
