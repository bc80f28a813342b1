/** Taking blobs out of the cache. Whatever is in use, by any session, stays. */
import { Errno } from "../linux/mod.ts";
import type { Background } from "./background.ts";
import type { BlobIndex } from "./blob_index.ts";
import { blobPath, type CacheFolder } from "./cache_folder.ts";
import { OLDEST, type Place, type Rows, type Totals, type UsedRow } from "./rows.ts";

/** Blobs that one transaction looks at, about 3 ms. */
const PIECE = 32;

/** What it works with. */
export interface RemovalParts {
  readonly folder: CacheFolder;
  readonly index: BlobIndex;
  readonly background: Background;
}

/** How much may stay. */
export interface Goal {
  readonly maxEntries: number;
  readonly maxSize: number;
  /** ms since 1970: nothing that was last used before stays. Default: however long ago. */
  readonly usedSince?: number;
}

/** What has gone, and how many blobs would have, were they not in use. */
export interface Removed extends Totals {
  readonly inUse: number;
}

/** Removes the least recently used until the goal is reached, in pieces of a few ms. */
export class Eviction {
  readonly #parts: RemovalParts;
  readonly #goal: Required<Goal>;
  #place: Place = OLDEST;
  #entries = 0;
  #bytes = 0;
  #inUse = 0;

  constructor(parts: RemovalParts, goal: Goal) {
    this.#parts = parts;
    this.#goal = { usedSince: 0, ...goal };
  }

  get removed(): Removed {
    return { entries: this.#entries, bytes: this.#bytes, inUse: this.#inUse };
  }

  /** Removes a piece; false when there is no more to do, or nothing can be done. */
  step(): boolean {
    let isOver = false;
    const isDone = this.#parts.index.write((rows) => {
      const left = { ...rows.totals() };
      const oldest = rows.after(this.#place, PIECE);
      isOver = oldest.length < PIECE;
      for (const row of oldest) {
        if (this.#isReached(left, row)) {
          isOver = true;
          return;
        }
        this.#place = row;
        if (!this.#remove(row, rows)) continue;
        left.entries--;
        left.bytes -= row.size;
      }
    });
    return isDone && !isOver;
  }

  #isReached({ entries, bytes }: Totals, oldest: UsedRow): boolean {
    const { maxEntries, maxSize, usedSince } = this.#goal;
    return entries <= maxEntries && bytes <= maxSize && oldest.used >= usedSince;
  }

  #remove({ id, digest, size }: UsedRow, rows: Rows): boolean {
    const result = removeFile(blobPath(digest), this.#parts);
    if (result < 0 && result !== -Errno.ENOENT) {
      this.#inUse++;
      return false;
    }
    rows.remove(id);
    this.#entries++;
    this.#bytes += size;
    return true;
  }
}

/** Removes the files of a shard (two digits) that the index does not know: what a crash or another index has left. */
export function sweep(shard: string, parts: RemovalParts): void {
  parts.index.write((rows) => {
    const known = new Set<string>(rows.digests(shard).map(blobPath));
    for (const path of parts.folder.blobs(shard)) {
      if (!known.has(path)) removeFile(path, parts);
    }
  });
}

/** Removes what processes that have died did not finish. */
export function sweepTemporaries(parts: Pick<RemovalParts, "folder" | "background">): void {
  for (const path of parts.folder.temporaries()) removeFile(path, parts);
}

/** The two digits that all files' names begin with, each. */
export const shards: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** Removes a file unless it is in use; its data is freed off this thread. Minus errno where it stays. */
function removeFile(path: string, { folder, background }: Pick<RemovalParts, "folder" | "background">): number {
  const file = folder.openForRemoval(path);
  if (typeof file === "number") return file;
  const result = folder.remove(path);
  background.close(file.fd);
  return result;
}
