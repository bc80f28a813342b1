import {
  close,
  Errno,
  F_UNLCK,
  F_WRLCK,
  LAST_BYTE,
  O_ACCMODE,
  O_RDONLY,
  O_WRONLY,
  openFlags,
  type RangeLock,
  setRangeLock,
  testRangeLock,
} from "../linux/mod.ts";
import type { OpenFile } from "./handles.ts";
import { LockedRanges } from "./locked_ranges.ts";
import { reopen } from "./references.ts";

/** Most ranges that one owner may lock in one file: each lock is compared with all of them. */
const MAX_RANGES = 1 << 12;
const EVERYTHING: RangeLock = { type: F_UNLCK, start: 0n, end: LAST_BYTE };

/** Which set of locks uses the description of an open file. Shared by all sets of a file server. */
export type Lent = Map<OpenFile, LockSet>;

/** An open file description that locks are taken with. */
interface Description {
  readonly fd: number;
  /** O_RDONLY, O_WRONLY or O_RDWR */
  readonly access: number;
  /** The open file whose own one it is; undefined when it was opened for these locks. */
  readonly lender: OpenFile | undefined;
}

/**
 * The locks of one owner on one file. The kernel here must tell owners apart as the other one does, and for that it has
 * open file descriptions: the owner gets that of the handle it locks through or, when another owner has got that one (a
 * process that was forked), one of its own.
 */
export class LockSet {
  readonly owner: bigint;
  readonly ranges = new LockedRanges();
  /** The handles that locks were taken through. */
  readonly files = new Set<OpenFile>();
  /** Who took the last lock. */
  pid = 0;
  readonly #lent: Lent;
  #description: Description | undefined;

  constructor(owner: bigint, lent: Lent) {
    this.owner = owner;
    this.#lent = lent;
  }

  /** Locks a range; 0, or minus errno: EAGAIN where somebody else's is in the way. */
  lock(file: OpenFile, lock: RangeLock, pid: number): number {
    if (this.ranges.size >= MAX_RANGES) return -Errno.ENOLCK;
    const failed = this.#prepare(file, lock.type);
    if (failed < 0) return failed;
    const result = setRangeLock(this.#description!.fd, lock);
    if (result < 0) return result;
    this.ranges.apply(lock);
    this.pid = pid;
    return 0;
  }

  unlock(lock: RangeLock): number {
    if (this.#description === undefined) return 0;
    // One more range, as if it were locked.
    if (this.ranges.size >= MAX_RANGES && this.ranges.isSplitBy(lock)) return -Errno.ENOLCK;
    const result = setRangeLock(this.#description.fd, lock);
    if (result === 0) this.ranges.apply(lock);
    return result;
  }

  /** A lock of somebody else that is in the way; or minus errno. */
  test(file: OpenFile, lock: RangeLock): RangeLock | number {
    return testRangeLock(this.#description?.fd ?? file.fd, lock);
  }

  /** Lets go of everything. */
  drop(): void {
    if (this.#description !== undefined) this.#giveBack(this.#description);
    this.#description = undefined;
  }

  /** Sees to a description that is open for what the lock is for, and has all locks. */
  #prepare(file: OpenFile, type: number): number {
    const before = this.#description;
    if (before !== undefined && allows(before.access, type)) {
      this.files.add(file);
      return 0;
    }
    const access = openFlags(file.fd) & O_ACCMODE;
    if (!allows(access, type)) return -Errno.EBADF;
    const next = this.#take(file, access);
    if (typeof next === "number") return next;
    const failed = before === undefined ? 0 : this.#move(next);
    if (failed < 0) {
      this.#giveBack(next);
      return failed;
    }
    if (before !== undefined) this.#giveBack(before);
    this.#description = next;
    this.files.add(file);
    return 0;
  }

  #take(file: OpenFile, access: number): Description | number {
    if (!this.#lent.has(file)) {
      this.#lent.set(file, this);
      return { fd: file.fd, access, lender: file };
    }
    const fd = reopen(file.fd, access);
    return fd < 0 ? -Errno.ENOLCK : { fd, access, lender: undefined };
  }

  /**
   * Takes all locks once more. Shared ones do not exclude each other, so there is no moment without; and what was taken
   * with a description that cannot be written is shared.
   */
  #move({ fd }: Description): number {
    for (const held of this.ranges) {
      if (held.type === F_WRLCK) return -Errno.ENOLCK;
      const result = setRangeLock(fd, held);
      if (result < 0) return result;
    }
    return 0;
  }

  #giveBack({ fd, lender }: Description): void {
    if (lender === undefined) {
      close(fd);
    } else {
      setRangeLock(fd, EVERYTHING);
      this.#lent.delete(lender);
    }
  }
}

function allows(access: number, type: number): boolean {
  return access !== (type === F_WRLCK ? O_RDONLY : O_WRONLY);
}
