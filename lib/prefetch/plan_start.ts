import { toText } from "../bytes/mod.ts";
import { log } from "../log/mod.ts";
import type { CommandLine } from "./command_line.ts";
import type { Disk } from "./disk.ts";
import { LocalDisk } from "./local_disk.ts";
import { Plan } from "./plan.ts";
import { rules } from "./registry.ts";
import type { Want } from "./want.ts";

const DEFAULT_LIMIT = 5000;
const DEFAULT_BUDGET_MS = 200;

export interface PlanStartOptions {
  /** This machine's, unless given. */
  readonly disk?: Disk;
  /** Wants at most. */
  readonly limit?: number;
  /** Milliseconds after which the plan is given as far as it is; one question to the disk may come late. */
  readonly budgetMs?: number;
}

/** What `command` is going to ask for when it starts, in that order, each path once. Never throws. */
export function planStart(command: CommandLine, options: PlanStartOptions = {}): Want[] {
  const { limit = DEFAULT_LIMIT, budgetMs = DEFAULT_BUDGET_MS } = options;
  const now = () => performance.now();
  const start = now();
  using own = options.disk === undefined ? new LocalDisk() : undefined;
  const plan = new Plan({ disk: options.disk ?? own!, rules, limit, deadline: start + budgetMs, now, log });
  try {
    plan.start(command);
  } catch (error) {
    // What is planned so far is right; what is missing will be asked for.
    log.debug(`prefetch: the plan for "${toText(command.path)}" is not complete: ${error}`);
  }
  if (log.debugging) {
    log.debug(`prefetch: ${plan.wants.length} wants planned in ${(now() - start).toFixed(1)} ms`);
  }
  return plan.wants;
}
