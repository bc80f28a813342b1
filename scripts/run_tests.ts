/**
 * Runs every test on a machine that has only Debian, node, npm and root: installs what the tests need, builds, and runs
 * the gate, the fuzzing, the table of conformance, the suites and the end-to-end tests, each file in a process of its own
 * and several at a time. Every step is bounded in time, and so is the whole. The last line counts over all of them; a step
 * that fails without a failed test to show counts as one.
 *
 * @module
 */
import { apart } from "../tests/unit/apart.ts";
import { type Job, type Outcome, SideBySide } from "./side_by_side.ts";

/** What the tests run, apart from the second hosts, which bring their own. */
const packages = [
  ...["acl", "attr", "ffmpeg", "fio", "git", "openssh-client", "sqlite3", "strace", "xz-utils", "zstd"],
  // Other people's shells.
  ...["busybox-static", "fish", "tcsh"],
  // What else leads to another machine, and what uses several.
  ...["podman", "runc", "munge", "slurm-client", "slurmctld", "slurmd", "parallel"],
];
/** What the list of tests/machines needs on the local machine. */
const listPackages = ["acl", "attr", "ffmpeg", "lua5.4", "openssh-client"];
/** What `scripts/test PART` takes, and where the tests of a part are; the gate knows its own. */
const parts = {
  all: ["fuzz", "conformance", "suites", "e2e"],
  unit: [],
  fuzz: ["fuzz"],
  conformance: ["conformance"],
  suites: ["suites"],
  e2e: ["e2e"],
  musl: ["musl"],
  machines: ["machines"],
} as const;
type Part = keyof typeof parts;
/** For all tests together, installing and building left out. */
const testSeconds = 45 * 60;
/** A file of tests takes a minute or two; this is for machines that are ten times as slow. */
const fileSeconds = 15 * 60;
/** For the suites alone, which do as much as they are told to. */
const suiteSeconds = 4 * 60 * 60;
/** For machines with kernels of their own, emulated: a tenth to a thirtieth as fast. */
const machineSeconds = 90 * 60;

/** What Deno's reporter says at the end of a run, in tests; steps within a test do not count. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: string[];
}

/** Reads the counts out of what `deno test` prints without colours; undefined when it printed no summary. */
export function countTests(output: string): Counts | undefined {
  const [summary] = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)].slice(-1);
  if (summary === undefined) return undefined;
  const skipped = [...output.matchAll(/^(.*) \.\.\. ignored \(/gm)].map((match) => match[1]);
  return { passed: Number(summary[1]), failed: Number(summary[2]), skipped };
}

/** As many as there are processors, but for memory; $DENO_JOBS is what `deno test --parallel` heeds. */
const atOnce = Number(Deno.env.get("DENO_JOBS")) || Math.min(navigator.hardwareConcurrency, 4);
/** What takes longest, to be begun first: the rest fills the gaps. A file of tests that takes a minute belongs here. */
const longest: readonly string[] = [
  ...["e2e/start", "conformance/pipe", "e2e/install", "suites/suites", "conformance/ssh"],
  ...["e2e/operations", "e2e/rootless", "e2e/locks", "unit/ssh", "unit/agent", "e2e/files", "e2e/run"],
  ...["e2e/environment", "e2e/refusal", "e2e/rights", "e2e/programs", "conformance/user"],
];
/** Twenty sessions at once leave too little to others for their limits; and the daemons of Slurm have limits of their own. */
const alone: readonly string[] = ["tests/e2e/concurrent_test.ts", "tests/e2e/slurm_test.ts"];

const total: Counts = { passed: 0, failed: 0, skipped: [] };
let printed = Promise.resolve();
const runner = new SideBySide(print);

function print(text: string): void {
  printed = printed.then(async () => {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await Deno.stdout.write(bytes.subarray(sent));
  });
}

/** Counts a job in that has ended. */
function count({ success, output }: Outcome): void {
  const counts = countTests(output);
  total.passed += counts?.passed ?? 0;
  total.failed += counts?.failed ?? 0;
  total.skipped.push(...counts?.skipped ?? []);
  if (!success && (counts?.failed ?? 0) === 0) total.failed++;
}

/** Runs one thing after the other, up to one that fails; false for that. */
async function prepare(steps: readonly Job[]): Promise<boolean> {
  for (const step of steps) {
    const { failed } = total;
    await runner.run([step], { atOnce: 1, ended: count });
    if (total.failed > failed) return false;
  }
  return true;
}

