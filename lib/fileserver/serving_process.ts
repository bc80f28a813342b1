import { ignoreSignal, setUmask } from "../linux/mod.ts";

const SIGXFSZ = 25;

/**
 * Makes this process fit to serve files. The session calls it once, before the first request and after it has read its
 * own umask. The umask becomes 0: the agent's kernel has applied the command's own to every mode it sends. And a write
 * beyond the limit on file sizes becomes EFBIG for the command instead of the end of this process. Children inherit both.
 */
export function prepareProcess(): void {
  ignoreSignal(SIGXFSZ);
  setUmask(0);
}
