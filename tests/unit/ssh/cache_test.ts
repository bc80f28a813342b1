import assert from "node:assert/strict";
import { executableAt } from "../../../lib/ssh/mod.ts";
import { hashFile } from "../../../lib/ssh/hash_file.ts";
import { pack, type Packed, pruneCache } from "../../../lib/ssh/pack.ts";
import { thisExecutable } from "../../../lib/ssh/self.ts";
import { FakeRemote } from "./fake_remote.ts";

Deno.test("executableAt() remembers a hash until the file changes", async () => {
  await using remote = new FakeRemote();
  const { path, sha256 } = await remote.agent(1000);
  assert.equal((await executableAt(path, remote.cache)).sha256, sha256);
  const file = `${remote.cache}/self`;
  const record = await Deno.readTextFile(file);
  const marked = "f".repeat(64);
  await Deno.writeTextFile(file, record.replace(sha256, marked));
  assert.equal((await executableAt(path, remote.cache)).sha256, marked);
  for (
    const nonsense of ["", "{", "[]", "null", record.replace(sha256, "x"), record.replaceAll('"size":', '"size":-')]
  ) {
    await Deno.writeTextFile(file, nonsense);
    assert.equal((await executableAt(path, remote.cache)).sha256, sha256, nonsense);
  }
  await Deno.writeTextFile(file, record.replace(sha256, marked));
  await Deno.utime(path, 1, 1);
  assert.equal((await executableAt(path, remote.cache)).sha256, sha256);
});

Deno.test("executableAt() does without a cache that cannot be written", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(1000);
  assert.deepEqual(await executableAt(executable.path, "/dev/null/outrun"), executable);
  assert.deepEqual(await executableAt(executable.path, undefined), executable);
});

Deno.test("executableAt() parts the payload from the runtime, where there is one", async () => {
  await using remote = new FakeRemote();
  const { path, size, base, payload } = await remote.agent(1000);
  assert.deepEqual([base.from, base.size, payload.from, payload.size], [0, size - 23, size - 23, 23]);
  assert.equal((await remote.updated(await executableAt(path, undefined), "next")).base.sha256, base.sha256);
  // No trailer; one that says more, or less, than can be.
  const bytes = await Deno.readFile(path);
  for (const length of [undefined, 0n, 15n, BigInt(size), 1n << 62n]) {
    const at = new DataView(bytes.buffer, size - 16);
    if (length === undefined) at.setUint32(0, 0);
    else at.setUint32(0, 0x501e, true);
    at.setBigUint64(8, length ?? 23n, true);
    await Deno.writeFile(path, bytes);
    const whole = await executableAt(path, undefined);
    assert.deepEqual([whole.base.size, whole.payload.size], [size, 0], `${length}`);
  }
});

Deno.test("executableAt() names a file that is gone", async () => {
  await assert.rejects(executableAt("/nowhere/outrun", undefined), /^DialError: Cannot read .*"\/nowhere\/outrun"/);
});

Deno.test("thisExecutable() refuses to send the bare runtime", async () => {
  await assert.rejects(thisExecutable(undefined), /this is not the executable; make it with scripts\/build$/);
});

for (const packing of ["gzip", "zstd", "xz"] as const) {
  const tools = [packing];

  Deno.test(`pack() packs with ${packing} once, and again when the packed file is damaged`, async () => {
    await using remote = new FakeRemote();
    const { base, path } = await remote.agent(100_000);
    const packed = await pack(base, { tools, cache: remote.cache });
    assert.equal(packed.packing, packing);
    assert.equal(packed.path, `${remote.cache}/packed/${base.sha256}.${packing}`);
    const expected = (await Deno.readFile(path)).subarray(0, base.size);
    assert.deepEqual(await unpacked(packed), expected);

    const { ino } = await Deno.stat(packed.path);
    assert.deepEqual(await pack(base, { tools, cache: remote.cache }), packed);
    assert.equal((await Deno.stat(packed.path)).ino, ino);

    const bytes = await Deno.readFile(packed.path);
    bytes[1000] ^= 1;
    await Deno.writeFile(packed.path, bytes);
    assert.deepEqual(await unpacked(await pack(base, { tools, cache: remote.cache })), expected);
    assert.deepEqual([...Deno.readDirSync(`${remote.cache}/packed`)].length, 2);
  });
}

/** What the packer makes of a packed file. */
async function unpacked({ packing, path }: Packed): Promise<Uint8Array> {
  const { success, stdout } = await new Deno.Command(packing, { args: ["-dc", path] }).output();
  assert.ok(success);
  return stdout;
}

Deno.test("pack() packs a range of the file", async () => {
  await using remote = new FakeRemote();
  const { payload, path } = await remote.agent(1000);
  const packed = await pack(payload, { tools: ["gzip"], cache: remote.cache });
  assert.deepEqual(await unpacked(packed), (await Deno.readFile(path)).subarray(payload.from));
});

Deno.test("pack() takes the smallest that is there, of those that the other machine can unpack", async () => {
  await using remote = new FakeRemote();
  const { base } = await remote.agent(1000);
  const shipped = `${remote.folder}/packed`;
  Deno.mkdirSync(shipped);
  for (const [packing, size] of [["xz", 2], ["zstd", 3]] as const) {
    const path = `${shipped}/${base.sha256}.${packing}`;
    await Deno.writeFile(path, new Uint8Array(size));
    await Deno.writeTextFile(`${path}.json`, JSON.stringify(await hashFile(path)));
  }
  const options = { cache: remote.cache, shipped };
  const chosen = async (...tools: string[]) => (await pack(base, { tools, ...options })).packing;
  assert.equal(await chosen("gzip", "zstd", "xz"), "xz");
  assert.equal(await chosen("gzip", "zstd"), "zstd");
  assert.equal(await chosen("gzip"), "gzip");
  assert.equal(await chosen(), "raw");
});

Deno.test("pack() leaves the piece as it is without a cache", async () => {
  await using remote = new FakeRemote();
  const { base } = await remote.agent(1000);
  for (const cache of [undefined, "/dev/null/outrun"]) {
    assert.deepEqual(await pack(base, { tools: ["gzip"], cache }), { ...base, packing: "raw" });
  }
});

Deno.test("pruneCache() removes what no build has used for a day", async () => {
  await using remote = new FakeRemote();
  const { base, payload } = await remote.agent(1000);
  for (const piece of [base, payload]) await pack(piece, { tools: ["gzip"], cache: remote.cache });
  const names = () => [...Deno.readDirSync(`${remote.cache}/packed`)].map(({ name }) => name.slice(0, 64));
  await pruneCache(remote.cache, [base]);
  assert.deepEqual(new Set(names()), new Set([base.sha256, payload.sha256]));
  await pruneCache(remote.cache, [base], { now: Date.now() + 25 * 3600 * 1000 });
  assert.deepEqual(new Set(names()), new Set([base.sha256]));
});
