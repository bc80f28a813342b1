import { fromText } from "../../bytes/mod.ts";
import { AT_FDCWD, close, O_RDWR, openAt, type Poller, spawn } from "../../linux/mod.ts";
import { log } from "../../log/mod.ts";
import { ChildWatch } from "./child.ts";
import { helperEnvironment, type Holder } from "./holder.ts";

/**
 * Calls syncfs(2) on the command's root, and `onEnd` when that is done, or cannot be. By a process in the command's user
 * namespace: the mount is closed to all others, and this one has threads, so that it cannot enter. Returns its pid, or
 * minus errno.
 */
export function syncFiles(poller: Poller, holder: Holder, onEnd: () => void): number {
  const nowhere = openAt(AT_FDCWD, fromText("/dev/null"), O_RDWR);
  const [program, ...args] = [...holder.enter, "sync", "-f", `/proc/${holder.pid}/root`];
  const pid = spawn(fromText(program), {
    argv: [program, ...args].map(fromText),
    env: helperEnvironment(),
    fds: [[nowhere, 0], [nowhere, 1], [nowhere, 2]],
    leads: "session",
  });
  close(nowhere);
  if (pid < 0) {
    onEnd();
    return pid;
  }
  new ChildWatch(poller, pid, {
    stops: false,
    onChange: (state) => {
      if (state.kind !== "exited" || state.status !== 0) log.debug(`sync -f: ${JSON.stringify(state)}`);
      onEnd();
    },
  });
  return pid;
}
