/**
 * Runs every test on a machine that has only Debian, node, npm and root: installs what the tests need, builds, runs
 * the gate, then each end-to-end file by itself. Every step is bounded in time, and so is the whole. The last line
 * counts over all of them; a step that fails without a failed test to show counts as one.
 *
 * @module
 */

/** What the tests run, apart from the second host, which brings its own. */
const packages = ["acl", "attr", "ffmpeg", "git", "openssh-client", "sqlite3", "strace"];
/** For all tests together, installing and building left out. */
const testSeconds = 13 * 60;
const fileSeconds = 4 * 60;

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

function endToEndFiles(filter: string): string[] {
  const names = [...Deno.readDirSync("tests/e2e")].map((entry) => entry.name);
  return names.filter((name) => name.endsWith("_test.ts") && name.includes(filter)).sort();
}

async function endToEnd(filter: string, deadline: number): Promise<void> {
  for (const name of endToEndFiles(filter)) {
    const seconds = Math.min(fileSeconds, (deadline - Date.now()) / 1000);
    if (seconds > 0) {
      await step(name, ["scripts/deno", "test", "--quiet", "--no-check", "-A", `tests/e2e/${name}`], seconds);
    } else {
      console.log(`== ${name}: not run, the time for all tests is up`);
      total.failed++;
    }
  }
}

async function main([part = "all", filter = ""]: string[]): Promise<void> {
  if (!["all", "unit", "e2e"].includes(part)) {
    console.error(`Cannot run "${part}": no such part; try scripts/test [unit | e2e [part of a file's name]]`);
    Deno.exit(2);
  }
  let ready = true;
  if (part !== "unit") {
    ready = await step(`packages: ${packages.join(" ")}`, ["scripts/packages", ...packages], 600) &&
      await step("build", ["scripts/build"], 600) &&
      await step("the second host's root file system", ["sh", "tests/hosts/rootfs.sh"], 900);
  }
  const deadline = Date.now() + testSeconds * 1000;
  if (part !== "e2e") await gate();
  if (part !== "unit" && ready) await endToEnd(filter, deadline);
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
