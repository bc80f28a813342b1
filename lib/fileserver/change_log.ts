import { Errno } from "../linux/mod.ts";
import { FileOp } from "../protocol/mod.ts";
import type { Operation } from "./context.ts";

type Outcome = ReturnType<Operation>;

/**
 * The log of changes that the other side has taken for made already. They are carried out in order; the first that fails
 * is the last: what was written there stays a prefix of what the command did, without a hole.
 */
export class ChangeLog {
  #failed = false;

  /** Carries out the next change, or refuses it (ECANCELED) behind one that failed. */
  carryOut(op: number, change: () => Outcome): Outcome {
    if (this.#failed) return -Errno.ECANCELED;
    try {
      const outcome = change();
      this.#failed = typeof outcome === "number" && outcome < 0 && !isDone(op, outcome);
      return outcome;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }
}

/** Requests that change no file: whoever made them is told of their failures. */
const harmless: ReadonlySet<number> = new Set([FileOp.BIND, FileOp.OPEN, FileOp.FSYNC, FileOp.RELEASE]);

/** Also where what is to be removed is gone already. */
function isDone(op: number, outcome: number): boolean {
  if (harmless.has(op)) return true;
  return outcome === -Errno.ENOENT && (op === FileOp.UNLINK || op === FileOp.RMDIR);
}
