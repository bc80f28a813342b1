/** Waiting with a bound: every wait of the rig ends, with an error that says for what it waited. */

const POLL_MS = 10;
/** What bounds a hang, and says nothing of speed: a busy machine may take a hundred times as long as a test expects. */
export const LIMIT_MS = 60_000;

/** Polls `condition` until it holds; throws `failure` after `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = LIMIT_MS, failure }: { timeoutMs?: number; failure: string },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(failure);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
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
