import { Errno } from "../linux/mod.ts";
import type { OpenFile } from "./handles.ts";
import type { RangeRequest } from "./lock_table.ts";

/** How long to leave locks alone that could not be had, in ms: at first, and at most. */
const MIN_PAUSE = 1;
const MAX_PAUSE = 10;
const GROWTH = 1.5;
/** Most requests that may wait; each is tried again at every turn. */
const MAX_WAITS = 4096;

/** A lock that is wanted. */
export interface Wanted {
  /** The number that the agent waits under. */
  readonly id: number;
  readonly file: OpenFile;
  /** Of a lock on a range. */
  readonly range?: RangeRequest;
  /** Tries to take it: 0, or minus errno. */
  attempt(): number;
}

interface Waiting extends Wanted {
  settle(result: number): void;
}

/**
 * The requests that wait for locks. When the agent itself lets go of one, they are tried at once, in the order in which
 * they came; for locks of local processes, whose end nobody tells us, every few ms.
 *
 * Rejected: a thread for each that waits in the kernel. Nothing could interrupt it.
 */
export class LockWaits {
  readonly #waiting = new Map<number, Waiting>();
  #pause = MIN_PAUSE;
  #timer: number | undefined;

  /** Resolves to 0 when the lock was taken, or to minus errno: EINTR after {@link stop}. */
  wait(wanted: Wanted): Promise<number> | number {
    if (this.#waiting.has(wanted.id)) return -Errno.EINVAL;
    if (this.#waiting.size >= MAX_WAITS) return -Errno.ENOLCK;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(wanted.id, { ...wanted, settle: resolve });
    this.#pause = MIN_PAUSE;
    this.#schedule();
    return promise;
  }

  /** What an owner waits for. */
  of(owner: bigint): Wanted[] {
    return [...this.#waiting.values()].filter(({ range }) => range?.owner === owner);
  }

  /** Gives up the wait under this number. */
  stop(id: number): void {
    this.#settle(id, -Errno.EINTR);
  }

  /** Gives up what waits for locks through a handle that is being closed. */
  dropFile(file: OpenFile): void {
    for (const { id, file: its } of this.#waiting.values()) if (its === file) this.#settle(id, -Errno.EBADF);
  }

  /** Tries everything: something has been let go of. */
  retry(): void {
    for (const { id, attempt } of this.#waiting.values()) {
      const result = attempt();
      if (result !== -Errno.EAGAIN) this.#settle(id, result);
    }
  }

  close(): void {
    for (const id of this.#waiting.keys()) this.#settle(id, -Errno.ENOTCONN);
  }

  #settle(id: number, result: number): void {
    this.#waiting.get(id)?.settle(result);
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pause = Math.min(MAX_PAUSE, this.#pause * GROWTH);
      this.retry();
      this.#schedule();
    }, this.#pause);
  }
}
