/**
 * What lib/fuse costs by itself, with a file system in memory behind it: the server's CPU time for a stat whose every
 * answer is forgotten at once, and the rate of uncached reads. Needs root.
 *
 *     scripts/deno run -A tests/bench/fuse_bench.ts
 *
 * @module
 */
import { Mounted } from "../unit/fuse/mounted.ts";

const STATS = 10_000;
const MIB = 1 << 20;
const READ_BYTES = 1024 * MIB;

/** CPU time of the process so far, in µs; the kernel counts in 1/100 s. */
function cpuTime(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) * 10_000;
}

async function run(mounted: Mounted, script: string): Promise<number> {
  const { code, stderr, ms } = await mounted.run(script);
  if (code !== 0) throw new Error(`Cannot run "${script}": ${stderr}`);
  return ms;
}

async function stats(): Promise<void> {
  await using mounted = await Mounted.start({ lifetime: 0 });
  const loop = `for $i (1..${STATS}) { stat("state") or die }`;
  await run(mounted, `perl -e '${loop}'`);
  const [{ questions }, cpu] = [await mounted.state(), cpuTime(mounted.pid)];
  const ms = await run(mounted, `perl -e '${loop}'`);
  const used = cpuTime(mounted.pid) - cpu;
  const requests = (await mounted.state()).questions - questions;
  const each = (total: number, count: number) => `${(total / count).toFixed(1)} µs`;
  console.log(`stat: ${each(ms * 1000, STATS)}; CPU ${each(used, STATS)}, ${each(used, requests)} a request`);
}

/** `readAhead`: KiB, of the mount's backing device. */
async function reads(readAhead: number): Promise<void> {
  await using mounted = await Mounted.start({ lifetime: 1000, zeros: READ_BYTES });
  const bdi = "/sys/class/bdi/$(stat -c %d . | awk '{ print int($1 / 256) \":\" $1 % 256 }')";
  await run(mounted, `echo ${readAhead} > ${bdi}/read_ahead_kb`);
  const read = "dd if=zeros of=/dev/null bs=1M status=none";
  await run(mounted, read);
  // Opened without FOPEN_KEEP_CACHE, the file starts uncached again.
  const ms = await run(mounted, read);
  console.log(`read, ${readAhead} KiB ahead: ${(READ_BYTES / 1000 / ms).toFixed(0)} MB/s`);
}

await stats();
await reads(128);
await reads(1024);
