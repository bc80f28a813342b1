import { type BlobCache, CacheError } from "../cache/mod.ts";
import type { Lz4 } from "../compression/mod.ts";
import { effectiveUser, raiseOpenFilesLimit } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { CacheLimits } from "./agent_options.ts";
import { userOutside } from "./command/ids.ts";
import { ownFolder } from "./own_folder.ts";

/** Of the descriptors that this process may have: the rest is for all else. */
const BLOBS_SHARE = 0.75;

/** What is needed to keep contents, loaded together: a session without a cache has no use for either. */
export interface Cache {
  readonly cache: BlobCache;
  readonly lz4: Lz4;
  /** Most blobs that may be open. */
  readonly maxOpen: number;
}

/** Opens the cache. Throws a CacheError where there cannot be one. */
export async function openBlobCache(limits: CacheLimits): Promise<BlobCache> {
  const { BlobCache } = await import("../cache/mod.ts");
  return BlobCache.open({ ...limits, folder: cacheFolder(limits.path) });
}

/** The same with what a session needs; undefined where there cannot be one, which is said under --debug: the command runs without. */
export async function openCache(limits: CacheLimits): Promise<Cache | undefined> {
  try {
    const lz4 = import("../compression/mod.ts").then(({ loadLz4 }) => loadLz4());
    const cache = await openBlobCache(limits);
    return { cache, lz4: await lz4, maxOpen: Math.floor(raiseOpenFilesLimit() * BLOBS_SHARE) };
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    log.debug(error.message);
    return undefined;
  }
}

/** Beside the agent's file or folder; a folder for each user, as root may be there by another's login. */
function cacheFolder(path: string | undefined): string {
  if (path === undefined) {
    return `${ownFolder()}/cache-${userOutside(effectiveUser())}`;
  }
  return path.replace(/^~/, () => Deno.env.get("HOME") ?? "/root");
}
