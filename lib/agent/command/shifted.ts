import { fromText } from "../../bytes/mod.ts";
import {
  AT_FDCWD,
  CLONE_NEWPID,
  close,
  enterNamespace,
  Errno,
  O_RDONLY,
  openAt,
  spawn,
  unwrap,
} from "../../linux/mod.ts";
import { timeline } from "../../log/mod.ts";
import { helperEnvironment, type Holder, startHolder } from "./holder.ts";
import type { IdMap } from "./id_map.ts";
import type { RunnerStart } from "./launch.ts";

/** Begins to make user, mount and pid namespaces with these ids; then starts the runner in them. Needs root. */
export function beginShifted(ids: IdMap): (runner: RunnerStart) => { holder: Holder; pid: number } {
  const wait = startHolder(ids);
  return (runner) => {
    const holder = wait();
    timeline.mark("namespaces made");
    try {
      return { holder, pid: spawnInNamespaces(holder.pid, runner) };
    } catch (error) {
      holder.end();
      throw error;
    }
  };
}

/** Starts the runner as this process's own child in the namespaces of process `holder`: its pid. */
function spawnInNamespaces(holder: number, { path, fds }: RunnerStart): number {
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
      argv: [...["nsenter", ...enter, "--"].map(fromText), path],
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
