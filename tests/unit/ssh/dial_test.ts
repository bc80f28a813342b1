import assert from "node:assert/strict";
import { waitUntil } from "../../hosts/wait.ts";
import { FakeRemote, readAll } from "./fake_remote.ts";

/** How dial() fails for a carrier that is `argv`. */
async function failure(argv: string[], options: { asksUser?: boolean; timeoutMs?: number } = {}) {
  await using remote = new FakeRemote();
  const carrier = { argv, target: "h", asksUser: options.asksUser ?? false };
  const link = remote.dial(await remote.agent(), { carrier, timeoutMs: options.timeoutMs ?? 120_000 });
  const { name, message, exitStatus } = await link.then(() => assert.fail("there is a link"), (error) => error);
  return { name, message, exitStatus };
}

Deno.test("dial() gives ssh's status when ssh fails, and its own otherwise", async () => {
  const name = "DialError";
  assert.deepEqual(await failure(["sh", "-c", "exit 255"]), {
    name,
    message: 'Cannot reach "h": sh exited with status 255',
    exitStatus: 255,
  });
  assert.deepEqual(await failure(["sh", "-c", "echo hi; echo This account is not available; exit 1"]), {
    name,
    message: 'Cannot use the shell on "h": sh exited with status 1; it said: This account is not available',
    exitStatus: 254,
  });
  const missing = await failure(["no-such-ssh", "-T", "h", "sh"]);
  assert.deepEqual(missing, {
    name,
    message: 'Cannot reach "h": there is no no-such-ssh in PATH; install it',
    exitStatus: 254,
  });
});

// The thread that waits for the pipe sees its end after the carrier's, which is killed: that call may outlive the test.
const killed = { sanitizeOps: false };

Deno.test("dial() gives up on a machine that says nothing", killed, async () => {
  const silent = await failure(["sleep", "60"], { timeoutMs: 50 });
  assert.equal(silent.message, 'Cannot use "h": it has said nothing for 0.05 s (--timeout sets the limit)');
  assert.equal(silent.exitStatus, 254);
});

Deno.test("dial() leaves a carrier the time to ask the user", async () => {
  // Twenty times the limit, then the failure of the carrier itself.
  const asked = await failure(["sh", "-c", "sleep 0.2; exit 255"], { asksUser: true, timeoutMs: 10 });
  assert.equal(asked.exitStatus, 255);
});

Deno.test("dial() names another processor", async () => {
  const other = await failure(["setarch", "i686", "sh"]);
  assert.match(other.message, /^Cannot use "h": its processor is i686, this machine's \w+: .*; choose a machine with/);
});

Deno.test("Link tells how an agent ended that did not come up", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(0, "#!/bin/sh\necho hello\nexit 3\n");
  const link = await remote.dial(executable);
  await assert.rejects(link.read(), {
    message: 'Cannot start the agent on "fake": it ended with status 3; it said: hello',
    exitStatus: 254,
  });
});

Deno.test("Link has an agent removed that does not come up as it is damaged, and the next dial() installs it", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(1000);
  await remote.talk(executable);
  await remote.harm(executable, (bytes) => bytes.set(new TextEncoder().encode("#!/bin/sh\nexit 3\n")));
  const link = await remote.dial(executable);
  assert.equal(link.uploaded, 0);
  await assert.rejects(link.read(), {
    message: 'Cannot start the agent on "fake": its file there was damaged and has been removed; run the command again',
    exitStatus: 254,
  });
  assert.ok((await remote.talk(executable)).uploaded > 1000);
});

Deno.test("Link does not lose bytes that come in one piece with the agent's line", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(0, `#!/bin/sh\nprintf '%s agent\\n\\001\\n\\002' "$3"\nexec cat\n`);
  const link = await remote.dial(executable);
  // Before the agent has said anything.
  await link.write(new Uint8Array([3]));
  link.closeWrite();
  assert.equal(await readAll(link), "\x01\n\x02\x03");
  assert.deepEqual(await link.status, { code: 0 });
});

Deno.test("dial() ends what it started when it is aborted, and rejects with the reason", killed, async () => {
  await using remote = new FakeRemote();
  const abort = new AbortController();
  const reason = new Error("Ctrl-C");
  const carrier = {
    argv: ["sh", "-c", `echo $$ >"$0"; exec sleep 60`, `${remote.folder}/pid`],
    target: "h",
    asksUser: true,
  };
  const dialled = remote.dial(await remote.agent(), { carrier, signal: abort.signal });
  let pid = "";
  const hasStarted = async () => (pid = await Deno.readTextFile(`${remote.folder}/pid`).catch(() => "")).endsWith("\n");
  await waitUntil(hasStarted, { failure: "the carrier does not start" });
  abort.abort(reason);
  await assert.rejects(dialled, reason);
  assert.throws(() => Deno.statSync(`/proc/${pid.trim()}`), Deno.errors.NotFound);
});

Deno.test("Link carries binary bytes both ways, and kill() ends it", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(0, `#!/bin/sh\necho "$3 agent"\nexec cat\n`);
  const link = await remote.dial(executable);
  const sent = new Uint8Array(3_000_000);
  for (let at = 0; at < sent.length; at += 60_000) crypto.getRandomValues(sent.subarray(at, at + 60_000));
  const written = (async () => {
    for (let at = 0; at < sent.length; at += 100_000) await link.write(sent.subarray(at, at + 100_000));
  })();
  const received = new Uint8Array(sent.length);
  for (let at = 0; at < received.length;) {
    const bytes = await link.read();
    assert.ok(bytes, "the link ended");
    received.set(bytes, at);
    at += bytes.length;
  }
  await written;
  assert.ok(received.every((byte, at) => byte === sent[at]));
  link.kill();
  link.kill();
  assert.deepEqual(await link.status, { code: 143 });
  assert.equal(await link.read(), undefined);
});
