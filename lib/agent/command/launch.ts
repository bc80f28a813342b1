import type { ByteString } from "../../bytes/mod.ts";
import { effectiveUser } from "../../linux/mod.ts";
import { timeline } from "../../log/mod.ts";
import { checkIds, type Holder } from "./holder.ts";
import { IdMap } from "./id_map.ts";
import { type CommandIds, OwnIds, ownUser, type UserIds } from "./ids.ts";
import { type Fence, startRootless } from "./rootless.ts";
import { Runner } from "./runner.ts";
import { beginShifted } from "./shifted.ts";
import { makeStage, stage } from "./stage.ts";
import { Stdio, type StreamKind } from "./stdio.ts";

export interface LaunchOptions {
  /** What stdin, stdout and stderr of the command are. */
  readonly stdio: readonly [StreamKind, StreamKind, StreamKind];
  /** Every user and group id that the command is going to have; those of ordinary size may be left out. */
  readonly ids: readonly number[];
  /** This process has its capabilities from a user namespace of its own: that is to be the command's, too. */
  readonly rootless?: Fence;
}

/** What was started: the parts of a Command. */
export interface Launched {
  readonly holder: Holder;
  readonly ids: CommandIds;
  /** The one user that the command can be, where its user namespace has no other. */
  readonly soleUser?: UserIds;
  /** Open: the command sees this process and its helpers. */
  readonly fence: Fence;
  readonly stdio: Stdio;
  /** The runner: a process group of its own. */
  readonly pid: number;
  readonly runner: Runner;
}

/** How a runner is started, somewhere. */
export interface RunnerStart {
  readonly path: ByteString;
  readonly fds: readonly (readonly [number, number])[];
}

/** Namespaces for the command, and the runner in them. */
interface Started {
  readonly holder: Holder;
  readonly pid: number;
}

/**
 * Begins to make namespaces, which takes programs of the remote a while; the function that it returns waits for them and
 * starts a runner, which waits for `go`. Needs root, or `rootless`. Once in a process: it leaves the thread in a mount
 * namespace of its own, and with a terminal the process in a session of its own. Both throw an Error for the user; this
 * process should then exit.
 */
export function launch(options: LaunchOptions): () => Launched {
  const { rootless } = options;
  const plan = rootless === undefined ? shifted(options) : own(options, rootless);
  makeStage({ ownDevice: rootless === undefined });
  timeline.mark("stage made");
  const start = plan.begin();
  return () => finishLaunch(options, plan, start);
}

function finishLaunch(options: LaunchOptions, plan: Plan, start: (runner: RunnerStart) => Started): Launched {
  const { rootless } = options;
  const { initially, begin: _, ...identity } = plan;
  const stdio = new Stdio(options.stdio);
  const isSole = identity.soleUser !== undefined;
  const runner = new Runner({ ids: initially, isSole, isOpen: rootless === "open" });
  const theirs = stdio.theirs.map((fd, number) => [fd, number] as const);
  const { holder, pid } = start({ path: stage.runner, fds: [...theirs, ...runner.fds] });
  runner.started();
  try {
    stdio.setForeground(pid);
  } catch (error) {
    holder.end();
    throw error;
  }
  timeline.mark("runner started");
  return { holder, ...identity, fence: rootless ?? "closed", stdio, pid, runner };
}

/** What the command's user namespace is, and how to start a runner in it. */
interface Plan extends Pick<Launched, "ids" | "soleUser"> {
  /** Who the runner is in it. */
  readonly initially: UserIds;
  /** What can be begun before there is a runner to be started. */
  begin(): (runner: RunnerStart) => Started;
}

/** A user namespace of ids that nobody has here. */
function shifted(options: LaunchOptions): Plan {
  if (effectiveUser() !== 0) {
    throw new Error("Cannot run without root on the remote: log in as root, or allow sudo -n or doas -n");
  }
  const ids = new IdMap(options.ids);
  checkIds(ids);
  return { ids, initially: { uid: 0, gid: 0 }, begin: () => beginShifted(ids) };
}

/** The user namespace that this process is in. */
function own(options: LaunchOptions, fence: Fence): Plan {
  const ids = OwnIds.read();
  const initially = ownUser();
  const soleUser = ids.hasAll(options.ids) ? undefined : initially;
  return { ids, soleUser, initially, begin: () => (runner) => startRootless(fence, runner) };
}
