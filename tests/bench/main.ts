/**
 * Measures outrun on a throwaway second host, and prints Markdown. What is not said here is said by --help.
 *
 * @module
 */
import { Argument, Command, InvalidArgumentError } from "commander";
import { stderr } from "../../lib/log/mod.ts";
import { measureExecutable } from "./executable.ts";
import { describeMachine } from "./machine.ts";
import type { Series } from "./measure.ts";
import { measureOperations } from "./operations.ts";
import { Rig, type Target } from "./rig.ts";
import { measureSession, sessions, type SessionTimes } from "./sessions.ts";
import { measureStats, STATS } from "./stats.ts";
import { measureStart, starts } from "./starts.ts";
import { ratio, seconds, table } from "./table.ts";
import { measureThroughput } from "./throughput.ts";
import { measureTree, trees } from "./trees.ts";

const packages = [
  ...[
    "bindfs",
    "ca-certificates",
    "default-jre-headless",
    "ffmpeg",
    "gcc",
    "git",
    "libc6-dev",
    "lz4",
    "make",
    "nodejs",
  ],
  ...["openssh-client", "perl", "python3", "sqlite3"],
];
const others = ["starts", "trees", "throughput", "operations", "stats", "executable"];
/** Of those, what goes into one table. */
const costs = ["stats", "executable"];
const names = [...Object.keys(sessions), ...others];

interface Options {
  readonly rtt: number[];
  readonly mbit?: number;
  readonly runs: number;
  readonly limit: number;
  readonly only: string;
}

function numbers(text: string): number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError("give whole numbers, with commas between them");
  return text.split(",").map(Number);
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("give a whole number above 0");
  return Number(text);
}

async function prepare(): Promise<void> {
  for (const [program, ...args] of [["scripts/packages", ...packages], ["scripts/build"]]) {
    const { code, stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "inherit" }).output();
    stderr.bytes(stdout);
    if (code !== 0) throw new Error(`Cannot go on: ${program} failed`);
  }
}

async function measureSessions(chosen: string[], rig: Rig, targets: Target[], options: Options): Promise<string> {
  const rows: string[][] = [];
  for (const name of chosen) {
    for (const target of targets) {
      const what = `${name}, RTT ${target.rttMs} ms`;
      stderr.line(what);
      const onRun = (run: number, variant: string) => stderr.status(`${what}: ${variant}, ${run} of ${options.runs}`);
      const limitMs = options.limit * 1000;
      const times = await measureSession(sessions[name], { rig, target, runs: options.runs, limitMs, onRun });
      stderr.status("");
      rows.push([sessions[name].title, String(target.rttMs), ...cells(times, options.runs)]);
    }
  }
  return table(["", "RTT, ms", "local, s", "ssh, s", "outrun, s", "outrun / local", "outrun / ssh"], rows);
}

function cells({ local, ssh, outrun }: SessionTimes, runs: number): string[] {
  const against = (series: Series) =>
    outrun.median !== undefined && series.median !== undefined ? ratio(outrun.median / series.median) : "";
  return [local, ssh, outrun].map((series) => cell(series, runs)).concat(against(local), against(ssh));
}

function cell(series: Series, runs: number): string {
  if (series.median === undefined) return series.failure!;
  return seconds(series.median) + (series.count < runs ? ` (of ${series.count})` : "");
}

async function measureStarts(rig: Rig, targets: Target[], options: Options): Promise<string> {
  const rows: string[][] = [];
  const costRows: string[][] = [];
  for (const [title, command] of Object.entries(starts).filter(([title]) => title.includes(options.only))) {
    for (const target of targets) {
      const what = `${title}, RTT ${target.rttMs} ms`;
      stderr.line(what);
      const onRun = (run: number, variant: string) => stderr.status(`${what}: ${variant}, ${run} of ${options.runs}`);
      const limitMs = options.limit * 1000;
      const { costs, ...times } = await measureStart(command, { rig, target, runs: options.runs, limitMs, onRun });
      stderr.status("");
      const all = [times.local, times.ssh, times.cold, times.traced, times.warm].map((series) =>
        cell(series, options.runs)
      );
      const tar = times.tar === undefined ? "" : cell(times.tar, options.runs);
      rows.push([title, String(target.rttMs), ...all, tar]);
      const each = [costs.cold, costs.traced, costs.warm];
      costRows.push([
        ...[title, String(target.rttMs)],
        ...each.map((cost) => String(cost?.waits ?? "")),
        ...each.map((cost) => String(cost?.requests ?? "")),
        ...each.map((cost) => cost === undefined ? "" : (cost.bytes.sent / 1e6).toFixed(2)),
      ]);
    }
  }
  const times = table(
    ["start", "RTT, ms", "local, s", "ssh, s", "cold, s", "traced, s", "warm, s", "tar|lz4|ssh, s"],
    rows,
  );
  const of = (what: string) => ["cold", "traced", "warm"].map((state) => `${what}, ${state}`);
  return `${times}\n\n${
    table(["start", "RTT, ms", ...of("waits"), ...of("requests"), ...of("MB sent")], costRows)
  }\n\nwaits: requests of the kernel that waited for half a round trip or longer; requests: of the agent.`;
}

