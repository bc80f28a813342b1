import { libc } from "../linux/mod.ts";

const SIGXFSZ = 25;
const SIG_IGN = 1;

/** What a process was before {@link prepareProcess}: the command over there is to start with the same. */
export interface FormerProcess {
  /** Permission bits that new files do not get. */
  readonly umask: number;
}

/**
 * Makes this process fit to serve files; the session calls it once, before the first request. The umask becomes 0: the
 * agent's kernel has applied the command's own to every mode it sends. And a write beyond the limit on file sizes becomes
 * EFBIG for the command instead of the end of this process. Children inherit both.
 */
export function prepareProcess(): FormerProcess {
  libc().signal(SIGXFSZ, SIG_IGN);
  return { umask: libc().umask(0) };
}