/** What `deno task ok` is. */
function gate(): Job[] {
  const test = ["scripts/deno", "test", "--quiet", "--no-check", "-A"];
  const commands: Record<string, readonly string[]> = {
    format: ["scripts/deno", "fmt", "--check"],
    lint: ["scripts/deno", "lint"],
    types: ["scripts/deno", "check", "--quiet", "."],
    "tests/layering": [...test, "tests/layering"],
  };
  // Folder by folder, in processes of their own: what a test changes of its process (the working directory, the umask, the
  // environment) is nothing to one that runs at the same time. With `deno test --parallel` they would share one.
  for (const { name, isDirectory } of Deno.readDirSync("tests/unit")) {
    const path = `tests/unit/${name}`;
    if (isDirectory) commands[path] = [...test, "tests/unit/together.ts", "--", name];
    else if (name.endsWith("_test.ts")) commands[path] = [...test, path];
  }
  for (const name of apart) commands[`tests/unit/${name}`] = [...test, `tests/unit/${name}`];
  return Object.entries(commands).map(([title, command]) => ({ title, command, seconds: fileSeconds }));
}

/** What is run of a folder. */
interface Choice {
  /** A part of the files' names. */
  readonly file?: string;
  /** A part of the tests' names. */
  readonly test?: string;
  /** For each file. */
  readonly seconds: number;
}

/** A job for each file. */
function folder(name: string, { file = "", test = "", seconds }: Choice): Job[] {
  const names = [...Deno.readDirSync(`tests/${name}`)].map((entry) => entry.name);
  const files = names.filter((name) => name.endsWith("_test.ts") && name.includes(file)).sort();
  return files.map((file) => {
    const title = `tests/${name}/${file}`;
    const command = ["scripts/deno", "test", "--no-check", "-A", `--filter=${test}`, title];
    return { title, command, seconds, alone: alone.includes(title) };
  });
}

/** What the tests of a part need. */
function preparations(part: Part): Job[] {
  if (part === "unit" || part === "fuzz") return [];
  const needed = part === "machines" ? listPackages : packages;
  const steps = [
    { title: `packages: ${needed.join(" ")}`, command: ["scripts/packages", ...needed], seconds: 600 },
    { title: "build", command: ["scripts/build"], seconds: 600 },
  ];
  if (part === "machines") return steps;
  // The root file system of the host that they run against.
  const host = part === "musl"
    ? { title: "the host with musl", command: ["sh", "tests/hosts/musl_rootfs.sh"], seconds: 30 * 60 }
    : { title: "the second host's root file system", command: ["sh", "tests/hosts/rootfs.sh"], seconds: 900 };
  return [...steps, host];
}

async function main([part = "all", filter = ""]: string[]): Promise<void> {
  if (!Object.hasOwn(parts, part)) {
    console.error(`Cannot run "${part}": no such part; try scripts/test [${Object.keys(parts).join(" | ")}] [filter]`);
    Deno.exit(2);
  }
  const ready = await prepare(preparations(part as Part));
  if (part === "all") {
    Deno.env.set("CONFORMANCE", "short");
    total.skipped.push("a host without glibc: it is compiled from source, for minutes; scripts/test musl runs it");
  }
  const own = part === "suites" ? suiteSeconds : part === "machines" ? machineSeconds : undefined;
  const seconds = own ?? fileSeconds;
  const jobs = part === "all" || part === "unit" ? gate() : [];
  for (const name of ready ? parts[part as Part] : []) {
    if (name === "suites") jobs.push(...folder(name, { test: filter, seconds }));
    else if (name === "machines") jobs.push(...folder(name, { file: filter || "emulated", seconds }));
    else jobs.push(...folder(name, { file: filter, seconds }));
  }
  const place = ({ title }: Job) => {
    const at = longest.indexOf(title.replace(/^tests\/|_test\.ts$/g, ""));
    return at < 0 ? longest.length : at;
  };
  await runner.run(jobs.toSorted((a, b) => place(a) - place(b)), {
    atOnce,
    deadline: performance.now() + (own ?? testSeconds) * 1000,
    ended: count,
  });
}

if (import.meta.main) {
  let stopped = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!stopped) print(`stopped by ${signal}\n`);
      stopped = true;
      runner.stop();
    });
  }
  await main(Deno.args);
  for (const name of total.skipped) print(`skipped: ${name}\n`);
  const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : "";
  print(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  await printed;
  Deno.exit(total.failed === 0 && total.passed > 0 && !stopped ? 0 : 1);
}
