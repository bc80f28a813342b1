import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { AgentProcess, compileFixture, shell, usualSpec } from "./agent_process.ts";
import type { Spec } from "./orders.ts";

const fixture = await compileFixture();
Deno.test.afterAll(() => fixture[Symbol.dispose]());

/** Runs a command on pipes; how it ended and what it wrote. */
async function run(spec: Spec, ids?: readonly number[]) {
  await using agent = new AgentProcess(fixture.path, "ppp", { ids });
  const result = await agent.run(spec);
  return { result, stdout: agent.output("stdout"), stderr: agent.output("stderr") };
}

async function linesOf(script: string, changes: Partial<Spec> = {}): Promise<string[]> {
  const { result, stdout, stderr } = await run(shell(script, changes));
  assert.deepEqual({ result, stderr }, { result: { kind: "exited", status: 0 }, stderr: "" });
  return stdout.trimEnd().split("\n");
}

function bytes(text: string): ByteString {
  return text as ByteString;
}

Deno.test("launch() runs the command as the local user", async () => {
  const script = "id -u; id -g; id -G; umask; ulimit -Sn; ulimit -Hn; pwd; grep Cap[PEA] /proc/self/status";
  const changes = { umask: 0o027, cwd: fromText("/usr/bin"), nofile: { soft: 100, hard: 200 } };
  const none = "0000000000000000";
  assert.deepEqual(await linesOf(script, changes), [
    ...["1000", "1001", "1001 27", "0027", "100", "200", "/usr/bin"],
    ...[`CapPrm:\t${none}`, `CapEff:\t${none}`, `CapAmb:\t${none}`],
  ]);
});

Deno.test("launch() maps ids beyond the ordinary ones singly", async () => {
  const large = 1_234_567_890;
  const ids = { uid: large, gid: large + 5, groups: [large + 5, 27] };
  const { stdout } = await run(shell("id -u; id -G; cat /proc/self/uid_map", ids), [large, large + 5, 27]);
  assert.deepEqual(stdout.trimEnd().split("\n").map((line) => line.trim().split(/\s+/)), [
    ...[[`${large}`], [`${large + 5}`, "27"], ["0", "1879048192", "268369920"]],
    ...[[`${large}`, "2147418112", "1"], [`${large + 5}`, "2147418113", "1"]],
  ]);
});

Deno.test("launch() takes a limit of open files that is too high as far as it goes", async () => {
  const limit = Number.MAX_SAFE_INTEGER;
  const [soft, hard] = await linesOf("ulimit -Sn; ulimit -Hn", { nofile: { soft: limit, hard: limit } });
  assert.equal(soft, hard);
});

Deno.test("launch() gives the command exactly the local user's environment and arguments", async () => {
  const env = [bytes("A=\xff\xfe b"), bytes("PATH=/usr/bin:/bin"), bytes("EMPTY=")];
  const all = await run({ ...usualSpec, path: bytes("/usr/bin/env"), argv: [bytes("env")], env });
  assert.equal(all.stdout, env.join("\n") + "\n");
  const argv = ["sh", "-c", 'printf "[%s]" "$0" "$@"', "\xff\n", "", "a b"].map(bytes);
  assert.equal((await run({ ...usualSpec, path: bytes("/bin/sh"), argv })).stdout, "[\xff\n][][a b]");
});

Deno.test("launch() carries an environment larger than a socket's buffer", async () => {
  const env = Array.from({ length: 10 }, (_, index) => bytes(`V${index}=${"x".repeat(100_000)}`));
  const { stdout } = await run({ ...usualSpec, path: bytes("/usr/bin/env"), argv: [bytes("env")], env });
  assert.equal(stdout.length, env.join("\n").length + 1);
});

Deno.test("launch() leaves the command nothing but its streams and a clean set of signals", async () => {
  const [descriptors, ...signals] = await linesOf("echo $(ls /proc/self/fd); grep -E 'Sig(Blk|Ign)' /proc/self/status");
  // 3 is the directory that ls lists.
  assert.equal(descriptors, "0 1 2 3");
  assert.deepEqual(signals, ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
});

Deno.test("launch() lets the command open its streams by name", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  await agent.input("in\n");
  await agent.order({ order: "close" });
  const result = await agent.run(shell("cat /dev/stdin >/dev/stdout; echo err >/dev/stderr"));
  assert.deepEqual(result, { kind: "exited", status: 0 });
  assert.deepEqual([agent.output("stdout"), agent.output("stderr")], ["in\n", "err\n"]);
});

