/** Other pipes than ssh: whatever runs `sh` elsewhere with a clean stdin and stdout. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import {
  by,
  firstAndReuse,
  here,
  makeFolder,
  nothingIsLeft,
  processThere,
  startUsedHost,
  stateOf,
  useBy,
} from "./support/mod.ts";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
});
Deno.test.afterAll(() => host.stop());

/** The first use installs, which takes a busy machine long. */
const timeoutMs = 120_000;
const debug = { options: ["--debug"] };
const inside = "--mount --uts --ipc --net --pid";

/** Enters the host's namespaces; nothing of this machine's environment goes along, as it would not over a network. */
function nsenter(words = ""): string {
  return `env -i PATH=/usr/bin:/usr/sbin HOME=/root nsenter ${inside} --target ${host.facts.initPid}${words}`;
}

Deno.test("a run through nsenter, into a host that has no part in it", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const there = by(nsenter());
  const { status, text, stderr } = await there.shell("hostname; base64; touch made; echo said >&2; exit 7", {
    cwd,
    stdin: "input",
    timeoutMs,
  });
  assert.deepEqual([status, text, stderr], [7, "farhost\naW5wdXQ=\n", "said\n"]);
  assert.equal((await Deno.stat(`${cwd}/made`)).size, 0);
  const before = await stateOf(host);
  const encode =
    "ffmpeg -v error -f lavfi -i testsrc=d=1:s=64x64 -threads 1 -fflags +bitexact -c:v libx264 -f matroska -";
  const [far, near] = [await there.shell(encode, { cwd, timeoutMs }), await here.shell(encode, { cwd })];
  assert.deepEqual([far.status, far.stderr], [0, ""]);
  assert.deepEqual(far.stdout, near.stdout);
  await nothingIsLeft(host, before);
});

Deno.test("the first use through nsenter uploads, the second does not", async () => {
  await host.exec("rm -rf /root/.cache/outrun");
  await firstAndReuse("namespaces of this machine (--rsh nsenter)", () => useBy(by(nsenter(), debug), "farhost"));
});

Deno.test("the destination follows the words of --rsh", async () => {
  const rsh = `env -i PATH=/usr/bin:/usr/sbin HOME=/root nsenter ${inside} --target`;
  assert.equal(
    (await by(rsh, { destination: `${host.facts.initPid}` }).run(["hostname"], { timeoutMs })).text,
    "farhost\n",
  );
});

Deno.test("a shell on this machine", async () => {
  await using folder = await makeFolder();
  const rsh = `env 'XDG_CACHE_HOME=${folder.path}' sh -c`;
  await firstAndReuse("this machine itself (--rsh 'sh -c')", () => useBy(by(rsh, debug), Deno.hostname()));
  const { status, text, stderr } = await by(rsh).shell("echo $0 $1; exit 3", { timeoutMs });
  assert.deepEqual([status, text, stderr], [3, "sh\n", ""]);
});

Deno.test("the words of --rsh may hold blanks, and no shell expands them", async () => {
  await using folder = await makeFolder();
  const program = `${folder.path}/my rsh`;
  await Deno.writeTextFile(
    program,
    '#!/bin/sh\nprintf "%s\\n" "$@" >"$0 words"\nshift 3\nXDG_CACHE_HOME=${0%/*} exec "$@"\n',
    {
      mode: 0o755,
    },
  );
  const there = by(`"${program}" '$HOME *' a\\ b`, { destination: "env" });
  assert.equal((await there.run(["echo", "x"], { timeoutMs })).text, "x\n");
  assert.equal(await Deno.readTextFile(`${program} words`), "$HOME *\na b\nenv\nsh\n");
});

Deno.test("Ctrl-C is the command's, whatever carries the link", async () => {
  // As container engines do, it takes the signal that it was started to ignore, and gives up.
  const gives =
    "my $p = fork // die; exec @ARGV if !$p; $SIG{INT} = sub { kill 9, $p; exit 9 }; waitpid $p, 0; exit $? >> 8";
  const there = by(`perl -e '${gives}' -- ${nsenter()}`);
  await using process = there.start([
    "sh",
    "-c",
    'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done',
  ], { timeoutMs });
  await process.says("ready\n");
  const { success } = await new Deno.Command("kill", { args: ["-INT", "--", `-${process.pid}`] }).output();
  assert.ok(success);
  const { status, text, stderr } = await process.result();
  assert.deepEqual([status, text, stderr], [5, "ready\ncaught\n", ""]);
});

Deno.test("what --rsh names may fail", async (t) => {
  const refuses = async (rsh: string, { status, line }: { status: number; line: RegExp }) => {
    const result = await by(rsh).run(["true"], { timeoutMs });
    assert.deepEqual([result.status, result.text], [status, ""], result.stderr);
    assert.match(result.stderr, line);
  };
  await t.step("it is not there", async () => {
    await refuses("no-such-rsh -x", {
      status: 254,
      line: /^outrun: Cannot reach "no-such-rsh -x": there is no no-such-rsh in PATH; install it\n$/m,
    });
  });
  await t.step("it cannot go there", async () => {
    const line = /^complaint\noutrun: Cannot reach ".*": sh exited with status 3; does ".*" run a shell there\?\n$/;
    await refuses(`sh -c 'echo complaint >&2; exit 3'`, { status: 255, line });
  });
  await t.step("it says something else", async () => {
    const line = /^outrun: Cannot reach "echo hi": echo exited with status 0; it said: hi sh\n$/;
    await refuses("echo hi", { status: 255, line });
  });
  await t.step("it ends in the middle", async () => {
    const before = await stateOf(host);
    await using process = by(nsenter()).start(["sh", "-c", "echo ready; sleep 1000"], { timeoutMs });
    await process.says("ready\n");
    await host.exec(`kill -9 ${await processThere(host, (line) => line.includes(" agent --nonce"))}`);
    const { status, stderr } = await process.result();
    assert.match(stderr, /^outrun: Cannot go on: the connection to the other machine was lost \(env exited with/);
    assert.equal(status, 254);
    await nothingIsLeft(host, before);
  });
});
