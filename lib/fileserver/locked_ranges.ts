import { F_UNLCK, F_WRLCK, type RangeLock } from "../linux/mod.ts";

/** The ranges of one file that one owner has locked: what the kernel knows too, but does not tell. */
export class LockedRanges {
  /** They do not overlap. */
  #locks: RangeLock[] = [];

  get size(): number {
    return this.#locks.length;
  }

  [Symbol.iterator](): Iterator<RangeLock> {
    return this.#locks[Symbol.iterator]();
  }

  /** Takes over what was locked or unlocked: a part of a lock can go, or change its type. */
  apply(lock: RangeLock): void {
    const locks: RangeLock[] = [];
    let { start, end } = lock;
    for (const held of this.#locks) {
      if (held.type === lock.type && held.end >= start - 1n && held.start <= end + 1n) {
        if (held.start < start) start = held.start;
        if (held.end > end) end = held.end;
      } else {
        locks.push(...outside(held, lock));
      }
    }
    if (lock.type !== F_UNLCK) locks.push({ type: lock.type, start, end });
    this.#locks = locks;
  }

  /** Whether unlocking a range leaves something of one lock on both sides of it. */
  isSplitBy({ start, end }: RangeLock): boolean {
    return this.#locks.some((held) => held.start < start && held.end > end);
  }

  /** One that is in the way of another owner's lock. */
  conflict(lock: RangeLock): RangeLock | undefined {
    return this.#locks.find((held) => {
      const excludes = held.type === F_WRLCK || lock.type === F_WRLCK;
      return excludes && held.start <= lock.end && held.end >= lock.start;
    });
  }
}

/** The parts of `held` that `lock` does not cover. */
function outside(held: RangeLock, lock: RangeLock): RangeLock[] {
  if (held.end < lock.start || held.start > lock.end) return [held];
  const parts: RangeLock[] = [];
  if (held.start < lock.start) parts.push({ ...held, end: lock.start - 1n });
  if (held.end > lock.end) parts.push({ ...held, start: lock.end + 1n });
  return parts;
}
