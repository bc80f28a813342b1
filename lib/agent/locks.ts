/**
 * The way of a lock: the kernel's request becomes one to the local side, which holds all locks.
 *
 * 1. an exclusive lock is let go of, or made a shared one: first, what was written here goes to the local side
 * 2. a lock was had: the file is as its last holder left it, so what is cached of it is void, unless nobody wrote
 * 3. while a program uses locks, the other names in the directory are not believed either, unless the local side tells of
 *    changes: a data base looks for its journal there, and takes what it finds for the truth
 *
 * A file that was made shorter locally cannot be made shorter in this kernel under write-back: a program that has it open
 * reads zeros from where it ends now. Directories cannot be locked: the kernel asks nobody, and keeps their locks here.
 */
import type { Caller, FileLock, LockRequest } from "../fuse/mod.ts";
import { Errno, ErrnoError, F_UNLCK, F_WRLCK } from "../linux/mod.ts";
import {
  decodeHeldLock,
  decodeLocked,
  encodeFileLock,
  encodeNumber,
  encodeRangeLock,
  FileNote,
  FileOp,
  type LockedOut,
} from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { LockedContent } from "./locked_content.ts";
import type { Node } from "./nodes.ts";
import type { OpenFile } from "./open_files.ts";
import type { Tree } from "./tree.ts";

/** What locks are made of. */
export interface LocksOptions {
  readonly connection: Connection;
  readonly tree: Tree;
  readonly content: LockedContent;
}

/** A lock to take or to let go of: `holder` is an owner of ranges, or the handle of a file that is locked as a whole. */
interface Wish {
  readonly file: OpenFile;
  readonly holder: bigint | number;
  readonly type: number;
  readonly wait: boolean;
}

/** The request for it; `wait`: the number to wait under, or 0. */
type Encode = (wait: number) => { op: number; body: Uint8Array };

/** Who uses locks on a file. */
interface Usage {
  /** Who may have locks, and whether exclusive ones. */
  readonly holders: Map<bigint | number, boolean>;
  /** Where the file was when the first of them came. */
  readonly directories: readonly Node[];
}

/** The locks of the command. */
export class Locks {
  readonly #connection: Connection;
  readonly #tree: Tree;
  readonly #content: LockedContent;
  /** By inode: there may be several nodes of a file. */
  readonly #usages = new Map<string, Usage>();
  #lastWait = 0;

  constructor(options: LocksOptions) {
    this.#connection = options.connection;
    this.#tree = options.tree;
    this.#content = options.content;
  }

  /** A lock in the way. */
  async test({ fh, owner, lock }: LockRequest): Promise<FileLock> {
    this.#file(fh);
    if (!this.#tree.log.isEmpty) await this.#tree.log.drained();
    const body = encodeRangeLock({ fh, owner, pid: lock.pid, lock, wait: 0 });
    const { lock: held, pid } = decodeHeldLock(await this.#tree.ask(FileOp.GETLK, body));
    return { ...held, pid };
  }

  async setRange(request: LockRequest & { wait: boolean }, caller: Caller): Promise<void> {
    const { fh, owner, lock } = request;
    const wish = { file: this.#file(fh), holder: owner, type: lock.type, wait: request.wait };
    await this.#set(wish, caller, (wait) => ({
      op: FileOp.SETLK,
      body: encodeRangeLock({ fh, owner, pid: lock.pid, lock, wait }),
    }));
  }

  async setFile(request: { fh: number; type: number; wait: boolean }, caller: Caller): Promise<void> {
    const { fh, type } = request;
    const wish = { file: this.#file(fh), holder: fh, type, wait: request.wait };
    await this.#set(wish, caller, (wait) => ({ op: FileOp.FLOCK, body: encodeFileLock({ fh, type, wait }) }));
  }

  /** Whether the owner may have locks on the file. */
  has(node: Node, owner: bigint): boolean {
    return this.#usages.get(inodeOf(node))?.holders.has(owner) ?? false;
  }

  /** The owner or the handle has closed the file, and with that let go of its locks on the local side. */
  closed(node: Node, holder: bigint | number): void {
    const usage = this.#usages.get(inodeOf(node));
    if (usage === undefined) return;
    usage.holders.delete(holder);
    // Open files own locks too, and the kernel does not say which. They go with the last handle at the latest.
    const isOpen = this.#tree.nodes.sameFile(node).some(({ openFiles }) => openFiles.size > 0);
    if (usage.holders.size > 0 && isOpen) return;
    for (const directory of usage.directories) directory.lockUsers--;
    this.#usages.delete(inodeOf(node));
  }

  #file(fh: number): OpenFile {
    const file = this.#tree.files.get(fh);
    if (file === undefined) throw new ErrnoError(Errno.ENOLCK, "lock a file of the remote machine");
    file.openThere?.();
    return file;
  }

  async #set(wish: Wish, caller: Caller, encode: Encode): Promise<void> {
    const { file, holder, type } = wish;
    // Who waits for the lock is going to look at what was changed under it.
    if (!this.#tree.log.isEmpty) await this.#tree.log.drained();
    const wasExclusive = this.#usages.get(inodeOf(file.node))?.holders.get(holder) ?? false;
    if (wasExclusive && type !== F_WRLCK) {
      await this.#content.flush(file.node);
      await this.#tree.log.drained();
    }
    if (type === F_UNLCK) {
      const { op, body } = encode(0);
      // Not waited for: whatever follows on the link finds it done.
      this.#connection.call(op, body);
      return;
    }
    const { holders } = this.#use(file.node);
    holders.set(holder, wasExclusive);
    const locked = await this.#ask(wish, caller, encode);
    if (type === F_WRLCK) holders.set(holder, true);
    await this.#content.renew(file, locked);
  }

  async #ask({ wait }: Wish, { interrupted }: Caller, encode: Encode): Promise<LockedOut> {
    const id = wait ? this.#nextWait() : 0;
    const { op, body } = encode(id);
    const { reply } = this.#connection.call(op, body);
    if (wait) {
      // The answer tells which was first, the lock or this.
      const stop = () => this.#connection.notify(FileNote.STOP_WAITING, encodeNumber(id));
      if (interrupted.aborted) stop();
      else interrupted.addEventListener("abort", stop, { once: true });
    }
    return decodeLocked(await reply);
  }

  #nextWait(): number {
    this.#lastWait = this.#lastWait % 0xffff_ffff + 1;
    return this.#lastWait;
  }

  #use(node: Node): Usage {
    const known = this.#usages.get(inodeOf(node));
    if (known !== undefined) return known;
    const usage: Usage = { holders: new Map(), directories: node.places.map(({ parent }) => parent) };
    for (const directory of usage.directories) directory.lockUsers++;
    this.#usages.set(inodeOf(node), usage);
    return usage;
  }
}

function inodeOf({ attr }: Node): string {
  return `${attr.dev}:${attr.ino}`;
}
