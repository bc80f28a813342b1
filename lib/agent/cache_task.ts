import { fromText, toBytes, toText } from "../bytes/mod.ts";
import { type BlobCache, CacheError } from "../cache/mod.ts";
import { writeAll } from "../linux/mod.ts";
import type { CacheTask } from "./agent_options.ts";
import { openBlobCache } from "./cache.ts";

/** Blobs that nobody has used for so long are pruned. */
const OLD_DAYS = 30;
/** Lines that are written at once. */
const BATCH = 256;

/**
 * The role `agent` with a cache to look after: after its first line it writes lines of JSON, the last of them with `done` or
 * `error`. Returns the status of the process.
 */
export async function runCacheTask({ nonce, verb, cache: limits }: CacheTask): Promise<number> {
  write([`${nonce} agent`]);
  try {
    const cache = await openBlobCache(limits);
    write([JSON.stringify({ done: perform(cache, verb) })]);
    cache.close();
    return 0;
  } catch (error) {
    write([JSON.stringify({ error: error instanceof CacheError ? error.message : `${error}` })]);
    return 1;
  }
}

function perform(cache: BlobCache, verb: string): unknown {
  switch (verb) {
    case "ls":
      list(cache);
      return cache.summary();
    case "size":
      return cache.summary();
    case "clear":
      return { ...cache.clear(), left: cache.summary() };
    case "prune":
      return { ...cache.prune({ olderThanDays: OLD_DAYS }), left: cache.summary() };
  }
  throw new Error(`Cannot do "${verb}" with the cache: there is no such verb`);
}

function list(cache: BlobCache): void {
  let lines: string[] = [];
  for (const { digest, size, lastUse, names } of cache.list()) {
    const paths = names.map(({ machine, path }) => ({ machine, path: toText(path) }));
    lines.push(JSON.stringify({ digest, size, lastUse, names: paths }));
    if (lines.length < BATCH) continue;
    write(lines);
    lines = [];
  }
  write(lines);
}

function write(lines: readonly string[]): void {
  writeAll(1, toBytes(fromText(lines.map((line) => `${line}\n`).join(""))));
}
