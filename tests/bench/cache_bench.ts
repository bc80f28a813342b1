/**
 * What lib/cache costs by itself, on the file system of $TMPDIR: opening it, a hit, a new content against plain writing of
 * it, evicting, and the size of the index.
 *
 *     scripts/deno run -A tests/bench/cache_bench.ts
 *
 * @module
 */
import process from "node:process";
import { fromText } from "../../lib/bytes/mod.ts";
import type { BlobCache, Digest } from "../../lib/cache/mod.ts";
import { AT_FDCWD, close, O_CREAT, O_RDWR, openAt, syncFile, unlinkAt, writeAt } from "../../lib/linux/mod.ts";
import { type Bytes, content, digestOf, Fixture, MIB, store } from "../unit/cache/fixture.ts";
import { median } from "./measure.ts";

const PIECE = 64 * 1024;
const HITS = 300;
const HIT_SIZE = 800_000;
const LARGE = 100 * MIB;
const MANY = 10_000;

const unlimited = { maxSize: 1e12, maxEntries: 1e9 };

/** CPU time of this process so far, in ms: what others do on the machine shows less in it. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Wall and CPU time in ms. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function cost(action: () => void | Promise<void>): Promise<Cost> {
  const [wall, used] = [performance.now(), cpu()];
  await action();
  return { wall: performance.now() - wall, cpu: cpu() - used };
}

/** Of `count` things together, each. */
function say(what: string, { wall, cpu }: Cost, count = 1): void {
  const each = (ms: number) => count === 1 ? `${ms.toFixed(1)} ms` : `${(1000 * ms / count).toFixed(1)} µs`;
  console.log(`${what}: ${each(wall)}, CPU ${each(cpu)}`);
}

async function fill(cache: BlobCache, contents: Bytes[]): Promise<void> {
  for (let first = 0; first < contents.length; first += 100) {
    const name = (i: number) => `usr/lib/x86_64-linux-gnu/library-${first + i}.so.1`;
    await Promise.all(contents.slice(first, first + 100).map((bytes, i) => store(cache, bytes, name(i))));
  }
}

/** What a new process needs for the cache, its start and the C library left out. */
async function openFresh(folder: string): Promise<void> {
  const program = `
    import process from "node:process";
    import { libc } from "${new URL("../../lib/linux/mod.ts", import.meta.url)}";
    libc();
    const cpu = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    const times = [[performance.now(), cpu()]];
    const { BlobCache } = await import("${new URL("../../lib/cache/mod.ts", import.meta.url)}");
    times.push([performance.now(), cpu()]);
    BlobCache.open(${JSON.stringify({ folder, machine: "", ...unlimited })});
    times.push([performance.now(), cpu()]);
    console.log(JSON.stringify(times));`;
  const opened: Cost[] = [];
  for (let i = 0; i < 7; i++) {
    const args = ["eval", "--no-lock", program];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
    const [, loaded, end] = JSON.parse(new TextDecoder().decode(stdout));
    opened.push({ wall: end[0] - loaded[0], cpu: end[1] - loaded[1] });
  }
  say("open in a new process", {
    wall: median(opened.map(({ wall }) => wall)),
    cpu: median(opened.map(({ cpu }) => cpu)),
  });
}

async function findAll(cache: BlobCache, digests: Digest[]): Promise<void> {
  const costs: Cost[] = [];
  for (let run = 0; run < 21; run++) {
    costs.push(await cost(() => digests.forEach((digest) => cache.find(digest)!.release())));
  }
  say("find and release, first time", costs[0], digests.length);
  const middle = (kind: keyof Cost) => median(costs.map((cost) => cost[kind]));
  say("find and release, median of 21 times", { wall: middle("wall"), cpu: middle("cpu") }, digests.length);
}

