import { fromText } from "../../bytes/mod.ts";
import { AT_FDCWD, close, O_RDWR, openAt, type Poller, spawn } from "../../linux/mod.ts";
import { log } from "../../log/mod.ts";
import { ChildWatch } from "./child.ts";
import { helperEnvironment } from "./holder.ts";

/**
 * Calls syncfs(2) on the root of process `holder`, and `onEnd` when that is done, or cannot be. By a process in its user
 * namespace: the mount is closed to all others, and this one has threads, so that it cannot enter.
 */
export function syncFiles(poller: Poller, holder: number, onEnd: () => void): void {
  const nowhere = openAt(AT_FDCWD, fromText("/dev/null"), O_RDWR);
  const enter = [`--user=/proc/${holder}/ns/user`, "-S", "0", "-G", "0"];
  const pid = spawn(fromText("nsenter"), {
    argv: ["nsenter", ...enter, "--", "sync", "-f", `/proc/${holder}/root`].map(fromText),
    env: helperEnvironment(),
    fds: [[nowhere, 0], [nowhere, 1], [nowhere, 2]],
    leads: "session",
  });
  close(nowhere);
  if (pid < 0) return onEnd();
  new ChildWatch(poller, pid, {
    stops: false,
    onChange: (state) => {
      if (state.kind !== "exited" || state.status !== 0) log.debug(`sync -f: ${JSON.stringify(state)}`);
      onEnd();
    },
  });
}
