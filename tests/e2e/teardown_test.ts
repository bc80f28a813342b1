/** After any end, whoever died: nothing is left on the other machine but the installed agent. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  type Machine,
  makeFolder,
  nothingIsLeft,
  on,
  type Process,
  processThere,
  startUsedHost,
  type State,
  stateOf,
  Terminal,
  waitsForFuse,
} from "./support/mod.ts";

let host: Host;
let there: Machine;
let before: State;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
  await there.run(["true"]);
  await waitUntil(async () => (await host.pids()).size <= 3, { failure: "the first session stays" });
  before = await stateOf(host);
});
Deno.test.afterAll(() => host.stop());

const isAgent = (line: string) => /\/agent-\w+ agent /.test(line);

/**
 * A command that is busy in every way: files open and dirty, children, a daemon in a session of its own. Not a shell in
 * the end: one that waits for a program only dies of a SIGINT if that program does, which may have ended just then.
 */
const busy = `setsid sleep 1000 </dev/null >/dev/null 2>&1 & sleep 1000 &
  exec 3>dirty; echo unwritten >&3; nohup setsid sh -c 'trap "" HUP TERM INT; sleep 1000; sleep 1000' >/dev/null 2>&1 &
  exec perl -e '$| = 1; print "ready\\n"; for (;;) { select undef, undef, undef, .1; open my $log, ">>", "log"; print $log "x" }'`;

Deno.test("the baseline is an agent and nothing else", () => {
  const agents = before.files.filter((file) => file.includes("outrun"));
  assert.match(agents.join(" "), /^\/root\/\.cache\/outrun \/root\/\.cache\/outrun\/agent-[0-9a-f]{64}$/);
  assert.deepEqual(before.mounts, []);
  assert.equal(before.processes.some((line) => line.includes("agent")), false);
});

/** Runs the busy command in a folder, has `end` do its worst to it, and looks what is left. Returns outrun's status. */
async function afterwards(end: (running: Process) => void | Promise<void>, machine = there): Promise<number> {
  await using folder = await makeFolder();
  await using process = machine.start(["bash", "-c", busy], { cwd: folder.path });
  await process.says("ready\n");
  assert.ok((await stateOf(host)).mounts.length > 0);
  await end(process);
  const { status } = await process.result();
  await nothingIsLeft(host, before);
  return status;
}

Deno.test("nothing is left after a normal end", async () => {
  assert.equal((await there.shell("echo x; exit 3")).status, 3);
  await nothingIsLeft(host, before);
});

Deno.test("nothing is left of daemons after the command has ended", async () => {
  const script =
    "setsid sleep 1000 & nohup setsid sh -c 'trap \"\" HUP TERM INT; sleep 1000' >/dev/null 2>&1 & echo over";
  assert.equal((await there.shell(script)).text, "over\n");
  await nothingIsLeft(host, before);
});

Deno.test("nothing is left after SIGINT, SIGTERM or SIGHUP", async (t) => {
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    await t.step(signal, async () => {
      assert.equal(await afterwards((process) => process.kill(signal)), status);
    });
  }
});

Deno.test("nothing is left after Ctrl-C, and after the terminal is closed", async (t) => {
  await using folder = await makeFolder();
  await t.step("Ctrl-C", async () => {
    await using terminal = new Terminal(there.words(["bash", "-c", busy]), { cwd: folder.path });
    await terminal.shows("ready");
    terminal.type("\x03");
    assert.equal(await terminal.status(), 130);
    await nothingIsLeft(host, before);
  });
  await t.step("closed", async () => {
    await using terminal = new Terminal(there.words(["bash", "-c", busy]), { cwd: folder.path });
    await terminal.shows("ready");
    await terminal[Symbol.asyncDispose]();
    await nothingIsLeft(host, before);
  });
});

Deno.test("nothing is left after kill -9 of outrun", async () => {
  assert.equal(await afterwards((process) => process.kill("SIGKILL")), 137);
});

Deno.test("nothing is left after kill -9 of ssh", async () => {
  const status = await afterwards(async (process) => {
    const children = await Deno.readTextFile(`/proc/${process.pid}/task/${process.pid}/children`);
    const ssh = children.trim().split(" ").map(Number);
    assert.equal(ssh.length, 1);
    Deno.kill(ssh[0], "SIGKILL");
  });
  assert.equal(status, 254);
});

Deno.test("nothing is left after kill -9 of the agent", async () => {
  const status = await afterwards(async () => {
    await host.exec(`kill -9 ${await processThere(host, isAgent)}`);
  });
  // As ssh has it when the program over there is killed.
  assert.equal(status, 255);
});

Deno.test("nothing is left after kill -9 of the first process of the command's namespace", async () => {
  const status = await afterwards(async () => {
    await host.exec(`kill -9 ${await processThere(host, (line) => line.startsWith("sh -c cd / &&"))}`);
  });
  assert.equal(status, 137);
});

Deno.test("nothing is left after kill -9 of the command", async () => {
  const status = await afterwards(async () => {
    await host.exec(`kill -9 ${await processThere(host, (line) => line.startsWith("perl -e $|"))}`);
  });
  assert.equal(status, 137);
});

Deno.test("nothing is left after the link was cut", async () => {
  const link = await host.link({});
  assert.equal(await afterwards(() => link.cut(), on(host, { destination: link.alias })), 255);
  await link.close();
});

Deno.test("a link that carries nothing any more is given up after --timeout, and nothing is left", async () => {
  const link = await host.link({});
  // Enough for a login on a busy machine.
  const machine = on(host, { destination: link.alias, options: ["--timeout", "9"] });
  const status = await afterwards(async (process) => {
    await link.stall();
    await process.result();
    // The other machine learns of it when its sshd does.
    await link.resume();
  }, machine);
  assert.equal(status, 255);
  await link.close();
});

Deno.test("nothing is left of a command that waits for a read on a stalled link", async (t) => {
  await using folder = await makeFolder();
  await Deno.writeFile(`${folder.path}/big`, new Uint8Array(3_000_000));
  const link = await host.link({});
  const far = on(host, { destination: link.alias });
  // The other machine's own: the command sees it while nothing comes over the link.
  const flag = "/dev/shm/go";
  const read = "dd if=big of=/dev/null bs=1k count=1";
  // It reads what has not been read before, or waits for its program already.
  const script = `${read}; echo ready; until [ -e ${flag} ]; do :; done; exec ${read} skip=2000`;
  for (const end of ["outrun is killed", "the link is cut"]) {
    await t.step(end, async () => {
      await using process = far.start(["sh", "-c", script], { cwd: folder.path });
      await process.says("ready\n");
      const reader = await processThere(host, (line) => line.startsWith("sh -c dd"));
      await link.stall();
      try {
        await host.exec(`touch ${flag}`);
        await waitsForFuse(host, reader);
        if (end === "outrun is killed") process.kill("SIGKILL");
        else await link.cut();
      } finally {
        // Of a process that was killed the other machine can only learn when the link carries something again.
        await link.resume();
        await host.exec(`rm ${flag}`);
      }
      await process.result();
      await nothingIsLeft(host, before);
    });
  }
  await link.close();
});

Deno.test("kill -9 of outrun leaves what the command had synced, and a whole file system", async () => {
  await using folder = await makeFolder();
  await using process = there.start(["sh", "-c", "seq 100000 >kept; sync kept; echo ready; exec sleep 100"], {
    cwd: folder.path,
  });
  await process.says("ready\n");
  process.kill("SIGKILL");
  await process.result();
  const { size } = await Deno.stat(`${folder.path}/kept`);
  assert.equal(size, 588895);
  await nothingIsLeft(host, before);
});