for (const status of [0, 37, 254, 255]) {
  Deno.test(`launch() tells an exit with status ${status}`, async () => {
    assert.deepEqual((await run(shell(`exit ${status}`))).result, { kind: "exited", status });
  });
}

Deno.test("launch() tells a death by signal", async () => {
  assert.deepEqual((await run(shell("kill -9 $$"))).result, { kind: "signaled", signal: 9 });
});

Deno.test("launch() tells why a command was not executed", async () => {
  const errors = [["/nonexistent", Errno.ENOENT], ["/etc/passwd", Errno.EACCES], ["/usr", Errno.EACCES]] as const;
  for (const [path, errno] of errors) {
    const { result } = await run({ ...usualSpec, path: bytes(path), argv: [bytes("x")] });
    assert.deepEqual(result, { kind: "notExecuted", errno });
  }
});

Deno.test("launch() has a script without an interpreter line run by the shell", async () => {
  // Not in /tmp, where the fixture sees its own stage.
  const folder = await Deno.makeTempDir({ dir: "/var/tmp" });
  try {
    await Deno.chmod(folder, 0o755);
    await Deno.writeTextFile(`${folder}/script`, 'echo "$0" "$1"\n', { mode: 0o755 });
    const path = fromText(`${folder}/script`);
    const { stdout } = await run({ ...usualSpec, path, argv: [bytes("x"), bytes("one")] });
    assert.equal(stdout, `${path} one\n`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("launch() says which working directory cannot be entered", async () => {
  const { result } = await run(shell("echo no", { cwd: fromText("/nonexistent") }));
  assert.deepEqual(result, { kind: "failed", message: 'Cannot enter "/nonexistent": ENOENT' });
});

Deno.test("launch() runs nothing as a user that was not announced", async () => {
  const { result, stdout } = await run(shell("echo no", { groups: [300_000_000] }));
  assert.deepEqual([result, stdout], [{ kind: "failed", message: "Cannot set the groups: EINVAL" }, ""]);
});

Deno.test("Command.signal() reaches the command, or all of its process group", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  await agent.order({
    order: "go",
    spec: shell("trap 'echo got' USR1; echo ready; while :; do sleep 60 & wait; done"),
  });
  await agent.waitFor("stdout", "ready");
  await agent.order({ order: "signal", signal: 10, group: false });
  await agent.waitFor("stdout", "got");
  await agent.order({ order: "signal", signal: 15, group: true });
  assert.deepEqual(await agent.finish(), { kind: "signaled", signal: 15 });
});

Deno.test("Command.signal() ends a runner that was not told what to run", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  await agent.wait("mounted");
  await agent.order({ order: "signal", signal: 2, group: true });
  assert.deepEqual(await agent.finish(), { kind: "signaled", signal: 2 });
});

Deno.test("launch() changes the root when nothing is looked for in the old one any more", async () => {
  // Not in /tmp, where the stage is.
  const folder = Deno.makeTempDirSync({ dir: "/var/tmp" });
  try {
    // Process 1 has an id of nobody's.
    Deno.chmodSync(folder, 0o755);
    Deno.writeTextFileSync(`${folder}/cat`, "#!/bin/sh\nsleep 0.5\nexec /bin/cat\n", { mode: 0o755 });
    const wrapper = ["env", `PATH=${folder}:${Deno.env.get("PATH")}`];
    await using agent = new AgentProcess(fixture.path, "ppp", { wrapper });
    assert.deepEqual(await agent.run(shell("exit 3")), { kind: "exited", status: 3 });
    const at = (event: string) => agent.reports.find((report) => report.event === event)!.at;
    // Process 1 of the namespace runs that cat.
    assert.ok(at("launched") - at("launch") >= 500, JSON.stringify(agent.reports));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
