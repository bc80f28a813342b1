import { F_RDLCK, F_UNLCK, F_WRLCK } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { BlobIndex, type Unusable } from "./blob_index.ts";
import { CacheError } from "./cache_error.ts";
import type { CacheFolder } from "./cache_folder.ts";

const NAME = "index.db";
/** How long all of it may take while others are in the way, in ms. */
const PATIENCE_MS = 1000;

/** The index, and whether there was none to go on with. */
export interface OpenedIndex {
  readonly index: BlobIndex;
  readonly isNew: boolean;
}

/**
 * Opens the index of a cache. Whoever has it open holds a shared lock on the folder; it is made and replaced under an
 * exclusive one. SQLite finds its files by name, so a database that others have open must not be replaced: as long as they
 * do, there is no cache for those who find it damaged. Throws a CacheError then.
 */
export function openIndex(folder: CacheFolder): OpenedIndex {
  const deadline = performance.now() + PATIENCE_MS;
  let isNew = false;
  for (;;) {
    const index = openShared(folder);
    if (index instanceof BlobIndex) return { index, isNew };
    if (performance.now() > deadline) {
      const state = index === "locked" ? "locked by others" : `${index}, and others use it`;
      throw new CacheError(`Cannot use the cache "${folder.path}": its index is ${state}`);
    }
    if (replace(folder)) isNew = true;
    else sleep(1 + 2 * Math.random());
  }
}

/** Removes what is no index any more, and the lock. When others use it too, a later session does it. */
export function discardIndex(folder: CacheFolder): void {
  if (folder.lock(F_WRLCK) === 0) removeFiles(folder);
  folder.lock(F_UNLCK);
}

type State = Unusable | "missing";

function openShared(folder: CacheFolder): BlobIndex | State {
  if (!folder.has(NAME)) return "missing";
  if (folder.lock(F_RDLCK) < 0) return "locked";
  const index = guarded(folder, () => BlobIndex.open(`${folder.path}/${NAME}`));
  if (!(index instanceof BlobIndex)) folder.lock(F_UNLCK);
  return index;
}

/** Makes an index under the exclusive lock, unless another session was quicker; whether it did. */
function replace(folder: CacheFolder): boolean {
  if (folder.lock(F_WRLCK) < 0) return false;
  try {
    return guarded(folder, () => {
      const found = folder.has(NAME) ? BlobIndex.open(`${folder.path}/${NAME}`) : "missing";
      if (found instanceof BlobIndex) found.close();
      if (found !== "damaged" && found !== "missing") return false;
      if (found === "damaged") {
        log.debug(`the cache "${folder.path}" starts anew: its index is not one of this version`);
      }
      removeFiles(folder);
      folder.touch(NAME);
      BlobIndex.create(`${folder.path}/${NAME}`);
      return true;
    });
  } finally {
    folder.lock(F_UNLCK);
  }
}

function removeFiles(folder: CacheFolder): void {
  // The database last: without it, the others would be taken for those of the next one.
  for (const suffix of ["-shm", "-wal", ""]) folder.remove(`${NAME}${suffix}`);
}

/** SQLite's exceptions as the cache's. */
function guarded<T>(folder: CacheFolder, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new CacheError(`Cannot use the cache "${folder.path}": ${(cause as Error).message}`, { cause });
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
