import type { DatabaseSync } from "node:sqlite";
import { type ByteString, byteString, toBytes } from "../bytes/mod.ts";
import type { Digest } from "./digest.ts";

/** What is to be known of a blob. */
export interface NewRow {
  readonly digest: Digest;
  readonly size: number;
  readonly stamp: string;
  readonly boot: string;
  /** ms since 1970 */
  readonly used: number;
  readonly machine: string;
  readonly path: ByteString;
}

/** What tells whether a blob is sound. */
export interface FoundRow {
  readonly id: number;
  readonly stamp: string;
  readonly boot: string;
  readonly used: number;
}

/** A blob by its last use. */
export interface UsedRow {
  readonly id: number;
  readonly digest: Digest;
  readonly size: number;
  readonly used: number;
}

/** How much there is. */
export interface Totals {
  readonly entries: number;
  readonly bytes: number;
}

/** What a content was called, and where it came from. */
export interface BlobName {
  readonly machine: string;
  readonly path: ByteString;
}

/** A place in the order of last use. */
export type Place = Pick<UsedRow, "used" | "id">;
export const OLDEST: Place = { used: -1, id: -1 };
export const NEWEST: Place = { used: Number.MAX_SAFE_INTEGER, id: 0 };

const columns = "id, lower(hex(digest)) AS digest, size, used";

/** The index's statements. They throw what SQLite throws: see BlobIndex. */
export class Rows {
  readonly #find;
  readonly #put;
  readonly #putName;
  readonly #remove;
  readonly #use;
  readonly #older;
  readonly #newer;
  readonly #digests;
  readonly #names;
  readonly #totals;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare("SELECT id, stamp, boot, used FROM blob WHERE digest = unhex(?)");
    this.#put = db.prepare(
      `INSERT INTO blob (digest, size, stamp, boot, used) VALUES (unhex(?), ?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET stamp = excluded.stamp, boot = excluded.boot, used = excluded.used RETURNING id`,
    );
    this.#putName = db.prepare("INSERT OR REPLACE INTO name (blob, machine, path) VALUES (?, ?, ?)");
    this.#remove = db.prepare("DELETE FROM blob WHERE id = ?");
    this.#use = db.prepare("UPDATE blob SET used = max(used, ?), boot = ? WHERE id = ?");
    this.#older = db.prepare(`SELECT ${columns} FROM blob WHERE (used, id) > (?, ?) ORDER BY used, id LIMIT ?`);
    this.#newer = db.prepare(
      `SELECT ${columns} FROM blob WHERE (used, id) < (?, ?) ORDER BY used DESC, id DESC LIMIT ?`,
    );
    this.#digests = db.prepare(
      "SELECT lower(hex(digest)) AS digest FROM blob WHERE digest BETWEEN unhex(?) AND unhex(?)",
    );
    this.#names = db.prepare("SELECT machine, path FROM name WHERE blob = ?");
    this.#totals = db.prepare("SELECT entries, bytes FROM total");
  }

  find(digest: Digest): FoundRow | undefined {
    return this.#find.get(digest) as unknown as FoundRow | undefined;
  }

  put({ digest, size, stamp, boot, used, machine, path }: NewRow): void {
    const { id } = this.#put.get(digest, size, stamp, boot, used) as { id: number };
    this.#putName.run(id, machine, toBytes(path));
  }

  remove(id: number): void {
    this.#remove.run(id);
  }

  /** Notes a use, in a boot in which the content was verified; a blob that is gone is none. */
  use(id: number, { used, boot }: { used: number; boot: string }): void {
    this.#use.run(used, boot, id);
  }

  /** The least recently used that come after `place`, in that order. */
  after(place: Place, limit: number): UsedRow[] {
    return this.#older.all(place.used, place.id, limit) as unknown as UsedRow[];
  }

  /** The most recently used that come before `place`, in that order. */
  before(place: Place, limit: number): UsedRow[] {
    return this.#newer.all(place.used, place.id, limit) as unknown as UsedRow[];
  }

  /** All that begin with the two digits of `shard`. */
  digests(shard: string): Digest[] {
    const rows = this.#digests.all(shard, shard.padEnd(64, "f")) as unknown as { digest: Digest }[];
    return rows.map(({ digest }) => digest);
  }

  names(id: number): BlobName[] {
    const rows = this.#names.all(id) as unknown as { machine: string; path: Uint8Array }[];
    return rows.map(({ machine, path }) => ({ machine, path: byteString(path) }));
  }

  totals(): Totals {
    return this.#totals.get() as unknown as Totals;
  }
}
