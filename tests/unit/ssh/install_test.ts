import assert from "node:assert/strict";
import { startTransport } from "../../../lib/ssh/transport.ts";
import { bootstrapText } from "../../../lib/ssh/bootstrap_script.ts";
import { RemoteShell } from "../../../lib/ssh/remote_shell.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { FakeRemote, which } from "./fake_remote.ts";

const SIZE = 400_000;

/** A link that breaks after `bytes` bytes from here, the script included. Unbuffered, for the script waits for lines. */
function cutAfter(remote: FakeRemote, bytes: number, path: string) {
  return remote.carrier(["sh", "-c", `/bin/dd bs=1 count=${bytes} status=none | sh`], { PATH: path });
}

for (const packing of ["raw", "gzip", "zstd"]) {
  const tools = packing === "raw" ? [] : [packing];
  const ignore = tools.some((tool) => which(tool) === undefined);

  Deno.test(`install() brings the agent packed with ${packing}, without sha256sum there`, { ignore }, async () => {
    await using remote = new FakeRemote();
    const executable = await remote.agent(SIZE);
    const carrier = remote.carrier(["sh"], { PATH: remote.path(tools) });
    const { uploaded } = await remote.talk(executable, { carrier });
    assert.equal(uploaded === executable.size, packing === "raw", `${uploaded} of ${executable.size} bytes`);
    assert.deepEqual(remote.installed(), [`agent-${executable.sha256}`]);
  });

  Deno.test(`install() goes on where the link broke, packed with ${packing}`, { ignore }, async () => {
    await using remote = new FakeRemote();
    const executable = await remote.agent(SIZE);
    const path = remote.path([...tools, "sha256sum"]);
    await assert.rejects(remote.dial(executable, { carrier: cutAfter(remote, 100_000, path) }), { name: "DialError" });
    const [part] = remote.installed();
    assert.match(part, /^part-/);
    const there = Deno.statSync(`${remote.home}/.cache/outrun/${part}`).size;
    assert.ok(there > 80_000 && there < 100_000, `${there} bytes`);
    const { uploaded } = await remote.talk(executable, { carrier: remote.carrier(["sh"], { PATH: path }) });
    assert.ok(uploaded > SIZE - 100_000 && uploaded <= executable.size + 1000 - there, `${uploaded} bytes`);
    assert.deepEqual(remote.installed(), [`agent-${executable.sha256}`]);
  });

  Deno.test(`install() notices a damaged part packed with ${packing} and sends all of it`, { ignore }, async () => {
    await using remote = new FakeRemote();
    const executable = await remote.agent(SIZE);
    // Without sha256sum the packers' own checks must do.
    const path = remote.path(packing === "raw" ? ["sha256sum"] : tools);
    await assert.rejects(remote.dial(executable, { carrier: cutAfter(remote, 100_000, path) }), { name: "DialError" });
    const part = `${remote.home}/.cache/outrun/${remote.installed()[0]}`;
    const bytes = await Deno.readFile(part);
    bytes[50_000] ^= 1;
    await Deno.writeFile(part, bytes);
    const { uploaded } = await remote.talk(executable, { carrier: remote.carrier(["sh"], { PATH: path }) });
    assert.ok(uploaded > SIZE + SIZE - 100_000, `${uploaded} bytes`);
    assert.deepEqual(remote.installed(), [`agent-${executable.sha256}`]);
  });
}

Deno.test("install() gives up after two uploads with the wrong hash, and leaves nothing", async () => {
  await using remote = new FakeRemote();
  const executable = { ...await remote.agent(SIZE), sha256: "0".repeat(64) };
  await assert.rejects(remote.dial(executable), {
    name: "DialError",
    message: 'Cannot install on "fake": the upload arrived damaged twice: its SHA-256 is another',
  });
  assert.deepEqual(remote.installed(), []);
});

Deno.test("install() works twice at once", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(4_000_000);
  const both = await Promise.all([remote.talk(executable), remote.talk(executable)]);
  assert.deepEqual(both[0].said, both[1].said);
  assert.deepEqual(remote.installed(), [`agent-${executable.sha256}`]);
});

Deno.test("install() takes over what another upload has received so far, and both arrive", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(SIZE);
  const carrier = remote.carrier(["sh"], { PATH: remote.path(["sha256sum"]) });
  const bytes = await Deno.readFile(executable.path);

  const transport = startTransport(carrier);
  const shell = new RemoteShell(transport, { carrier, nonce: "n", timeoutMs: 120_000 });
  const { sha256, size } = executable;
  await shell.send(bootstrapText(["n", sha256, String(size), Deno.build.arch, "agent", "--nonce", "n"]));
  await shell.answer(["probe"]);
  await shell.send(`claim ${sha256}\n`);
  assert.deepEqual(await shell.answer(["part"]), ["part", "0"]);
  await shell.send(`put ${size} ${size} raw\n`);
  await shell.sendBytes(bytes.subarray(0, 300_000));
  await partReaches(remote, 290_000);

  const { uploaded } = await remote.talk(executable, { carrier });
  assert.ok(uploaded <= size - 290_000, `${uploaded} bytes`);

  await shell.sendBytes(bytes.subarray(300_000));
  assert.deepEqual(await shell.answer(["ok"], { slow: true }), ["ok", "checked"]);
  await shell.answer(["exec"]);
  await shell.answer(["agent"]);
  await transport.closeWrite();
  while (await transport.read());
  await transport.status;
  assert.deepEqual(remote.installed(), [`agent-${sha256}`]);
});

/** Waits until a part file has so many bytes: what went into the pipe is not on the disk at once. */
async function partReaches(remote: FakeRemote, bytes: number): Promise<void> {
  const hasReached = () => {
    const part = remote.installed().find((name) => name.startsWith("part-"));
    return part !== undefined && Deno.statSync(`${remote.home}/.cache/outrun/${part}`).size >= bytes;
  };
  await waitUntil(hasReached, { failure: "the part file does not grow" });
}
