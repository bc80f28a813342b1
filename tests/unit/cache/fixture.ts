import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { type Blob, BlobCache, type CacheOptions, type Digest, type NewBlob } from "../../../lib/cache/mod.ts";
import { bindNow, readAt } from "../../../lib/linux/mod.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

export type Bytes = Uint8Array<ArrayBuffer>;
export type Limits = Partial<Pick<CacheOptions, "maxSize" | "maxEntries" | "machine" | "boot">>;

export const MIB = 1 << 20;
export const path = (text: string): ByteString => fromText(text);

export function digestOf(content: Uint8Array): Digest {
  return createHash("sha256").update(content).digest("hex");
}

/** `size` bytes that no other `number` gives. */
export function content(number: number, size = 1000): Bytes {
  const bytes = new Uint8Array(size);
  const seed = createHash("sha256").update(`${number}`).digest();
  for (let at = 0; at < size; at++) bytes[at] = seed[at % 32] ^ (at >> 5);
  return bytes;
}

/** Writes all of a content, but does not commit it. */
export function begin(cache: BlobCache, bytes: Bytes, name = "some/file"): NewBlob {
  const blob = cache.create(digestOf(bytes), { size: bytes.length, path: path(name) });
  assert(blob !== undefined, "there is room");
  for (let at = 0; at < bytes.length; at += 65536) blob.write(bytes.subarray(at, at + 65536));
  return blob;
}

/** Puts a content into the cache; its digest. */
export async function store(cache: BlobCache, bytes: Bytes, name?: string): Promise<Digest> {
  const blob = begin(cache, bytes, name);
  try {
    await blob.commit();
  } finally {
    blob.release();
  }
  return digestOf(bytes);
}

export function contentOf({ fd, size }: Blob): Bytes {
  const bytes = new Uint8Array(size + 1);
  const length = readAt(fd, bytes, 0);
  assert.equal(length, size);
  return bytes.subarray(0, length);
}

/** Whether the cache has it. If so, it is right. */
export function has(cache: BlobCache, digest: Digest): boolean {
  const blob = cache.find(digest);
  if (blob === undefined) return false;
  try {
    if (!blob.isSound()) return false;
    assert.equal(digestOf(contentOf(blob)), digest);
  } finally {
    blob.release();
  }
  return true;
}

/** A folder for a cache, and the sessions on it. */
export class Fixture {
  readonly folder: string;
  readonly #parent = Deno.makeTempDirSync({ prefix: "outrun_cache_" });
  readonly #caches: BlobCache[] = [];

  constructor() {
    this.folder = `${this.#parent}/cache`;
  }

  /** A session on the folder; closed with the fixture if not before. */
  open(limits: Limits = {}): BlobCache {
    const options = {
      folder: this.folder,
      maxSize: 100 * MIB,
      maxEntries: 1000,
      machine: "here",
      notedAfterMs: -1,
      ...limits,
    };
    const cache = BlobCache.open(options);
    this.#caches.push(cache);
    return cache;
  }

  at(name: string): string {
    return `${this.folder}/${name}`;
  }

  blobAt(digest: Digest): string {
    return this.at(`blobs/${digest.slice(0, 2)}/${digest}`);
  }

  /** The names of all blobs' files. */
  files(): string[] {
    const shards = [...Deno.readDirSync(this.at("blobs"))];
    return shards.flatMap(({ name }) => [...Deno.readDirSync(this.at(`blobs/${name}`))].map(({ name }) => name)).sort();
  }

  temporaries(): string[] {
    return [...Deno.readDirSync(this.at("tmp"))].map(({ name }) => name);
  }

  /** Runs SQL on the index, as a stranger to the cache. */
  sql(text: string): Record<string, unknown>[] {
    const db = new DatabaseSync(this.at("index.db"));
    try {
      return db.prepare(text).all();
    } finally {
      db.close();
    }
  }

  /** The index is whole, counts right, and everything it has can be found and is right. */
  verify(): number {
    assert.deepEqual(this.sql("PRAGMA integrity_check").map((row) => row.integrity_check), ["ok"]);
    const [{ entries, bytes }] = this.sql("SELECT entries, bytes FROM total");
    const [sums] = this.sql("SELECT count(*) AS entries, coalesce(sum(size), 0) AS bytes FROM blob");
    assert.deepEqual({ ...sums }, { entries, bytes });
    const cache = this.open();
    let found = 0;
    for (const { digest } of cache.list()) if (has(cache, digest)) found++;
    cache.close();
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cache of this.#caches) {
      cache.close();
      await cache.idle();
    }
    Deno.removeSync(this.#parent, { recursive: true });
  }
}

/** Until the clock by which uses are noted shows another ms. */
export function nextMs(): void {
  for (const now = Date.now(); Date.now() === now;);
}
