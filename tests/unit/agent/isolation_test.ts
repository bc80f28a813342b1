import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { AgentProcess, childrenOf, compileFixture, processesWith, shell, usualSpec } from "./agent_process.ts";

const fixture = await compileFixture();
Deno.test.afterAll(() => fixture[Symbol.dispose]());

const marker = `sleep 8${Deno.pid}`;
const daemon = `setsid ${marker} </dev/null >/dev/null 2>&1 & `;
const asRoot = { uid: 0, gid: 0, groups: [0] };

/** A process and those below it. */
function descendants(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(descendants)];
}

function allProcesses(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0);
}

/** FUSE mounts of agents that some processes can see, by default any on this machine; their numbers make them unique. */
function mounts(pids = allProcesses()): Set<string> {
  const lines = new Set<string>();
  for (const pid of pids) {
    try {
      const all = Deno.readTextFileSync(`/proc/${pid}/mountinfo`).split("\n");
      for (const line of all) if (line.includes("fuse.outrun")) lines.add(line);
    } catch {
      // It has ended meanwhile.
    }
  }
  return lines;
}

function exists(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

Deno.test("Command.end() ends daemons too, and the mount", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  await agent.order({ order: "go", spec: shell(`${daemon} echo $!`) });
  await agent.wait("ended");
  await agent.wait("closed", (report) => report.stream === "stdout");
  assert.equal(processesWith(marker).length, 1);
  const ours = mounts(descendants(agent.pid));
  assert.ok(ours.size > 0);
  await agent.order({ order: "end" });
  await agent.wait("unmounted");
  assert.deepEqual(processesWith(marker), []);
  assert.deepEqual([...ours.intersection(mounts())], []);
});

for (const [kinds, stream] of [["ppp", "stdout"], ["ttt", "screen"]] as const) {
  Deno.test(`a killed agent leaves no process and no mount (${kinds})`, async () => {
    await using agent = new AgentProcess(fixture.path, kinds);
    await agent.order({ order: "go", spec: shell(`${daemon} echo ready; ${marker}`) });
    await agent.waitFor(stream, "ready");
    await waitUntil(() => processesWith(marker).length === 3, { failure: "not all of them start" });
    const all = descendants(agent.pid);
    const ours = mounts(all);
    assert.ok(ours.size > 0);
    // The agent; unshare, its shell and cat, the daemon; the command and its child.
    assert.equal(all.length, 7);
    Deno.kill(agent.pid, "SIGKILL");
    await waitUntil(() => processesWith(marker).length === 0, { failure: "a process stays" });
    await waitUntil(() => ours.isDisjointFrom(mounts()), { failure: "a mount stays" });
    await waitUntil(() => all.every((pid) => !exists(pid)), { failure: "somebody stays" });
  });
}

Deno.test("the remote's own root is out of reach, for local root too", async () => {
  for (const ids of [{}, asRoot]) {
    await using agent = new AgentProcess(fixture.path, "ppp");
    const links = ["root", "cwd", "exe", "fd/0", "ns/mnt"];
    const probes = links.map((link) => `readlink /proc/1/${link}`).join("; ");
    await agent.run(
      shell(`${probes}; ls /proc/1/root; cat /proc/1/environ; awk '{ print $5 }' /proc/self/mountinfo`, ids),
    );
    const [root, ...others] = agent.output("stdout").trimEnd().split("\n");
    assert.equal(root, "/");
    assert.deepEqual(others.filter((path) => !/^\/(dev|proc|run|sys)(\/|$)/.test(path)), []);
  }
});

Deno.test("a command can make a user namespace of its own", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  await agent.run(shell("unshare -Ur id -u"));
  assert.deepEqual([agent.output("stdout"), agent.output("stderr")], ["0\n", ""]);
});

Deno.test("another process on the remote with the same uid has no access", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp");
  const spec = { ...usualSpec, path: fromText("/bin/sleep"), argv: marker.split(" ").map(fromText) };
  await agent.order({ order: "go", spec });
  await agent.wait("executed");
  const [pid] = processesWith(marker);
  const intruder = async (...command: string[]) => {
    const same = ["--reuid", `${usualSpec.uid}`, "--regid", `${usualSpec.gid}`, "--clear-groups"];
    return (await new Deno.Command("setpriv", { args: [...same, ...command], stdout: "null", stderr: "null" }).output())
      .success;
  };
  assert.equal(await intruder("ls", "/proc/self/root/"), true);
  assert.equal(await intruder("ls", `/proc/${pid}/root/`), false);
  assert.equal(await intruder("cat", `/proc/${pid}/environ`), false);
  assert.equal(await intruder("kill", "-0", `${pid}`), false);
  await agent.order({ order: "end" });
  assert.deepEqual(await agent.finish(), { kind: "signaled", signal: 9 });
});
