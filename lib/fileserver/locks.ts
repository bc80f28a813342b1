/**
 * The command's locks, held here so that they exclude local processes too:
 *
 * - flock(2) is for an open file description, and each handle has one: it is locked itself.
 * - A lock on a range belongs to a process (fcntl) or to an open file description (OFD), which the other machine's kernel
 *   both calls an owner. An owner's locks on a file are OFD locks of one description here ({@link LockSet}): in the way of
 *   local processes' POSIX and OFD locks, and of those of other owners. They go when the owner closes the file (FLUSH) or
 *   the handle is closed, and with this process at the latest.
 * - Nothing waits in the kernel ({@link LockWaits}).
 *
 * EDEADLK is for owners that wait for each other; a circle that leads through a local process is not seen. And as the two
 * kinds of owners look alike, it is said of OFD locks too, for which the kernel would wait.
 */
import { Errno, F_UNLCK, F_WRLCK, setFileLock, statFd } from "../linux/mod.ts";
import {
  decodeFileLock,
  decodeRangeLock,
  encodeHeldLock,
  encodeLocked,
  type FileLockIn,
  type HeldLock,
  type RangeLockIn,
} from "../protocol/mod.ts";
import type { Answer, Context } from "./context.ts";
import type { OpenFile } from "./handles.ts";
import { LockTable, type RangeRequest } from "./lock_table.ts";
import { LockWaits } from "./lock_waits.ts";

/** Two changes within this time may have the same timestamp: longer than the kernel's coarse clock ticks, in ms. */
const TICK_MS = 20;

export function getLock(context: Context, body: Uint8Array): Answer {
  const request = decodeRangeLock(body);
  const file = context.handles.find(request.fh);
  if (file === undefined) return -Errno.EBADF;
  if (request.lock.type === F_UNLCK) return -Errno.EINVAL;
  const held = context.locks.test(file, request);
  return typeof held === "number" ? held : encodeHeldLock(held);
}

export function setLock(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const request = decodeRangeLock(body);
  const file = context.handles.find(request.fh);
  if (file === undefined) return -Errno.EBADF;
  return answerLocked(context.locks.setRange(file, request), { file, type: request.lock.type });
}

export function lockFile(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const request = decodeFileLock(body);
  const file = context.handles.find(request.fh);
  if (file === undefined) return -Errno.EBADF;
  return answerLocked(context.locks.setFile(file, request), { file, type: request.type });
}

function answerLocked(
  result: number | Promise<number>,
  lock: { file: OpenFile; type: number },
): Answer | Promise<Answer> {
  if (typeof result !== "number") return result.then((result) => answerLocked(result, lock));
  return result < 0 || lock.type === F_UNLCK ? result : describeLocked(lock.file);
}

function describeLocked({ fd }: OpenFile): Answer {
  const stat = statFd(fd);
  if (typeof stat === "number") return stat;
  const age = Date.now() - (stat.ctime * 1000 + stat.ctimeNsec / 1e6);
  return encodeLocked({ ...stat, settled: age > TICK_MS });
}

/** All locks of the agent. */
export class Locks {
  readonly #table = new LockTable();
  readonly #waits = new LockWaits();
  /** Locked as a whole. */
  readonly #whole = new Set<OpenFile>();

  test(file: OpenFile, request: RangeRequest): HeldLock | number {
    return this.#table.test(file, request);
  }

  /** 0 when it is done, or minus errno; later if the request is to wait. */
  setRange(file: OpenFile, request: RangeLockIn): number | Promise<number> {
    const result = this.#table.set(file, request);
    if (result === 0 && request.lock.type !== F_WRLCK) this.#waits.retry();
    if (result !== -Errno.EAGAIN || request.wait === 0) return result;
    if (this.#isDeadlock(file, request)) return -Errno.EDEADLK;
    const attempt = () => this.#table.set(file, request);
    return this.#waits.wait({ id: request.wait, file, range: request, attempt });
  }

  /** The same for the file as a whole. */
  setFile(file: OpenFile, { type, wait }: FileLockIn): number | Promise<number> {
    const attempt = () => {
      const result = setFileLock(file.fd, type);
      if (result === 0 && type !== F_UNLCK) this.#whole.add(file);
      return result;
    };
    const result = attempt();
    // Changing a lock lets go of the old one, also where the new one cannot be had.
    this.#waits.retry();
    if (result !== -Errno.EAGAIN || wait === 0) return result;
    return this.#waits.wait({ id: wait, file, attempt });
  }

  /** The request that waits under this number is to be answered with EINTR. */
  stopWaiting(id: number): void {
    this.#waits.stop(id);
  }

  /** A process has closed a descriptor of the file. */
  closedBy(owner: bigint, file: OpenFile): void {
    if (this.#table.dropOwner(file, owner)) this.#waits.retry();
  }

  /** The handle is about to be closed; its descriptor may outlive that by a read. */
  released(file: OpenFile): void {
    this.#waits.dropFile(file);
    const whole = this.#whole.delete(file);
    if (whole) setFileLock(file.fd, F_UNLCK);
    if (this.#table.dropFile(file) || whole) this.#waits.retry();
  }

  close(): void {
    this.#waits.close();
    this.#table.close();
  }

  /** Whether those that are in the way wait for the one who asks, perhaps through others. */
  #isDeadlock(file: OpenFile, request: RangeRequest): boolean {
    const seen = new Set<bigint>();
    const next = this.#table.blockers(file, request);
    for (let blocker = next.pop(); blocker !== undefined; blocker = next.pop()) {
      if (blocker.owner === request.owner) return true;
      if (seen.has(blocker.owner)) continue;
      seen.add(blocker.owner);
      for (const { file, range } of this.#waits.of(blocker.owner)) next.push(...this.#table.blockers(file, range!));
    }
    return false;
  }
}
