import { type BlobCache, CacheError } from "../cache/mod.ts";
import type { Lz4 } from "../compression/mod.ts";
import { effectiveUser, raiseOpenFilesLimit } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { CacheLimits } from "./agent_options.ts";

/** Of the descriptors that this process may have: the rest is for all else. */
const BLOBS_SHARE = 0.75;

/** What is needed to keep contents, loaded together: a session without a cache has no use for either. */
export interface Cache {
  readonly cache: BlobCache;
  readonly lz4: Lz4;
  /** Most blobs that may be open. */
  readonly maxOpen: number;
}

/** Opens the cache; undefined where there cannot be one, which is said under --debug: the command runs without. */
export async function openCache(limits: CacheLimits): Promise<Cache | undefined> {
  const [{ BlobCache }, lz4] = await Promise.all([
    import("../cache/mod.ts"),
    import("../compression/mod.ts").then(({ loadLz4 }) => loadLz4()),
  ]);
  try {
    const cache = BlobCache.open({ ...limits, folder: cacheFolder(limits.path) });
    return { cache, lz4, maxOpen: Math.floor(raiseOpenFilesLimit() * BLOBS_SHARE) };
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    log.debug(error.message);
    return undefined;
  }
}

/** Beside the agent's file; a folder for each user, as root may be there by another's login. */
function cacheFolder(path: string | undefined): string {
  if (path === undefined) return `${Deno.execPath().replace(/\/[^/]*$/, "")}/cache-${effectiveUser()}`;
  return path.replace(/^~/, () => Deno.env.get("HOME") ?? "/root");
}
