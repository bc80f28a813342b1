/**
 * Names of which the kernel would have to ask the disk: while threads have it do so, other requests are answered. What they
 * find is not used, as it may change until the answer is sent; it is looked at again, and then it is in the kernel's caches.
 */
import type { ByteString } from "../bytes/mod.ts";
import { isCachedAt, lookAtAsync } from "../linux/mod.ts";

/** Names of one directory that are looked up at once. The runtime has 32 threads, and reads need some, too. */
const AT_ONCE = 8;

/** Resolves when nothing of these names has to be waited for; undefined: that is so. Descriptors that are closed meanwhile do no harm. */
export function warm(dir: number, names: readonly ByteString[]): Promise<void> | undefined {
  const cold = names.filter((name) => !isCachedAt(dir, name));
  return cold.length === 0 ? undefined : lookAll(dir, cold);
}

async function lookAll(dir: number, names: readonly ByteString[]): Promise<void> {
  const left = names.values();
  const look = async () => {
    for (const name of left) await lookAtAsync(dir, name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, look));
}
