import { Errno, F_UNLCK, type RangeLock, statFd } from "../linux/mod.ts";
import type { HeldLock, RangeLockIn } from "../protocol/mod.ts";
import type { OpenFile } from "./handles.ts";
import { type Lent, LockSet } from "./lock_set.ts";

/** Most owners of locks on a file, over all files: each may cost a descriptor. */
const MAX_SETS = 1 << 14;
/** Most ranges that all of them have locked, each of which the kernel keeps too. */
const MAX_RANGES = 1 << 15;

const NONE: ReadonlyMap<bigint, LockSet> = new Map();

/** What is asked of a range, apart from the handle. */
export type RangeRequest = Pick<RangeLockIn, "owner" | "pid" | "lock">;

/** The locks on ranges of all files, by file and owner. */
export class LockTable {
  readonly #lent: Lent = new Map();
  /** By inode: there may be several handles of a file. */
  readonly #files = new Map<string, Map<bigint, LockSet>>();
  readonly #inodes = new WeakMap<OpenFile, string>();
  #count = 0;
  #ranges = 0;

  /** Locks or unlocks; 0, or minus errno: EAGAIN where a lock is in the way. */
  set(file: OpenFile, request: RangeRequest): number {
    const known = this.#sets(file).get(request.owner);
    const before = known?.ranges.size ?? 0;
    const set = known ?? new LockSet(request.owner, this.#lent);
    const result = this.#set(file, set, request);
    this.#ranges += set.ranges.size - before;
    if (known === undefined && set.files.size > 0) this.#add(file, set);
    return result;
  }

  #set(file: OpenFile, set: LockSet, request: RangeRequest): number {
    const { lock } = request;
    const isFull = this.#ranges >= MAX_RANGES;
    if (lock.type === F_UNLCK) return isFull && set.ranges.isSplitBy(lock) ? -Errno.ENOLCK : set.unlock(lock);
    if (this.blockers(file, request).length > 0) return -Errno.EAGAIN;
    // A set without a file is a new one.
    if (isFull || (set.files.size === 0 && this.#count >= MAX_SETS)) return -Errno.ENOLCK;
    return set.lock(file, lock, request.pid);
  }

  /** A lock that is in the way; or minus errno. */
  test(file: OpenFile, request: RangeRequest): HeldLock | number {
    const [blocker] = this.blockers(file, request);
    if (blocker !== undefined) return { lock: blocker.ranges.conflict(request.lock)!, pid: blocker.pid };
    const set = this.#sets(file).get(request.owner) ?? new LockSet(request.owner, this.#lent);
    const lock = set.test(file, request.lock);
    return typeof lock === "number" ? lock : { lock, pid: 0 };
  }

  /** The agent's own locks that are in the way. */
  blockers(file: OpenFile, { owner, lock }: { owner: bigint; lock: RangeLock }): LockSet[] {
    const others = [...this.#sets(file).values()].filter((set) => set.owner !== owner);
    return others.filter((set) => set.ranges.conflict(lock) !== undefined);
  }

  /** The owner lets go of all its locks on the file. True if it had any. */
  dropOwner(file: OpenFile, owner: bigint): boolean {
    return this.#drop(file, (set) => set.owner === owner);
  }

  /** All locks that were taken through this handle go with it. True if there were any. */
  dropFile(file: OpenFile): boolean {
    return this.#drop(file, (set) => set.files.has(file));
  }

  close(): void {
    for (const sets of this.#files.values()) for (const set of sets.values()) set.drop();
    this.#files.clear();
  }

  #sets(file: OpenFile): ReadonlyMap<bigint, LockSet> {
    return this.#files.get(this.#inode(file)) ?? NONE;
  }

  #inode(file: OpenFile): string {
    let inode = this.#inodes.get(file);
    if (inode === undefined) {
      const stat = statFd(file.fd);
      inode = typeof stat === "number" ? "" : `${stat.dev}:${stat.ino}`;
      this.#inodes.set(file, inode);
    }
    return inode;
  }

  #add(file: OpenFile, set: LockSet): void {
    const inode = this.#inode(file);
    const sets = this.#files.get(inode) ?? new Map();
    this.#files.set(inode, sets.set(set.owner, set));
    this.#count++;
  }

  #drop(file: OpenFile, goes: (set: LockSet) => boolean): boolean {
    const sets = this.#files.get(this.#inode(file));
    if (sets === undefined) return false;
    const going = [...sets.values()].filter(goes);
    for (const set of going) {
      set.drop();
      sets.delete(set.owner);
      this.#count--;
      this.#ranges -= set.ranges.size;
    }
    if (sets.size === 0) this.#files.delete(this.#inode(file));
    return going.length > 0;
  }
}
