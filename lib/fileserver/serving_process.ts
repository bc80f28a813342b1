import { byteString } from "../bytes/mod.ts";
import { ignoreSignal, readFile, setUmask } from "../linux/mod.ts";

const SIGXFSZ = 25;

/** What is left of the limit on descriptors for other things than files. */
const OTHER_FILES = 256;
/** So much memory of the kernel (1 KB each, and the inode) is nobody's concern. */
const MOST_DIRECTORIES = 1 << 15;
/** Fewer than any usual limit on watches (8192 for all processes of a user, on old kernels). */
const USUAL_DIRECTORIES = 2048;
const MOST_AHEAD = 1024;

/**
 * Makes this process fit to serve files. The session calls it once, before the first request and after it has read its
 * own umask. The umask becomes 0: the agent's kernel has applied the command's own to every mode it sends. And a write
 * beyond the limit on file sizes becomes EFBIG for the command instead of the end of this process. Children inherit both.
 */
export function prepareProcess(): void {
  ignoreSignal(SIGXFSZ);
  setUmask(0);
}

/**
 * How many directories this process can hold for an agent: a descriptor each, as for files that are open, and a watch, of
 * which the user's other programs need some too. `openFiles`: the limit on descriptors.
 */
export function directoryLimit(openFiles: number): number {
  const watches = Math.max(USUAL_DIRECTORIES, Math.floor(maxWatches() / 8));
  return Math.max(0, Math.min(Math.floor((openFiles - OTHER_FILES) / 4), watches, MOST_DIRECTORIES));
}

/**
 * With how many in use directories are told of ahead, of which the agent is told that there may be `directories`: more, as
 * it gives up one of its own when it comes to one of those.
 */
export function aheadLimit(directories: number): number {
  return directories + Math.min(MOST_AHEAD, directories >> 1);
}

/** How many files this process may watch because of their other names: of the user's watches, half as many again. */
export function linkedFilesLimit(): number {
  return Math.min(MOST_DIRECTORIES, Math.max(USUAL_DIRECTORIES / 4, Math.floor(maxWatches() / 16)));
}

/** Watches that all processes of a user can have together; 0 where that is not said. */
function maxWatches(): number {
  const bytes = readFile("/proc/sys/fs/inotify/max_user_watches");
  return typeof bytes === "number" ? 0 : Number.parseInt(byteString(bytes), 10) || 0;
}
