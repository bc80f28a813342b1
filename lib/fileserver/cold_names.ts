/**
 * Names of which the kernel would have to ask the disk: while threads have it do so, other requests are answered. What they
 * find is not used, as it may change until the answer is sent: it is looked at again, when it is in the kernel's caches.
 */
import type { ByteString } from "../bytes/mod.ts";
import { isCachedAt, lookAtAsync } from "../linux/mod.ts";

/** Names of one directory that are looked up at once. */
const AT_ONCE = 8;
/** Of many names, so many are tried, and from there on each sixteenth: they come into the caches and go in company. */
const TRIED = 16;

/**
 * Resolves when nothing of these names has to be waited for; undefined: that is so. `dir` is a descriptor that the caller keeps
 * until then.
 */
export function warm(dir: number, names: readonly ByteString[]): Promise<void> | undefined {
  const isCold = (name: ByteString) => !isCachedAt(dir, name);
  if (!names.some((name, index) => (index < TRIED || index % TRIED === 0) && isCold(name))) return undefined;
  return lookAll(dir, names.filter(isCold));
}

async function lookAll(dir: number, names: readonly ByteString[]): Promise<void> {
  const left = names.values();
  const look = async () => {
    for (const name of left) await lookAtAsync(dir, name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, look));
}
