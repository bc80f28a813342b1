import { type ByteString, toText } from "../bytes/mod.ts";
import { threadTime } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { CommandLine } from "./command_line.ts";
import type { Disk } from "./disk.ts";
import { LocalDisk } from "./local_disk.ts";
import { Plan } from "./plan.ts";
import { rules as allRules } from "./registry.ts";
import type { Rule } from "./rule.ts";
import type { Want } from "./want.ts";

const DEFAULT_LIMIT = 5000;
const DEFAULT_BUDGET_MS = 200;
/** A plan that takes so many times as long as it works is waiting for the disk, or for others to leave it the processor. */
const MAX_WAITING = 5;

export interface PlanStartOptions {
  /** This machine's, unless given. */
  readonly disk?: Disk;
  /** All, unless given. */
  readonly rules?: readonly Rule[];
  /** Commands that were planned for, of which nothing more is wanted; those of this plan are added. */
  readonly planned?: Set<string>;
  /** What was worked out for other plans of the same disk, for a short while: what is made of this one is added. */
  readonly known?: Map<string, unknown>;
  /** Wants at most. */
  readonly limit?: number;
  /** Milliseconds of work (see {@link workClock}) after which the plan is given as far as it is. */
  readonly budgetMs?: number;
}

/** What `command` is going to ask for when it starts, in that order, each path once. Never throws. */
export function planStart(command: CommandLine, options: PlanStartOptions = {}): Want[] {
  return makePlan(toText(command.path), (plan) => plan.start(command), options);
}

/**
 * The same of a search for `name` along PATH: the name in each directory, up to the first one in which such a program is,
 * and what that needs. Never throws.
 */
export function planSearch(
  name: ByteString,
  around: Pick<CommandLine, "env" | "cwd">,
  options: PlanStartOptions = {},
): Want[] {
  return makePlan(toText(name), (plan) => plan.search(name, around), options);
}

function makePlan(title: string, make: (plan: Plan) => void, options: PlanStartOptions): Want[] {
  const { limit = DEFAULT_LIMIT, budgetMs = DEFAULT_BUDGET_MS, rules = allRules, planned, known } = options;
  const began = performance.now();
  using own = options.disk === undefined ? new LocalDisk() : undefined;
  const plan = new Plan({
    disk: options.disk ?? own!,
    rules,
    planned,
    known,
    limit,
    deadline: budgetMs,
    now: workClock(),
    log,
  });
  try {
    make(plan);
  } catch (error) {
    // What is planned so far is right; what is missing will be asked for.
    log.debug(`prefetch: the plan for "${title}" is not complete: ${error}`);
  }
  if (log.debugging) {
    log.debug(`prefetch: ${plan.wants.length} wants planned in ${(performance.now() - began).toFixed(1)} ms`);
  }
  return plan.wants;
}

/** ms since now of this thread's CPU time, or, where it waits, a fifth of the time that passes. */
function workClock(): () => number {
  const cpu = threadTime();
  const time = performance.now();
  return () => Math.max(threadTime() - cpu, (performance.now() - time) / MAX_WAITING);
}