async function hits(): Promise<void> {
  console.log(`# ${HITS} contents of ${HIT_SIZE / 1000} KB`);
  await using fixture = new Fixture();
  const contents = Array.from({ length: HITS }, (_, i) => content(i, HIT_SIZE));
  const digests = contents.map(digestOf);
  const cache = fixture.open(unlimited);
  say("stored, on the disk and in the index", await cost(() => fill(cache, contents)));
  say("close", await cost(() => cache.close()));
  await openFresh(fixture.folder);
  const again = fixture.open(unlimited);
  await findAll(again, digests);
  const unknown = digests.map((digest) => digest.replace(/^./, (digit) => digit === "0" ? "1" : "0"));
  say("find what is not there", await cost(() => unknown.forEach((digest) => again.find(digest))), HITS);
  say(`close, with ${HITS} uses to note`, await cost(() => again.close()));
}

/** Until it is written, and until it is on the disk. */
async function plain(folder: string, bytes: Bytes): Promise<[Cost, Cost]> {
  const name = fromText(`${folder}/plain`);
  const fd = openAt(AT_FDCWD, name, O_RDWR | O_CREAT, 0o600);
  const written = await cost(() => {
    for (let at = 0; at < bytes.length; at += PIECE) writeAt(fd, bytes.subarray(at, at + PIECE), at);
  });
  const synced = await cost(async () => void await syncFile(fd, true));
  unlinkAt(AT_FDCWD, name);
  close(fd);
  return [written, synced];
}

async function cached(cache: BlobCache, bytes: Bytes): Promise<[Cost, Cost]> {
  const blob = cache.create(digestOf(bytes), { size: bytes.length, path: fromText("large") })!;
  const written = await cost(() => {
    for (let at = 0; at < bytes.length; at += PIECE) blob.write(bytes.subarray(at, at + PIECE));
  });
  const synced = await cost(() => blob.commit());
  blob.release();
  return [written, synced];
}

async function large(): Promise<void> {
  console.log("# 100 MiB, in pieces of 64 KiB, in turns; medians of 7");
  await using fixture = new Fixture();
  const cache = fixture.open(unlimited);
  const runs: { plain: [Cost, Cost]; cached: [Cost, Cost] }[] = [];
  for (let i = 0; i < 7; i++) {
    const bytes = content(i, LARGE);
    runs.push({ plain: await plain(fixture.folder, bytes), cached: await cached(cache, bytes) });
  }
  const rate = (kind: "plain" | "cached", ms: (costs: [Cost, Cost]) => number) =>
    LARGE / 1000 / median(runs.map((run) => ms(run[kind])));
  const ways: Record<string, (costs: [Cost, Cost]) => number> = {
    "written, CPU": ([written]) => written.cpu,
    "written": ([written]) => written.wall,
    "on the disk": ([written, synced]) => written.wall + synced.wall,
  };
  for (const [what, ms] of Object.entries(ways)) {
    const [one, other] = [rate("plain", ms), rate("cached", ms)];
    console.log(`${what}: plain ${one.toFixed(0)} MB/s, cache ${other.toFixed(0)} MB/s, ${(other / one).toFixed(2)}`);
  }
}

async function many(): Promise<void> {
  console.log(`# ${MANY} small contents`);
  await using fixture = new Fixture();
  const contents = Array.from({ length: MANY }, (_, i) => content(i, 100));
  const cache = fixture.open(unlimited);
  say("stored, each", await cost(() => fill(cache, contents)), MANY);
  cache.close();
  const { size } = Deno.statSync(fixture.at("index.db"));
  console.log(`index: ${(size / 1e6).toFixed(2)} MB, ${(size / MANY).toFixed(0)} bytes each`);
  await openFresh(fixture.folder);
  const again = fixture.open(unlimited);
  await findAll(again, contents.filter((_, i) => i % 30 === 0).map(digestOf));
  say("clear, each", await cost(() => void again.clear()), MANY);
  say("until their data is freed, each", await cost(() => again.idle()), MANY);
}

await hits();
await large();
await many();
