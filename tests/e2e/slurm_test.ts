/** A real batch system in place of ssh: the command runs inside an allocation. */
import assert from "node:assert/strict";
import { type Host, type Slurm, startHost, startSlurm } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import { by, firstAndReuse, here, makeFolder, scratch, useBy } from "./support/mod.ts";

const rsh = "srun -N1 -n1 --quiet -u";
let host: Host;
let slurm: Slurm;
Deno.test.beforeAll(async () => {
  host = await startHost({ name: "node1" });
  slurm = await startSlurm(host, { hidden: [scratch] });
});
Deno.test.afterAll(async () => {
  await host.stop();
  // Where it could not be started, that is the failure to be shown.
  await (slurm as Slurm | undefined)?.ended();
});

const jobs = () => slurm.ask("squeue", "--noheader", "--format=%T %N");

Deno.test("an encode runs on a node, inside an allocation that lasts as long as it does", async () => {
  await using folder = await makeFolder();
  const options = { cwd: folder.path, env: slurm.environment, timeoutMs: 120_000 };
  const encode = (output: string) =>
    `ffmpeg -v error -f lavfi -i testsrc=d=1:s=64x64 -threads 1 -fflags +bitexact -c:v libx264 ${output}.mkv`;
  // Slurm would complain that the folder is not there on the node.
  await using far = by(`${rsh} --chdir=/`).start(["sh", "-c", `${encode("far")} && hostname && cat`], {
    ...options,
    stdin: "open",
  });
  await far.says("node1\n");
  assert.equal(await jobs(), "RUNNING node1\n");
  await far.closeInput();
  const { status, text, stderr } = await far.result();
  assert.deepEqual([status, text, stderr], [0, "node1\n", ""]);
  const near = await here.shell(encode("near"), options);
  assert.equal(near.status, 0, near.stderr);
  assert.deepEqual(await Deno.readFile(`${folder.path}/far.mkv`), await Deno.readFile(`${folder.path}/near.mkv`));
  await waitUntil(async () => await jobs() === "", {
    timeoutMs: 20_000,
    failure: "the allocation outlives the command",
  });
});

Deno.test("the first use of a node uploads, the second does not", async () => {
  // srun passes the environment on, and so the place of the cache.
  await slurm.ask("srun", "-N1", "-n1", "--chdir=/", "rm", "-rf", `${scratch}/outrun`);
  const there = by(`${rsh} --chdir=/`, { options: ["--debug"] });
  await firstAndReuse("allocation (--rsh srun)", () => useBy(there, "node1", { env: slurm.environment }));
});

Deno.test("input, errors and the status cross an allocation as they are", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const { status, stdout, stderr } = await by(rsh).shell("cat; echo said >&2; exit 7", {
    ...{ env: slurm.environment, stdin: bytes, timeoutMs: 60_000 },
  });
  assert.deepEqual([status, stderr], [7, "said\n"]);
  assert.deepEqual(stdout, bytes);
});

Deno.test("Ctrl-C reaches the command, not srun", async () => {
  const script = 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done';
  await using process = by(rsh).start(["sh", "-c", script], { env: slurm.environment, timeoutMs: 60_000 });
  await process.says("ready\n");
  await new Deno.Command("kill", { args: ["-INT", "--", `-${process.pid}`] }).output();
  const { status, text, stderr } = await process.result();
  assert.deepEqual([status, text, stderr], [5, "ready\ncaught\n", ""]);
});

Deno.test("an allocation that is taken away ends the command, and outrun says so", async () => {
  const before = await host.pids();
  await using process = by(rsh).start(["sh", "-c", "echo ready; exec sleep 1000"], {
    ...{ env: slurm.environment, timeoutMs: 60_000 },
  });
  await process.says("ready\n");
  await slurm.ask("scancel", "--user=root");
  const { status, stderr } = await process.result();
  assert.match(stderr, /outrun: Cannot go on: the connection to the other machine was lost \(srun exited with/);
  assert.ok(status >= 254, `${status}`);
  const left = async () =>
    [...await host.pids()].filter(([pid, line]) => !before.has(pid) && /outrun|sleep/.test(line));
  await waitUntil(async () => (await left()).length === 0, { timeoutMs: 20_000, failure: "processes are left" });
});

Deno.test("srun that cannot have what it asks for is a way that leads nowhere", async () => {
  const { status, stderr } = await by(`${rsh} --nodelist=nowhere`).run(["true"], { env: slurm.environment });
  assert.equal(status, 255);
  assert.match(stderr, /srun: error: [^]*\noutrun: Cannot reach "srun .*": srun exited with status 1/);
});
