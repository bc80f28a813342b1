/**
 * The command's namespaces where this process has no root, but a user namespace of its own with all capabilities in it:
 * that is the command's, too, and the runner gives the capabilities up. So neither this process's threads nor old tools
 * are in the way: only mount and pid namespaces are made here, on one thread, for its children.
 *
 * A second user namespace below would keep the two further apart, but whoever enters one without an id 0 loses the
 * capabilities by executing the runner. What keeps the command from this process: it has less capabilities (so it may not
 * trace it), and does not see it where it has a pid namespace.
 */
import { fromText } from "../../bytes/mod.ts";
import {
  AT_FDCWD,
  changeDirectory,
  CLONE_NEWNS,
  CLONE_NEWPID,
  close,
  enterNamespace,
  makePipe,
  O_RDONLY,
  openAt,
  spawn,
  unshare,
  unwrap,
} from "../../linux/mod.ts";
import { endPipes, hearReady, helperEnvironment, type Holder, unwrapPipe } from "./holder.ts";
import type { RunnerStart } from "./launch.ts";
import { startSweeper } from "./sweeper.ts";

/** `closed`: this process is in a pid namespace of its user namespace; `open`: no fresh /proc was to be had for one. */
export type Fence = "closed" | "open";

/** Starts the runner in namespaces of its own. */
export function startRootless(fence: Fence, { path, fds }: RunnerStart): { holder: Holder; pid: number } {
  const kinds = fence === "closed" ? [CLONE_NEWNS, CLONE_NEWPID] : [CLONE_NEWNS];
  // Outside of the command's mount namespace, whose root is going to be this process's to serve.
  const sweeper = fence === "open" ? startSweeper() : undefined;
  const back = kinds.map((kind) => {
    const path = `/proc/thread-self/ns/${kind === CLONE_NEWNS ? "mnt" : "pid"}`;
    return { kind, fd: unwrap(openAt(AT_FDCWD, fromText(path), O_RDONLY), `open ${path}`) };
  });
  unwrap(unshare(kinds.reduce((all, kind) => all | kind)), "make the command's namespaces");
  try {
    // pivot_root moves only those along who are in exactly the old root.
    unwrap(changeDirectory(fromText("/")), "enter the root");
    const holder = sweeper ?? startInit();
    const pid = spawn(path, { argv: [path], env: helperEnvironment(), fds, leads: "group" });
    if (pid < 0) holder.end();
    unwrap(pid, "start the runner");
    // A sweeper sees the mount from outside only.
    return { holder: sweeper === undefined ? holder : { ...sweeper, pid }, pid };
  } finally {
    for (const { kind, fd } of back) {
      // Until then this thread can start no other.
      unwrap(enterNamespace(fd, kind), "return from the command's namespaces");
      close(fd);
    }
  }
}

/** Process 1 of the pid namespace, which collects orphans, until the pipe's end: cat alone would not collect. */
function startInit(): Holder {
  const input = unwrapPipe(makePipe());
  const output = unwrapPipe(makePipe());
  const pid = spawn(fromText("sh"), {
    argv: ["sh", "-c", "cat; exit"].map(fromText),
    env: helperEnvironment(),
    fds: [[input.readEnd, 0], [output.writeEnd, 1], [output.writeEnd, 2]],
    leads: "session",
  });
  close(input.readEnd);
  close(output.writeEnd);
  const end = () => endPipes(input, output);
  try {
    unwrap(pid, "start the first process of the namespace");
    hearReady(input, output);
  } catch (error) {
    end();
    throw error;
  }
  return { pid, enter: [], end };
}
