import type { ByteString } from "../bytes/mod.ts";
import { AT_FDCWD, close, O_PATH, O_RDONLY, openAt, S_IFMT, S_IFREG, type Stat, statFd } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { Policy } from "./policy.ts";
import { reopen } from "./references.ts";

const policy = new Policy(log);

/**
 * Opens the regular file at `path`, links followed, to read it; undefined for anything else. What a path stands for is
 * looked at before it is opened, which alone could act on a device: the path may have come from another machine. The
 * caller closes the descriptor.
 */
export function openContent(path: ByteString): { fd: number; stat: Stat } | undefined {
  const pinned = openAt(AT_FDCWD, path, O_PATH);
  if (pinned < 0) return undefined;
  try {
    const stat = statFd(pinned);
    const isFile = typeof stat !== "number" && (stat.mode & S_IFMT) === S_IFREG;
    if (!isFile || policy.refusesFileSystem(pinned)) return undefined;
    const fd = reopen(pinned, O_RDONLY);
    return fd < 0 ? undefined : { fd, stat };
  } finally {
    close(pinned);
  }
}
