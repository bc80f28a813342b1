/**
 * A session in a process of its own, for the tests of several at once: `session_program.ts WHAT FOLDER [ARGUMENT…]`. Says
 * what came to pass on stdout, a line each.
 *
 *     hold DIGEST           finds a blob, says "holding" or "missing", and holds it until stdin ends
 *     begin                 begins to write a blob, says "writing", and goes no further until stdin ends
 *     fill SEED COUNT       finds or makes COUNT contents, every second one the same for all seeds; says how many it found
 *     churn SEED            says "churning", then makes, finds and evicts until it is killed
 *     full                  fills the small file system that the folder is on
 *     refused               says why there is no cache
 */
import assert from "node:assert/strict";
import { BlobCache, CacheError, type Digest } from "../../../lib/cache/mod.ts";
import { begin, content, digestOf, has, MIB, path, store } from "./fixture.ts";

const [what, folder, ...rest] = Deno.args;
const limits = what === "churn" ? { maxSize: 2 * MIB, maxEntries: 60 } : { maxSize: 100 * MIB, maxEntries: 10_000 };

function open(): BlobCache {
  return BlobCache.open({ folder, machine: what, ...limits });
}

async function untilStdinEnds(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

async function hold(digest: string): Promise<void> {
  const blob = open().find(digest);
  console.log(blob === undefined ? "missing" : "holding");
  await untilStdinEnds();
  blob?.release();
}

async function write(): Promise<void> {
  begin(open(), content(1));
  console.log("writing");
  await untilStdinEnds();
}

async function fill(seed: number, count: number): Promise<void> {
  const cache = open();
  let found = 0;
  const one = async (i: number) => {
    const bytes = content(i % 2 === 0 ? i : i + 1000 * seed, 3000 * i);
    if (has(cache, digestOf(bytes))) found++;
    else await store(cache, bytes);
  };
  await Promise.all(Array.from({ length: count }, (_, i) => one(i)));
  cache.close();
  await cache.idle();
  console.log(found);
}

async function churn(seed: number): Promise<void> {
  const cache = open();
  console.log("churning");
  for (let i = seed;; i = (i * 75 + 74) % 65537) {
    const contents = Array.from({ length: i % 8 }, (_, j) => content((i + j) % 300, 40_000 * j));
    const missing = contents.filter((bytes) => !has(cache, digestOf(bytes)));
    await Promise.all(missing.map((bytes) => store(cache, bytes).catch(ignoreCacheError)));
  }
}

function ignoreCacheError(error: unknown): void {
  if (!(error instanceof CacheError)) throw error;
}

/** The file system has 8 MiB. */
async function fullDisk(): Promise<void> {
  const cache = open();
  const stored = await Promise.all([0, 1, 2].map((i) => store(cache, content(i, MIB))));
  const large = content(9, 20 * MIB);
  console.log(`too large: ${cache.create(digestOf(large), { size: large.length, path: path("x") })}`);
  await writeUntilFull(cache);
  console.log(
    `right: ${
      [...cache.list()].every(({ digest }) => has(cache, digest)) && !stored.every((digest) => has(cache, digest))
    }`,
  );
  cache.close();
  await cache.idle();
}

/** Something else takes all room, then gives it back. */
async function writeUntilFull(cache: BlobCache): Promise<void> {
  const bytes = content(10, 2 * MIB);
  const blob = cache.create(digestOf(bytes), { size: bytes.length, path: path("x") })!;
  const small = begin(cache, content(12));
  const hog = Deno.openSync(`${folder}/../hog`, { write: true, create: true });
  assert.throws(() => {
    while (hog.writeSync(new Uint8Array(4096)) > 0);
  }, /No space/);
  try {
    for (let at = 0; at < bytes.length; at += 65536) blob.write(bytes.subarray(at, at + 65536));
  } catch (error) {
    console.log((error as Error).message.replace(/\w{64}/, "…"));
  }
  assert.throws(() => blob.commit(), CacheError);
  blob.release();
  // There is no room for its row.
  await small.commit();
  small.release();
  console.log(`without a row: ${has(cache, digestOf(content(12)))}, file: ${isFile(digestOf(content(12)))}`);
  console.log(`full: ${cache.create(digestOf(bytes), { size: 5 * MIB, path: path("x") })}`);
  hog.close();
  Deno.removeSync(`${folder}/../hog`);
  console.log(`stored again: ${has(cache, await store(cache, content(11, MIB)))}`);
}

function isFile(digest: Digest): boolean {
  try {
    return Deno.statSync(`${folder}/blobs/${digest.slice(0, 2)}/${digest}`).isFile;
  } catch {
    return false;
  }
}

function refused(): void {
  try {
    open();
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    console.log(error.message);
  }
}

const programs: Record<string, () => Promise<void>> = {
  hold: () => hold(rest[0]),
  begin: write,
  fill: () => fill(Number(rest[0]), Number(rest[1])),
  churn: () => churn(Number(rest[0])),
  full: fullDisk,
  refused: () => Promise.resolve(refused()),
};
await programs[what]();
