/**
 * A hit's way:
 *
 * 1. `find`: one indexed SELECT gives the blob's row, without any lock that others could hold for long.
 * 2. `CacheFolder.openBlob` opens the file by its digest and locks it against removal.
 * 3. Its attributes must be those of the row, or the content may not be what it was: then both are dropped.
 * 4. `isSound`, before its first use: the same once more; and if it was last verified in another boot, the power may have
 *    been cut before its data was on the disk: it is hashed.
 * 5. The use is noted in memory, and written with others.
 */
import type { ByteString } from "../bytes/mod.ts";
import { Errno, statFd } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { Arrivals } from "./arrivals.ts";
import { Background } from "./background.ts";
import { type Blob, OpenBlob, stampOf } from "./blob.ts";
import type { BlobIndex } from "./blob_index.ts";
import { thisBoot } from "./boot.ts";
import { blobPath, CacheFolder } from "./cache_folder.ts";
import { type Digest, hasDigest, isDigest } from "./digest.ts";
import { ArrivingBlob, type NewBlob } from "./new_blob.ts";
import { discardIndex, openIndex } from "./open_index.ts";
import { Eviction, type Goal, type RemovalParts, type Removed, shards, sweep, sweepTemporaries } from "./removal.ts";
import { type BlobName, type FoundRow, NEWEST, type Place, type Totals } from "./rows.ts";
import { Uses } from "./uses.ts";

/** When a limit is exceeded, so much of it is what stays: evicting is not to be for every new blob. */
const KEPT_SHARE = 0.9;
/** Verified blobs that may wait for an index that others hold locked; each has a descriptor open. */
const MAX_WAITING = 128;
/** How long close() and what people ask for may wait for other sessions, in ms. */
const CLOSE_PATIENCE_MS = 2000;
const PEOPLE_PATIENCE_MS = 5000;
const LIST_PIECE = 100;
const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;

/** Where the cache is, and how much it may hold. */
export interface CacheOptions {
  /** An absolute path. Made (0700) if it is missing; must be a real folder of this user's that nobody else may write to. */
  readonly folder: string;
  /** Bytes of all blobs. May be exceeded by what arrives at the same time, for moments. */
  readonly maxSize: number;
  readonly maxEntries: number;
  /** Which local machine this session serves, an opaque id: it is noted with the names of new blobs. */
  readonly machine: string;
  /** Names the boot of the kernel; default: this one. */
  readonly boot?: string;
  /** A use is noted that long after the last one that was, in ms; default: an hour, so that most sessions write nothing. */
  readonly notedAfterMs?: number;
}

/** What the cache holds. */
export interface CacheSummary extends Totals {
  readonly maxEntries: number;
  readonly maxSize: number;
}

/** A blob as people may want to see it. */
export interface BlobInfo {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** ms since 1970; of running sessions, as of the last minute or their start. */
  readonly lastUse: number;
  /** One a machine that it came from. */
  readonly names: readonly BlobName[];
}

/** Contents by SHA-256, shared by all sessions on this machine. Only {@link BlobCache.open} and new blobs throw. */
export class BlobCache {
  readonly #options: CacheOptions;
  readonly #boot: string;
  readonly #folder: CacheFolder;
  readonly #index: BlobIndex;
  readonly #background: Background;
  readonly #parts: RemovalParts;
  readonly #arrivals: Arrivals;
  readonly #uses: Uses;
  #eviction: Eviction | undefined;
  #isClosed = false;

