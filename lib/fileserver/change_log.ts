import { Errno, O_TRUNC } from "../linux/mod.ts";
import { decodeOpen, FileOp } from "../protocol/mod.ts";
import type { Answer, Operation } from "./context.ts";

type Outcome = ReturnType<Operation>;

/** A request of the log, and what carries it out. */
export interface LoggedChange {
  /** FileOp */
  readonly op: number;
  readonly body: Uint8Array;
  readonly carryOut: () => Outcome;
}

/**
 * The log of changes that the other side has taken for made already. They are carried out in order; the first that fails
 * is the last: what was written there stays a prefix of what the command did, without a hole.
 */
export class ChangeLog {
  #failed = false;
  /** The last of those that take their time or wait for one that does: the next waits for it. */
  #last: Promise<unknown> | undefined;

  /** Carries out the next change, or refuses it (ECANCELED) behind one that failed. */
  carryOut(change: LoggedChange): Outcome {
    const last = this.#last;
    const outcome = last === undefined ? this.#begin(change) : last.then(() => this.#begin(change)) as Promise<Answer>;
    // Of a sync, only the beginning has its place.
    const turn = change.op === FileOp.FSYNC ? last : outcome;
    if (turn instanceof Promise) this.#wait(turn);
    return outcome;
  }

  #begin(change: LoggedChange): Outcome {
    if (this.#failed && !numbers.has(change.op)) return -Errno.ECANCELED;
    try {
      const outcome = change.carryOut();
      if (!(outcome instanceof Promise)) return this.#judge(change, outcome);
      return outcome.then((answer) => this.#judge(change, answer) as Answer, (error) => {
        this.#failed = true;
        throw error;
      });
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** What comes from here on waits behind this, also while those that waited before are about to begin. */
  #wait(turn: Promise<unknown>): void {
    const ended = turn.catch(() => {}).then(() => {
      if (this.#last === ended) this.#last = undefined;
    });
    this.#last = ended;
  }

  #judge<T>(change: LoggedChange, outcome: T): T {
    this.#failed ||= typeof outcome === "number" && outcome < 0 && !isDone(change, outcome);
    return outcome;
  }
}

/** What numbers and handles stand for: given up also after a failure, or they could not be used again. */
const numbers: ReadonlySet<number> = new Set([FileOp.BIND, FileOp.UNBIND, FileOp.RELEASE]);

/** Whether nothing is lost by a failure: of what changes no file, or where what is to be removed is gone already. */
function isDone({ op, body }: LoggedChange, outcome: number): boolean {
  if (numbers.has(op) || op === FileOp.FSYNC) return true;
  if (op === FileOp.OPEN) return (decodeOpen(body).flags & O_TRUNC) === 0;
  return outcome === -Errno.ENOENT && (op === FileOp.UNLINK || op === FileOp.RMDIR);
}
