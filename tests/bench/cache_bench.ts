/**
 * What lib/cache costs by itself, on the file system of $TMPDIR: opening it, a hit, a new content against plain writing of
 * it, evicting, and the size of the index.
 *
 *     scripts/deno run -A tests/bench/cache_bench.ts
 *
 * @module
 */
import { fromText } from "../../lib/bytes/mod.ts";
import type { BlobCache } from "../../lib/cache/mod.ts";
import { AT_FDCWD, close, O_CREAT, O_RDWR, openAt, syncFile, unlinkAt, writeAt } from "../../lib/linux/mod.ts";
import { begin, type Bytes, content, digestOf, Fixture, store } from "../unit/cache/fixture.ts";
import { median } from "./measure.ts";

const MIB = 1 << 20;
const PIECE = 64 * 1024;
const HITS = 300;
const HIT_SIZE = 800_000;
const LARGE = 100 * MIB;
const MANY = 10_000;

const unlimited = { maxSize: 1e12, maxEntries: 1e9 };

function ms(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

async function msOf(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

async function fill(cache: BlobCache, count: number, size: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    const some = Array.from({ length: Math.min(100, count - first) }, (_, i) => content(first + i, size));
    await Promise.all(
      some.map((bytes, i) => store(cache, bytes, `usr/lib/x86_64-linux-gnu/library-${first + i}.so.1`)),
    );
  }
}

/** How long a program of one line takes until it has opened the cache, its own start left out. */
async function openFresh(folder: string): Promise<number> {
  const module = new URL("../../lib/cache/mod.ts", import.meta.url).href;
  const linux = new URL("../../lib/linux/mod.ts", import.meta.url).href;
  const code = `import { libc } from "${linux}"; libc(); const start = performance.now();
    const { BlobCache } = await import("${module}"); const loaded = performance.now();
    BlobCache.open(${JSON.stringify({ folder, machine: "", ...unlimited })});
    console.log(performance.now() - loaded, loaded - start);`;
  const args = ["eval", "--no-lock", code];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return Number(new TextDecoder().decode(stdout).split(" ")[0]);
}

async function hits(): Promise<void> {
  await using fixture = new Fixture();
  const digests = Array.from({ length: HITS }, (_, i) => digestOf(content(i, HIT_SIZE)));
  const cache = fixture.open(unlimited);
  const filled = await msOf(() => fill(cache, HITS, HIT_SIZE));
  console.log(
    `${HITS} new contents of ${HIT_SIZE / 1000} KB each, in the index and on the disk: ${filled.toFixed(0)} ms`,
  );
  console.log(`close, with ${HITS} contents to write back: ${ms(() => cache.close()).toFixed(1)} ms`);
  const opens: number[] = [];
  for (let i = 0; i < 7; i++) opens.push(await openFresh(fixture.folder));
  console.log(`open in a new process: ${median(opens).toFixed(1)} ms`);
  const again = fixture.open(unlimited);
  for (const run of ["first", "second", "third"]) {
    const took = ms(() => {
      for (const digest of digests) again.find(digest)!.release();
    });
    console.log(`find and release, ${run} time: ${(1000 * took / HITS).toFixed(1)} µs`);
  }
  console.log(`find what is not there: ${
    (ms(() => {
      for (let i = 0; i < HITS; i++) again.find(digestOf(content(-i, 1)));
    }) * 1000 / HITS).toFixed(1)
  } µs, hashing included`);
  console.log(`close, with ${HITS} uses to note: ${ms(() => again.close()).toFixed(1)} ms`);
}

/** MB/s of writing, and until it is on the disk. */
async function plain(folder: string, bytes: Bytes): Promise<[number, number]> {
  const name = fromText(`${folder}/plain`);
  const fd = openAt(AT_FDCWD, name, O_RDWR | O_CREAT, 0o600);
  const start = performance.now();
  for (let at = 0; at < bytes.length; at += PIECE) writeAt(fd, bytes.subarray(at, at + PIECE), at);
  const written = performance.now() - start;
  await syncFile(fd, true);
  const synced = performance.now() - start;
  unlinkAt(AT_FDCWD, name);
  close(fd);
  return [written, synced];
}

async function cached(cache: BlobCache, bytes: Bytes): Promise<[number, number]> {
  const start = performance.now();
  const blob = begin(cache, bytes);
  const written = performance.now() - start;
  await blob.commit();
  const synced = performance.now() - start;
  blob.release();
  return [written, synced];
}

async function large(): Promise<void> {
  await using fixture = new Fixture();
  const cache = fixture.open(unlimited);
  const [plainTimes, cachedTimes]: [number, number][][] = [[], []];
  for (let i = 0; i < 5; i++) {
    const bytes = content(i, LARGE);
    plainTimes.push(await plain(fixture.folder, bytes));
    cachedTimes.push(await cached(cache, bytes));
  }
  for (const [i, what] of ["written", "on the disk"].entries()) {
    const rate = (times: [number, number][]) => LARGE / 1000 / median(times.map((pair) => pair[i]));
    const [one, other] = [rate(plainTimes), rate(cachedTimes)];
    console.log(
      `100 MiB ${what}: plain ${one.toFixed(0)} MB/s, cache ${other.toFixed(0)} MB/s, ratio ${
        (other / one).toFixed(2)
      }`,
    );
  }
}

async function many(): Promise<void> {
  await using fixture = new Fixture();
  const cache = fixture.open(unlimited);
  const filled = await msOf(() => fill(cache, MANY, 100));
  console.log(`${MANY} small contents: ${(filled / MANY).toFixed(2)} ms each`);
  cache.close();
  const size = Deno.statSync(fixture.at("index.db")).size;
  console.log(`index of ${MANY}: ${(size / 1e6).toFixed(2)} MB, ${(size / MANY).toFixed(0)} bytes each`);
  const opens: number[] = [];
  for (let i = 0; i < 5; i++) opens.push(await openFresh(fixture.folder));
  console.log(`open in a new process: ${median(opens).toFixed(1)} ms`);
  const again = fixture.open(unlimited);
  const digests = Array.from({ length: HITS }, (_, i) => digestOf(content(i * 30, 100)));
  for (let i = 0; i < 2; i++) {
    console.log(
      `find and release: ${
        (ms(() => digests.forEach((digest) => again.find(digest)!.release())) * 1000 / HITS).toFixed(1)
      } µs`,
    );
  }
  const pruned = ms(() => again.prune({ maxEntries: MANY - 64 }));
  console.log(`prune 64: ${pruned.toFixed(1)} ms`);
  console.log(`clear: ${ms(() => again.clear()).toFixed(0)} ms`);
  console.log(`data freed: ${(await msOf(() => again.idle())).toFixed(0)} ms later`);
}

await hits();
await large();
await many();
