import assert from "node:assert/strict";
import { type Job, SideBySide } from "../../../scripts/side_by_side.ts";
import { waitUntil } from "../../hosts/wait.ts";

/** A script of `sh`, in a folder that all jobs of a test share. */
type Script = Omit<Job, "command" | "seconds"> & { readonly script: string; readonly seconds?: number };

/** Runs scripts; returns how they ended, in that order, and all that was printed. */
async function run(scripts: readonly Script[], atOnce: number, options: { graceMs?: number } = {}) {
  const folder = await Deno.makeTempDir();
  let printed = "";
  const runner = new SideBySide((text) => printed += text, options);
  const ends: boolean[] = [];
  const jobs = scripts.map(({ script, ...job }) => ({
    seconds: 60,
    ...job,
    command: ["sh", "-c", `cd "$0"; ${script}`, folder],
  }));
  try {
    await runner.run(jobs, { atOnce, ended: ({ success }) => ends.push(success) });
    return { ends, printed };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const untilThere = (name: string) => `until test -e ${name}; do sleep 0.01; done`;

Deno.test("SideBySide runs as many as it may at once, and shows the output of each in one piece", async () => {
  const { ends, printed } = await run([
    { title: "one", script: `echo 1; ${untilThere("there")}; echo 1 >&2; exit 3` },
    { title: "two", script: "echo 2; >there; echo 2" },
  ], 2);
  assert.deepEqual(ends.sort(), [false, true]);
  assert.equal(printed, "== one\n1\n1\n== one: failed\n== two\n2\n2\n");
});

Deno.test("SideBySide runs no more than it may at once, in their order", async () => {
  const script = "mkdir busy || exit 1; sleep 0.02; rmdir busy; echo done";
  const { ends, printed } = await run(["a", "b", "c"].map((title) => ({ title, script })), 1);
  assert.deepEqual(ends, [true, true, true]);
  assert.equal(printed, ["a", "b", "c"].map((title) => `== ${title}\ndone\n`).join(""));
});

Deno.test("SideBySide runs those that want to be alone when nothing else runs", async () => {
  const alone = { alone: true, script: "test -e two && rmdir busy && sleep 0.05 && mkdir busy" };
  const { ends } = await run([
    { title: "first alone", ...alone },
    { title: "second alone", ...alone },
    { title: "one", script: `mkdir busy; ${untilThere("two")}` },
    { title: "two", script: "test -e busy; >two" },
  ], 2);
  assert.deepEqual(ends, [true, true, true, true]);
});

Deno.test("SideBySide ends what takes too long, and starts nothing when the time for all is up", async () => {
  const { ends, printed } = await run([{ title: "endless", script: "echo begun; sleep 1000", seconds: 0.1 }], 1);
  assert.deepEqual(ends, [false]);
  assert.equal(printed, "== endless\nbegun\nstopped after 1 s\n== endless: failed\n");
  let late = "";
  const job = { title: "late", command: ["echo", "run"], seconds: 60 };
  await new SideBySide((text) => late += text).run([job], { atOnce: 1, deadline: performance.now(), ended: () => {} });
  assert.equal(late, "== late\nnot run, the time for all is up\n== late: failed\n");
});

Deno.test("SideBySide does not wait for what was left behind with the output, and calls it a failure", async () => {
  // Until its folder is gone.
  const script = "setsid sh -c 'while test -d $PWD; do sleep 0.01; done' & echo done";
  const { ends, printed } = await run([{ title: "leaves", script }], 1, { graceMs: 50 });
  assert.deepEqual(ends, [false]);
  assert.equal(printed, "== leaves\ndone\nit has left something that holds its output\n== leaves: failed\n");
});

/** A job that says the numbers of two processes of its, of which one is in the background. */
const job = { title: "busy", command: ["sh", "-c", "sleep 1000 & echo $$ $!; wait"], seconds: 60 };

async function isGone(pid: string): Promise<boolean> {
  return await Deno.readTextFile(`/proc/${pid}/stat`).then((stat) => / Z /.test(stat), () => true);
}

async function goes(pids: readonly string[]): Promise<void> {
  for (const pid of pids) await waitUntil(() => isGone(pid), { failure: `process ${pid} is left` });
}

Deno.test("SideBySide.stop() ends what is running with all of its processes, and starts nothing more", async () => {
  let printed = "";
  const runner = new SideBySide((text) => printed += text);
  const running = runner.run([job, { ...job, title: "next" }], { atOnce: 1, ended: () => {} });
  const begun = /^== busy\n(\d+) (\d+)\n/;
  await waitUntil(() => begun.test(printed), { failure: "it does not start" });
  const pids = begun.exec(printed)!.slice(1);
  runner.stop();
  await running;
  await goes(pids);
  assert.match(printed, /\n== busy: failed\n$/);
  assert.doesNotMatch(printed, /next/);
});

Deno.test("SideBySide leaves no process when its own is killed", async () => {
  const program = `
    import { SideBySide } from "${new URL("../../../scripts/side_by_side.ts", import.meta.url)}";
    await new SideBySide(console.log).run([${JSON.stringify(job)}], { atOnce: 1, ended: () => {} });`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", program], stdout: "piped" }).spawn();
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (/\d+ \d+\n/.test(said)) child.kill("SIGKILL");
  }
  await child.status;
  await goes(/(\d+) (\d+)\n/.exec(said)!.slice(1));
});
