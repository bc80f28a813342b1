import assert from "node:assert/strict";
import { startTransport } from "../../../lib/ssh/transport.ts";
import { bootstrapText } from "../../../lib/ssh/bootstrap_script.ts";
import { installText } from "../../../lib/ssh/install_script.ts";
import { RemoteShell } from "../../../lib/ssh/remote_shell.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { FakeRemote, which } from "./fake_remote.ts";

const SIZE = 400_000;

/** A link that breaks after `bytes` bytes from here, the script included. Unbuffered, for the script waits for lines. */
function cutAfter(remote: FakeRemote, bytes: number, path: string) {
  return remote.carrier(["sh", "-c", `/bin/dd bs=1 count=${bytes} status=none | sh`], { PATH: path });
}

for (const packing of ["raw", "gzip", "zstd", "xz"]) {
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
  const agent = await remote.agent(SIZE);
  const executable = { ...agent, base: { ...agent.base, sha256: "0".repeat(64) } };
  await assert.rejects(remote.dial(executable), {
    name: "DialError",
    message: 'Cannot install on "fake": the upload arrived damaged twice: its SHA-256 is another',
  });
  assert.deepEqual(remote.installed(), []);
});

Deno.test("install() sends an update without the runtime, from a copy that is whole", async () => {
  await using remote = new FakeRemote();
  const first = await remote.agent(SIZE);
  await remote.talk(first);
  const second = await remote.updated(first, "second");
  assert.ok((await remote.talk(second)).uploaded < 100);
  assert.deepEqual(await Deno.readFile(`${remote.home}/.cache/outrun/agent-${second.sha256}`), await read(second));

  // A damaged one does not disturb.
  await remote.harm(first, (bytes) => bytes[SIZE / 2] ^= 1);
  const third = await remote.updated(first, "third");
  assert.ok((await remote.talk(third)).uploaded < 100);
  for (const agent of [second, third]) await remote.harm(agent, (bytes) => bytes[SIZE / 2] ^= 1);
  const fourth = await remote.updated(first, "fourth");
  assert.ok((await remote.talk(fourth)).uploaded > SIZE);
  assert.deepEqual(await Deno.readFile(`${remote.home}/.cache/outrun/agent-${fourth.sha256}`), await read(fourth));
});

Deno.test("install() takes no runtime from elsewhere where nobody can check it", async () => {
  await using remote = new FakeRemote();
  const first = await remote.agent(SIZE);
  const carrier = remote.carrier(["sh"], { PATH: remote.path() });
  await remote.talk(first, { carrier });
  const second = await remote.updated(first, "second");
  assert.equal((await remote.talk(second, { carrier })).uploaded, second.size);
});

Deno.test("install() removes agents that nobody ran for a month, and all but three", async () => {
  await using remote = new FakeRemote();
  const folder = `${remote.home}/.cache/outrun`;
  const agents = [await remote.agent(1000)];
  for (const name of ["b", "c", "d", "e"]) agents.push(await remote.updated(agents[0], name));
  const there = () => remote.installed().map((name) => agents.findIndex(({ sha256 }) => name === `agent-${sha256}`));
  const used = async (daysAgo: Record<number, number>) => {
    for (const [index, days] of Object.entries(daysAgo)) {
      const seconds = Date.now() / 1000 - days * 24 * 3600;
      await Deno.utime(`${folder}/agent-${agents[Number(index)].sha256}`, seconds, 0);
    }
  };
  for (const index of [0, 1]) await remote.talk(agents[index]);
  await used({ 0: 29, 1: 32 });
  await remote.talk(agents[2]);
  assert.deepEqual(new Set(there()), new Set([0, 2]));
  await used({ 0: 3, 2: 2 });
  await remote.talk(agents[3]);
  assert.deepEqual(new Set(there()), new Set([0, 2, 3]));
  await used({ 0: 1, 2: 3, 3: 2 });
  await remote.talk(agents[4]);
  assert.deepEqual(new Set(there()), new Set([0, 3, 4]));
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
  const { sha256, size, base, payload } = executable;
  const args = ["agent", "--nonce", "n"];
  await shell.send(bootstrapText(["n", sha256, String(size), String(base.size), Deno.build.arch, ...args]));
  await shell.answer(["probe"]);
  await shell.send(installText(args));
  await shell.answer(["ready"]);
  await shell.send(`put ${payload.size} ${payload.size} raw payload ${payload.size} ${payload.sha256}\n`);
  await shell.sendBytes(bytes.subarray(payload.from));
  assert.deepEqual(await shell.answer(["ok"], { slow: true }), ["ok", "checked"]);
  await shell.send(`claim ${base.sha256}\n`);
  assert.deepEqual(await shell.answer(["part"]), ["part", "0"]);
  await shell.send(`put ${base.size} ${base.size} raw base ${base.size} ${base.sha256}\n`);
  await shell.sendBytes(bytes.subarray(0, 300_000));
  await partReaches(remote, 290_000);

  const { uploaded } = await remote.talk(executable, { carrier });
  assert.ok(uploaded <= size - 290_000, `${uploaded} bytes`);

  await shell.sendBytes(bytes.subarray(300_000, base.size));
  assert.deepEqual(await shell.answer(["ok"], { slow: true }), ["ok", "checked"]);
  await shell.send("run native\n");
  await shell.answer(["exec"]);
  await shell.answer(["agent"]);
  transport.closeWrite();
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

async function read({ path }: { path: string }): Promise<Uint8Array> {
  return await Deno.readFile(path);
}
