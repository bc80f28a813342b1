import { fromText } from "../../bytes/mod.ts";
import {
  AT_FDCWD,
  CLONE_NEWPID,
  close,
  effectiveUser,
  enterNamespace,
  Errno,
  ErrnoError,
  makeSocketPair,
  O_RDONLY,
  openAt,
  setNonBlocking,
  spawn,
  type SpawnOptions,
  unwrap,
} from "../../linux/mod.ts";
import { timeline } from "../../log/mod.ts";
import { CONTROL } from "./control.ts";
import { checkIds, helperEnvironment, type Holder, startHolder } from "./holder.ts";
import { IdMap } from "./id_map.ts";
import { type Program } from "./program.ts";
import { makeStage } from "./stage.ts";
import { Stdio, type StreamKind } from "./stdio.ts";

export interface LaunchOptions {
  /** This program, run with the argument `runner`. */
  readonly program: Program;
  /** What stdin, stdout and stderr of the command are. */
  readonly stdio: readonly [StreamKind, StreamKind, StreamKind];
  /** Every user and group id that the command is going to have; those of ordinary size may be left out. */
  readonly ids: readonly number[];
}

/** What launch() has started: the parts of a Command. */
export interface Launched {
  readonly holder: Holder;
  readonly ids: IdMap;
  readonly stdio: Stdio;
  /** The runner: a process group of its own. */
  readonly pid: number;
  /** The agent's end of the socket to it. */
  readonly control: number;
}

/**
 * Starts a runner, which waits for `go` while the rest is on its way. Blocks for the few ms in which the namespaces come
 * to be. Needs root. Once in a process: it leaves the thread in a mount namespace of its own, and with a terminal the
 * process in a session of its own. Throws an Error for the user; this process should then exit.
 */
export function launch(options: LaunchOptions): Launched {
  if (effectiveUser() !== 0) {
    throw new Error("Cannot run without root on the remote: log in as root, or allow sudo -n or doas -n");
  }
  const ids = new IdMap(options.ids);
  checkIds(ids);
  makeStage(options.program);
  timeline.mark("stage made");
  const stdio = new Stdio(options.stdio);
  const holder = startHolder(ids);
  timeline.mark("namespaces made");
  try {
    const pair = makeSocketPair();
    if (typeof pair === "number") throw new ErrnoError(-pair, "make a socket pair");
    const [control, theirs] = pair;
    unwrap(setNonBlocking(control), "make a socket nonblocking");
    const streams = stdio.theirs.map((fd, number) => [fd, number] as const);
    const fds = [...streams, [theirs, CONTROL] as const, ...options.program.fds];
    const pid = spawnInNamespaces(holder.pid, { words: options.program.runner, fds });
    close(theirs);
    stdio.setForeground(pid);
    timeline.mark("runner started");
    return { holder, ids, stdio, pid, control };
  } catch (error) {
    holder.end();
    throw error;
  }
}

/** Starts the runner as this process's own child in the namespaces of process `holder`: its pid. */
function spawnInNamespaces(
  holder: number,
  { words, fds }: { words: readonly string[]; fds: SpawnOptions["fds"] },
): number {
  const namespace = (path: string) => openAt(AT_FDCWD, fromText(path), O_RDONLY);
  const ours = unwrap(namespace("/proc/thread-self/ns/pid"), "open the pid namespace");
  const its = unwrap(namespace(`/proc/${holder}/ns/pid`), "open the command's pid namespace");
  // Directories and user namespaces are for nsenter to enter: this process has threads. Without a pid namespace to
  // enter it does not fork.
  const enter = [`--user=/proc/${holder}/ns/user`, `--mount=/proc/${holder}/ns/mnt`, "-S", "0", "-G", "0"];
  unwrap(enterNamespace(its, CLONE_NEWPID), "enter the command's pid namespace");
  let pid: number;
  try {
    pid = spawn(fromText("nsenter"), {
      argv: ["nsenter", ...enter, "--", ...words].map(fromText),
      env: helperEnvironment(),
      fds,
      leads: "group",
    });
  } finally {
    // Until then this thread can start no other.
    unwrap(enterNamespace(ours, CLONE_NEWPID), "return to the pid namespace");
    close(its);
    close(ours);
  }
  if (pid === -Errno.ENOENT) throw new Error("Cannot find nsenter on the remote; install util-linux there");
  return unwrap(pid, "run nsenter");
}
