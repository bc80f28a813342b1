import assert from "node:assert/strict";
import { executableAt } from "../../../lib/ssh/mod.ts";
import { pack } from "../../../lib/ssh/pack.ts";
import { thisExecutable } from "../../../lib/ssh/self.ts";
import { FakeRemote, which } from "./fake_remote.ts";

Deno.test("executableAt() remembers a hash until the file changes", async () => {
  await using remote = new FakeRemote();
  const { path, sha256 } = await remote.agent(1000);
  assert.equal((await executableAt(path, remote.cache)).sha256, sha256);
  const file = `${remote.cache}/self`;
  const record = await Deno.readTextFile(file);
  const marked = "f".repeat(64);
  await Deno.writeTextFile(file, record.replace(sha256, marked));
  assert.equal((await executableAt(path, remote.cache)).sha256, marked);
  for (const nonsense of ["", "{", "[]", "null", record.replace(sha256, "x"), record.replace('"size":', '"size":-')]) {
    await Deno.writeTextFile(file, nonsense);
    assert.equal((await executableAt(path, remote.cache)).sha256, sha256, nonsense);
  }
  await Deno.writeTextFile(file, record.replace(sha256, marked));
  await Deno.utime(path, 1, 1);
  assert.equal((await executableAt(path, remote.cache)).sha256, sha256);
});

Deno.test("executableAt() does without a cache that cannot be written", async () => {
  await using remote = new FakeRemote();
  const { path, sha256, size } = await remote.agent(1000);
  assert.deepEqual(await executableAt(path, "/dev/null/outrun"), { path, sha256, size });
  assert.deepEqual(await executableAt(path, undefined), { path, sha256, size });
});

Deno.test("executableAt() names a file that is gone", async () => {
  await assert.rejects(executableAt("/nowhere/outrun", undefined), /^DialError: Cannot read .*"\/nowhere\/outrun"/);
});

Deno.test("thisExecutable() refuses to send the bare runtime", async () => {
  await assert.rejects(thisExecutable(undefined), /this is not the executable; make it with scripts\/build$/);
});

for (const packing of ["gzip", "zstd"] as const) {
  Deno.test({
    name: `pack() packs with ${packing} once, and again when the packed file is damaged`,
    ignore: which(packing) === undefined,
    async fn() {
      await using remote = new FakeRemote();
      const executable = await remote.agent(100_000);
      const packed = await pack(executable, { packing, cache: remote.cache });
      assert.equal(packed.packing, packing);
      const unpacked = await new Deno.Command(packing, { args: ["-dc", packed.path] }).output();
      assert.deepEqual(unpacked.stdout, await Deno.readFile(executable.path));

      const { ino } = await Deno.stat(packed.path);
      assert.deepEqual(await pack(executable, { packing, cache: remote.cache }), packed);
      assert.equal((await Deno.stat(packed.path)).ino, ino);

      const bytes = await Deno.readFile(packed.path);
      bytes[1000] ^= 1;
      await Deno.writeFile(packed.path, bytes);
      const again = await pack(executable, { packing, cache: remote.cache });
      bytes[1000] ^= 1;
      if (packing === "gzip") assert.deepEqual(again, packed);
      const repaired = await new Deno.Command(packing, { args: ["-dc", again.path] }).output();
      assert.deepEqual(repaired.stdout, unpacked.stdout);
      assert.deepEqual([...Deno.readDirSync(`${remote.cache}/packed`)].length, 2);
    },
  });
}

Deno.test("pack() leaves the executable as it is without a cache", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent(1000);
  for (const cache of [undefined, "/dev/null/outrun"]) {
    assert.deepEqual(await pack(executable, { packing: "gzip", cache }), { ...executable, packing: "raw" });
  }
});
