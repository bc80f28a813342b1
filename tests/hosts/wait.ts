/** Waiting with a bound: every wait of the rig ends, with an error that says for what it waited. */

/** Looking is work, too: the next look comes when a tenth of the time so far has passed once more, within these bounds. */
const [LEAST_MS, MOST_MS] = [5, 100];
/** What bounds a hang, and says nothing of speed: a busy machine may take a hundred times as long as a test expects. */
export const LIMIT_MS = 60_000;

/** Polls `condition` until it holds; throws `failure` after `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = LIMIT_MS, failure }: { timeoutMs?: number; failure: string },
): Promise<void> {
  const start = performance.now();
  while (!await condition()) {
    const passed = performance.now() - start;
    if (passed > timeoutMs) throw new Error(failure);
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(passed / 10, LEAST_MS), MOST_MS)));
  }
}

/** What `promise` resolves to; throws `failure` after `timeoutMs`. */
export async function waitFor<T>(
  promise: Promise<T>,
  { timeoutMs = LIMIT_MS, failure }: { timeoutMs?: number; failure: string },
): Promise<T> {
  let timer: number | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(failure)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is a file, folder or link of that name. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
