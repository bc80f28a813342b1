import { statFd } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { Background } from "./background.ts";
import { type Blob, stampOf } from "./blob.ts";
import type { BlobIndex } from "./blob_index.ts";
import { blobPath, type CacheFolder } from "./cache_folder.ts";
import type { Digest } from "./digest.ts";
import type { ArrivingBlob } from "./new_blob.ts";
import type { Rows } from "./rows.ts";

/** Blobs that get their names in one transaction, which holds others up; not more than an eviction removes in one. */
const BATCH = 32;

/** What it works with. */
export interface ArrivalsOptions {
  readonly folder: CacheFolder;
  readonly index: BlobIndex;
  readonly background: Background;
  readonly machine: string;
  readonly boot: string;
  /** Called when there is more in the cache than before. */
  readonly onStored: () => void;
}

/**
 * Contents that are complete but not in the index yet, which others may have locked. The name is given in the row's own transaction, so that file and row change together for all sessions.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #verified = new Map<Digest, ArrivingBlob>();
  /** The same, in the order in which they came. */
  #waiting: ArrivingBlob[] = [];
  #isScheduled = false;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** How many wait for the index, each with a descriptor. */
  get waiting(): number {
    return this.#waiting.length;
  }

  find(digest: Digest): Blob | undefined {
    return this.#verified.get(digest)?.share();
  }

  /** Takes a content that is what its digest says. It is stored together with those that come in the same moment. */
  take(blob: ArrivingBlob): void {
    if (!this.#options.index.isOpen) return this.#lose(blob);
    this.#verified.set(blob.digest, blob);
    this.#waiting.push(blob);
    if (this.#waiting.length >= BATCH) return void this.store();
    if (!this.#isScheduled) queueMicrotask(() => this.store());
    this.#isScheduled = true;
  }

  /** Gives the contents their names; false: what cannot be now is tried again with the next ones. */
  store(): boolean {
    this.#isScheduled = false;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      const stored = this.#storeBatch(batch);
      if (stored === undefined) return false;
      this.#waiting = this.#waiting.slice(batch.length);
      for (const blob of batch) {
        if (stored.has(blob)) this.#forget(blob);
        else this.#lose(blob);
      }
      this.#options.onStored();
    }
    return true;
  }

  /** Nothing is left of a content that was not committed, or is not to be. */
  abandon(blob: ArrivingBlob): void {
    this.#options.folder.remove(blob.temporary);
  }

  /** Gives up what has not been stored. */
  close(): void {
    for (const blob of this.#verified.values()) this.abandon(blob);
    this.#verified.clear();
    for (const blob of this.#waiting) blob.letGo();
    this.#waiting = [];
  }

  /** Those of the batch that are in the cache now; undefined when the index was not to be had. */
  #storeBatch(batch: readonly ArrivingBlob[]): ReadonlySet<ArrivingBlob> | undefined {
    const { folder, index } = this.#options;
    const named = new Set<ArrivingBlob>();
    let hasRun = false;
    const isDone = index.write((rows) => {
      hasRun = true;
      for (const blob of batch) if (this.#name(blob, rows)) named.add(blob);
    });
    if (isDone) return named;
    if (!hasRun && index.isOpen) return undefined;
    for (const blob of named) folder.remove(blobPath(blob.digest));
    return new Set();
  }

  #name({ digest, size, path, temporary, fd }: ArrivingBlob, rows: Rows): boolean {
    const { folder, machine, boot } = this.#options;
    const result = folder.store(temporary, digest);
    const stat = result < 0 ? result : statFd(fd);
    if (typeof stat === "number") {
      log.debug(`the cache cannot take ${digest}: errno ${-stat}`);
      return false;
    }
    rows.put({ digest, size, stamp: stampOf(stat), boot, used: Date.now(), machine, path });
    return true;
  }

  #lose(blob: ArrivingBlob): void {
    this.abandon(blob);
    this.#forget(blob);
  }

  #forget(blob: ArrivingBlob): void {
    if (this.#verified.get(blob.digest) === blob) this.#verified.delete(blob.digest);
    blob.letGo();
  }
}
