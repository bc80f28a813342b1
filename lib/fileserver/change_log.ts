import { Errno } from "../linux/mod.ts";
import { FileOp } from "../protocol/mod.ts";
import type { Answer, Operation } from "./context.ts";

type Outcome = ReturnType<Operation>;

/**
 * The log of changes that the other side has taken for made already. They are carried out in order; the first that fails
 * is the last: what was written there stays a prefix of what the command did, without a hole.
 */
export class ChangeLog {
  #failed = false;
  /** A change that takes its time: the next waits for it. */
  #last: Promise<unknown> | undefined;

  /** Carries out the next change, or refuses it (ECANCELED) behind one that failed. */
  carryOut(op: number, change: () => Outcome): Outcome {
    if (this.#last === undefined) return this.#begin(op, change);
    return this.#last.then(() => this.#begin(op, change)) as Promise<Answer>;
  }

  #begin(op: number, change: () => Outcome): Outcome {
    if (this.#failed) return -Errno.ECANCELED;
    try {
      const outcome = change();
      if (!(outcome instanceof Promise)) return this.#judge(op, outcome);
      const judged = outcome.then((answer) => this.#judge(op, answer) as Answer, (error) => {
        this.#failed = true;
        throw error;
      });
      if (!harmless.has(op)) this.#wait(judged);
      return judged;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  #wait(judged: Promise<Answer>): void {
    const ended = judged.catch(() => {}).then(() => {
      if (this.#last === ended) this.#last = undefined;
    });
    this.#last = ended;
  }

  #judge<T>(op: number, outcome: T): T {
    this.#failed ||= typeof outcome === "number" && outcome < 0 && !isDone(op, outcome);
    return outcome;
  }
}

/** Requests that change no file: whoever made them is told of their failures. */
const harmless: ReadonlySet<number> = new Set([FileOp.BIND, FileOp.OPEN, FileOp.FSYNC, FileOp.RELEASE]);

/** Also where what is to be removed is gone already. */
function isDone(op: number, outcome: number): boolean {
  if (harmless.has(op)) return true;
  return outcome === -Errno.ENOENT && (op === FileOp.UNLINK || op === FileOp.RMDIR);
}