async function measureTrees(rig: Rig, targets: Target[], options: Options): Promise<string> {
  const rows: string[][] = [];
  for (const tree of trees.filter(({ title }) => title.includes(options.only))) {
    for (const target of targets) {
      const what = `${tree.title}, RTT ${target.rttMs} ms`;
      stderr.line(what);
      const onRun = (run: number, variant: string) => stderr.status(`${what}: ${variant}, ${run} of ${options.runs}`);
      const limitMs = options.limit * 1000;
      const { waits, ...times } = await measureTree(tree, { rig, target, runs: options.runs, limitMs, onRun });
      stderr.status("");
      const all = [times.local, times.ssh, times.first, times.again].map((series) => cell(series, options.runs));
      rows.push([tree.title, String(target.rttMs), ...all, ...waits.map((count) => String(count ?? ""))]);
    }
  }
  return table(["tree", "RTT, ms", "local, s", "ssh, s", "first, s", "again, s", "waits, first", "again"], rows);
}

async function measureRest(chosen: string[], rig: Rig, target: Target, runs: number): Promise<string> {
  const rows: string[][] = [];
  if (chosen.includes("executable")) {
    stderr.line("executable");
    const { size, start, uploaded, packing } = await measureExecutable(rig, target);
    rows.push(["size of the executable", megabytes(size)]);
    rows.push([`uploaded at first use (${packing})`, megabytes(uploaded)]);
    rows.push(["`outrun --version`", `${seconds(start)} s`]);
  }
  if (chosen.includes("stats")) {
    stderr.line("stats");
    const { first, again } = await measureStats(rig, target, runs);
    for (const [title, cost] of [["new names", first], ["known names", again]] as const) {
      rows.push([`${STATS} stats, ${title}: CPU time of the agent`, `${seconds(cost.agent)} s`]);
      rows.push([`${STATS} stats, ${title}: CPU time of the local side`, `${seconds(cost.local)} s`]);
      rows.push([`${STATS} stats, ${title}: wall time`, `${seconds(cost.wall)} s`]);
    }
  }
  return table(["", ""], rows);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function main(chosen: string[], options: Options): Promise<void> {
  const wanted = chosen.length > 0 ? chosen : names;
  await prepare();
  await using rig = await Rig.start();
  const targets = await Promise.all(options.rtt.map((rttMs) => rig.target(rttMs, options.mbit)));
  console.log(await describeMachine());
  if (options.mbit) console.log(`Links: ${options.mbit} Mbit/s each way`);
  const chosenSessions = wanted.filter((name) => name in sessions);
  if (chosenSessions.length > 0) console.log(`\n${await measureSessions(chosenSessions, rig, targets, options)}`);
  if (wanted.includes("starts")) console.log(`\n${await measureStarts(rig, targets, options)}`);
  if (wanted.includes("trees")) console.log(`\n${await measureTrees(rig, targets, options)}`);
  const { runs } = options;
  const rest = { runs, limitMs: options.limit * 1000, onRun: (what: string) => stderr.status(what) };
  const print = (markdown: string) => {
    stderr.status("");
    console.log(`\n${markdown}`);
  };
  if (wanted.includes("throughput")) print(await measureThroughput(rig, targets, rest));
  if (wanted.includes("operations")) print(await measureOperations(rig, await rig.target(0), rest));
  if (wanted.some((name) => costs.includes(name))) {
    console.log(`\n${await measureRest(wanted, rig, await rig.target(0), options.runs)}`);
  }
  console.log(`\nLoad: ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`);
}

const program = new Command("scripts/bench")
  .description(
    "Measure outrun on a throwaway second host. Medians of runs in turns: here, with plain ssh and through outrun.\n" +
      "Plain ssh runs `true`; for read and write, it moves the same amount through a pipe.",
  )
  .option("--rtt <ms,…>", "round-trip times", numbers, [0, 20, 100])
  .option("--mbit <n>", "rate of the links, in Mbit/s each way", positive)
  .option("--runs <n>", "how often each", positive, 5)
  .option("--limit <seconds>", "for one run; no further runs when those of a case took as long together", positive, 300)
  .option("--only <text>", "of the starts and trees, those with this in their title", "")
  .addArgument(new Argument("[name...]", "default: all").choices(names))
  .action(main);
try {
  await program.parseAsync(Deno.args, { from: "user" });
} catch (error) {
  console.error(`scripts/bench: ${(error as Error).message}`);
  Deno.exit(1);
}
Deno.exit(0);