  /** Throws a {@link CacheError} when there cannot be a cache: the caller goes on without. Takes milliseconds. */
  static open(options: CacheOptions): BlobCache {
    const folder = new CacheFolder(options.folder);
    try {
      return new BlobCache(options, folder);
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  private constructor(options: CacheOptions, folder: CacheFolder) {
    const { index, isNew } = openIndex(folder);
    const background = new Background();
    const parts = { folder, index, background };
    const boot = options.boot ?? thisBoot();
    this.#options = options;
    this.#boot = boot;
    this.#folder = folder;
    this.#index = index;
    this.#background = background;
    this.#parts = parts;
    this.#uses = new Uses(index, boot);
    this.#arrivals = new Arrivals({ ...parts, machine: options.machine, boot, onStored: () => this.#shrink() });
    sweepTemporaries(parts);
    if (isNew) this.#sweepAll();
  }

  /**
   * The content, complete and as it was when it was verified; undefined when it is not here. Takes microseconds: called
   * on the agent's poll loop. The caller releases the blob.
   */
  find(digest: Digest): Blob | undefined {
    if (!isDigest(digest)) return undefined;
    const arriving = this.#arrivals.find(digest);
    if (arriving !== undefined) return arriving;
    const row = this.#index.read((rows) => rows.find(digest));
    if (row === undefined) return undefined;
    const file = this.#folder.openBlob(digest);
    if (typeof file === "number") {
      // Others say nothing about the blob: it is being removed (EAGAIN), or we have too many descriptors.
      if (file === -Errno.ENOENT || file === -Errno.ELOOP) this.#drop(digest);
      return undefined;
    }
    const { fd, stat } = file;
    if (stampOf(stat) === row.stamp) {
      const check = () => this.#check(digest, { fd, row });
      return new OpenBlob({ fd, size: stat.size, check }, this.#background);
    }
    this.#background.close(fd);
    this.#drop(digest);
    return undefined;
  }

  /** Whether an open blob is what its row says; notes the use if so, drops it if not. */
  #check(digest: Digest, { fd, row }: { fd: number; row: FoundRow }): boolean {
    const stat = statFd(fd);
    const isSame = typeof stat !== "number" && stampOf(stat) === row.stamp;
    if (isSame && (row.boot === this.#boot || hasDigest(fd, stat.size, digest))) {
      const isNews = row.boot !== this.#boot || Date.now() - row.used > (this.#options.notedAfterMs ?? HOUR_MS);
      if (isNews) this.#uses.note(row.id);
      return true;
    }
    this.#drop(digest, { stamp: isSame ? row.stamp : undefined });
    return false;
  }

  /**
   * A new blob to write, of `size` bytes; `path` is what the content is called on its machine. Undefined when there is no
   * room for it. The caller commits or releases it.
   */
  create(digest: Digest, options: { size: number; path: ByteString }): NewBlob | undefined {
    if (!isDigest(digest) || options.size > this.#options.maxSize || !this.#index.isOpen) return;
    if (!this.#hasRoom(options.size)) return undefined;
    const file = this.#folder.createTemporary();
    if (typeof file === "number") {
      log.debug(`the cache cannot take ${digest}: errno ${-file}`);
      return undefined;
    }
    const { fd, name: temporary } = file;
    const parts = { arrivals: this.#arrivals, background: this.#background };
    return new ArrivingBlob({ ...options, digest, fd, temporary }, parts);
  }

  /** Until nothing is under way on other threads: data that is being freed. */
  idle(): Promise<void> {
    return this.#background.idle();
  }

  /**
   * Writes what is to be remembered. Blobs that were found can be read and are to be released all the same.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#index.patiently(CLOSE_PATIENCE_MS, () => {
      // When one has waited in vain, the others need not.
      if (!this.#arrivals.store() || !this.#uses.write()) return;
      // What this session used was in the way until now.
      this.#eviction = undefined;
      this.#shrink();
      while (this.#eviction !== undefined) this.#shrink();
      sweep(shards[Math.floor(Math.random() * shards.length)], this.#parts);
    });
    this.#arrivals.close();
    this.#index.close();
    if (this.#index.isDamaged) discardIndex(this.#folder);
    this.#folder.close();
  }

  summary(): CacheSummary {
    const { maxEntries, maxSize } = this.#options;
    const totals = this.#index.read((rows) => rows.totals()) ?? { entries: 0, bytes: 0 };
    return { ...totals, maxEntries, maxSize };
  }

  /** All blobs, the most recently used first. Others may change the cache meanwhile. */
  *list(): Generator<BlobInfo> {
    for (let place: Place = NEWEST;;) {
      const piece = this.#index.read((rows) =>
        rows.before(place, LIST_PIECE).map((row) => ({ ...row, names: rows.names(row.id) }))
      );
      if (piece === undefined || piece.length === 0) return;
      for (const { digest, size, used, names } of piece) yield { digest, size, lastUse: used, names };
      place = piece[piece.length - 1];
    }
  }

  /** Removes everything that is not in use. */
  clear(): Removed {
    return this.#remove({ maxEntries: 0, maxSize: 0 });
  }

  /** Removes the least recently used, down to the limits (default: the cache's own), and all that is older. */
  prune(limits: { maxSize?: number; maxEntries?: number; olderThanDays?: number }): Removed {
    const { maxSize, maxEntries } = this.#options;
    const { olderThanDays, ...wanted } = limits;
    const usedSince = olderThanDays === undefined ? 0 : Date.now() - olderThanDays * DAY_MS;
    return this.#remove({ maxSize, maxEntries, ...wanted, usedSince });
  }

  #remove(goal: Goal): Removed {
    return this.#index.patiently(PEOPLE_PATIENCE_MS, () => {
      this.#uses.write();
      const eviction = new Eviction(this.#parts, goal);
      while (eviction.step());
      this.#sweepAll();
      return eviction.removed;
    });
  }

  #sweepAll(): void {
    for (const shard of shards) sweep(shard, this.#parts);
  }

  /** After new blobs have come: a piece of what is too much. The rest goes with the next ones, or at the end. */
  #shrink(): void {
    const { maxEntries, maxSize } = this.#options;
    if (this.#eviction === undefined) {
      const { entries, bytes } = this.summary();
      if (entries <= maxEntries && bytes <= maxSize) return;
      this.#uses.write();
      const goal = { maxEntries: Math.floor(maxEntries * KEPT_SHARE), maxSize: Math.floor(maxSize * KEPT_SHARE) };
      this.#eviction = new Eviction(this.#parts, goal);
    }
    if (!this.#eviction.step()) this.#eviction = undefined;
  }

  /** Whether the disk has room for so many bytes. If not, older blobs make some, but perhaps not before the next time. */
  #hasRoom(size: number): boolean {
    if (this.#arrivals.waiting > MAX_WAITING) return false;
    const missing = this.#folder.missingRoom(size);
    if (missing === 0) return true;
    const { maxEntries } = this.#options;
    new Eviction(this.#parts, { maxEntries, maxSize: Math.max(0, this.summary().bytes - missing) }).step();
    return this.#folder.missingRoom(size) === 0;
  }

  /** Removes a blob whose file is not what its row says, if that is still so; `stamp`: though it seems to be. */
  #drop(digest: Digest, { stamp }: { stamp?: string } = {}): void {
    this.#index.write((rows) => {
      const row = rows.find(digest);
      const stat = this.#folder.statBlob(digest);
      const isSame = row !== undefined && typeof stat !== "number" && stampOf(stat) === row.stamp;
      if (row === undefined || (isSame && row.stamp !== stamp)) return;
      log.debug(`the cache's ${digest} is damaged`);
      this.#folder.remove(blobPath(digest));
      rows.remove(row.id);
    });
  }
}
