/**
 * Runs every test on a machine that has only Debian, node, npm and root: installs what the tests need, builds, runs
 * the gate, then the fuzzing, the table of conformance, the suites and each end-to-end file by itself. Every step is bounded in time,
 * and so is the whole. The last line counts over all of them; a step that fails without a failed test to show counts as
 * one.
 *
 * @module
 */

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

const total: Counts = { passed: 0, failed: 0, skipped: [] };
let running: Deno.ChildProcess | undefined;

/** Shows the command's output as it comes, and returns it whole. The command dies with this process, in any case. */
async function show(command: string[], seconds: number): Promise<{ success: boolean; output: string }> {
  const bounded = ["--pdeathsig", "TERM", "timeout", "--kill-after=10", String(Math.ceil(seconds)), ...command];
  running = new Deno.Command("setpriv", {
    args: bounded,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const follow = async (stream: ReadableStream<Uint8Array>, target: typeof Deno.stdout) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      for (let sent = 0; sent < chunk.length;) sent += await target.write(chunk.subarray(sent));
    }
  };
  await Promise.all([follow(running.stdout, Deno.stdout), follow(running.stderr, Deno.stderr)]);
  const status = await running.status;
  running = undefined;
  if (status.code === 124 || status.code === 137) console.log(`stopped after ${Math.ceil(seconds)} s`);
  return { success: status.success, output };
}

/** Runs one step and counts it in; false when it failed. */
async function step(name: string, command: string[], seconds: number): Promise<boolean> {
  console.log(`== ${name}`);
  const { success, output } = await show(command, seconds);
  const counts = countTests(output);
  if (counts !== undefined) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped.push(...counts.skipped);
  }
  if (!success) {
    console.log(`== ${name}: failed`);
    if ((counts?.failed ?? 0) === 0) total.failed++;
  }
  return success;
}

/** What `deno task ok` is. */
async function gate(): Promise<void> {
  await step("format", ["scripts/deno", "fmt", "--check"], fileSeconds);
  await step("lint", ["scripts/deno", "lint"], fileSeconds);
  await step("types", ["scripts/deno", "check", "--quiet", "."], fileSeconds);
  await step(
    "unit",
    ["scripts/deno", "test", "--quiet", "--no-check", "-A", "tests/layering", "tests/unit"],
    fileSeconds,
  );
}

function testFiles(folder: string, filter: string): string[] {
  const names = [...Deno.readDirSync(`tests/${folder}`)].map((entry) => entry.name);
  return names.filter((name) => name.endsWith("_test.ts") && name.includes(filter)).sort();
}

/** What is run of a folder, and for how long. */
interface Choice {
  /** A part of the files' names. */
  readonly file?: string;
  /** A part of the tests' names. */
  readonly test?: string;
  /** All files at once, as many as there are processors. */
  readonly together?: boolean;
  /** For each file, or for all at once. */
  readonly seconds: number;
  readonly deadline: number;
}

async function runFolder(folder: string, { file = "", test = "", together, seconds, deadline }: Choice): Promise<void> {
  const files = testFiles(folder, file).map((name) => `tests/${folder}/${name}`);
  for (const paths of together ? [files] : files.map((path) => [path])) {
    const limit = Math.min(seconds, (deadline - Date.now()) / 1000);
    const title = paths.join(" ");
    if (limit > 0) {
      const options = ["--no-check", "-A", `--filter=${test}`, ...together ? ["--parallel"] : []];
      await step(title, ["scripts/deno", "test", ...options, ...paths], limit);
    } else {
      console.log(`== ${title}: not run, the time for all tests is up`);
      total.failed++;
    }
  }
}

/** The root file system of the host that a part's tests run against. */
async function prepareHost(part: Part): Promise<boolean> {
  if (part === "machines") return true;
  if (part === "musl") return await step("the host with musl", ["sh", "tests/hosts/musl_rootfs.sh"], 30 * 60);
  return await step("the second host's root file system", ["sh", "tests/hosts/rootfs.sh"], 900);
}

async function main([part = "all", filter = ""]: string[]): Promise<void> {
  if (!Object.hasOwn(parts, part)) {
    console.error(`Cannot run "${part}": no such part; try scripts/test [${Object.keys(parts).join(" | ")}] [filter]`);
    Deno.exit(2);
  }
  let ready = true;
  if (part !== "unit" && part !== "fuzz") {
    const needed = part === "machines" ? listPackages : packages;
    ready = await step(`packages: ${needed.join(" ")}`, ["scripts/packages", ...needed], 600) &&
      await step("build", ["scripts/build"], 600) &&
      await prepareHost(part as Part);
  }
  if (part === "all") {
    Deno.env.set("CONFORMANCE", "short");
    total.skipped.push("a host without glibc: it is compiled from source, for minutes; scripts/test musl runs it");
  }
  const own = part === "suites" ? suiteSeconds : part === "machines" ? machineSeconds : undefined;
  const seconds = own ?? fileSeconds;
  const deadline = Date.now() + (own ?? testSeconds) * 1000;
  if (part === "all" || part === "unit") await gate();
  if (!ready) return;
  for (const folder of parts[part as Part]) {
    if (folder === "suites") await runFolder(folder, { test: filter, seconds, deadline });
    else if (folder === "machines") await runFolder(folder, { file: filter || "emulated", seconds, deadline });
    else if (folder === "e2e") await runFolder(folder, { file: filter, seconds, deadline });
    else await runFolder(folder, { file: filter, together: true, seconds: testSeconds, deadline });
  }
}

/** Ends the step that is running (its whole process group, by `timeout`) and then this process. */
function stopOn(signal: Deno.Signal): void {
  Deno.addSignalListener(signal, async () => {
    const child = running;
    if (child !== undefined) {
      child.kill("SIGTERM");
      await child.status;
    }
    console.log(`stopped by ${signal}`);
    Deno.exit(1);
  });
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) stopOn(signal);
  await main(Deno.args);
  for (const name of total.skipped) console.log(`skipped: ${name}`);
  const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  Deno.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}
