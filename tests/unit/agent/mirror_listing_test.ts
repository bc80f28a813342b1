/** Directories read as the kernel does: in replies of limited size, each going on where the last one ended. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { Sink } from "./sink.ts";

const b = (name: string) => name as ByteString;

/** Makes files name0 … in a directory. */
function fill(fixture: Fixture, dir: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `name${i}`);
  fixture.make(Object.fromEntries(names.map((name) => [`${dir}/${name}`, name])));
  return names;
}

Deno.test("readdir() gives every name with type and number, . and .. first", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "", "dir/sub/x": "" });
  Deno.symlinkSync("to", fixture.at("dir/link"));
  const dir = await fixture.walk("dir");
  const { fh } = await fixture.mirror.opendir(dir, caller);
  const sink = new Sink();
  await fixture.mirror.readdir(dir, { fh, offset: 0n }, sink);
  const entries = sink.entries.map(({ name, ino, type }) => ({ name, ino, type }));
  assert.deepEqual(entries.slice(0, 2), [
    { name: ".", ino: fixture.stat("dir").ino, type: 4 },
    { name: "..", ino: fixture.stat(".").ino, type: 4 },
  ]);
  assert.deepEqual(entries.slice(2).sort((a, b) => a.name < b.name ? -1 : 1), [
    { name: "file", ino: fixture.stat("dir/file").ino, type: 8 },
    { name: "link", ino: fixture.stat("dir/link").ino, type: 10 },
    { name: "sub", ino: fixture.stat("dir/sub").ino, type: 4 },
  ]);
});

Deno.test("readdir() costs one round trip for a directory of usual size", async () => {
  using fixture = new Fixture();
  const names = fill(fixture, "dir", 300);
  const dir = await fixture.walk("dir");
  assert.deepEqual((await list(fixture, dir, 50)).names.sort(), names.sort());
  assert.equal(fixture.count(FileOp.READDIR), 1);
});

/** Lists a directory with sinks for `room` entries each. */
async function list(fixture: Fixture, dir: number, room: number, plus = false) {
  const { fh } = await fixture.mirror.opendir(dir, caller);
  const sinks: Sink[] = [];
  for (let offset = 0n;;) {
    const sink = new Sink({ room, plus });
    await fixture.mirror.readdir(dir, { fh, offset }, sink);
    sinks.push(sink);
    if (sink.entries.length === 0) break;
    offset = sink.entries[sink.entries.length - 1].offset;
  }
  fixture.mirror.releasedir(dir, fh);
  const entries = sinks.flatMap((sink) => sink.entries);
  return {
    entries,
    names: entries.map(({ name }) => name as string).slice(2),
    plus: sinks.flatMap((sink) => sink.plusEntries),
  };
}

for (const room of [1, 7, 100]) {
  Deno.test(`readdir() of 3000 names by ${room} gives each once, without asking for a name twice`, async () => {
    using fixture = new Fixture();
    const names = fill(fixture, "dir", 3000);
    const dir = await fixture.walk("dir");
    assert.deepEqual((await list(fixture, dir, room)).names.sort(), names.sort());
    assert.ok(fixture.count(FileOp.READDIR) < 6, `${fixture.count(FileOp.READDIR)} requests`);
  });
}

Deno.test("readdir() with attributes counts each entry as looked up, but not the one that did not fit", async () => {
  using fixture = new Fixture();
  const names = fill(fixture, "dir", 100);
  const dir = await fixture.walk("dir");
  const { plus } = await list(fixture, dir, 7, true);
  assert.equal(plus.length, names.length);
  assert.equal(fixture.mirror.tree.nodes.size, 2 + names.length);
  for (const entry of plus) fixture.mirror.forget(entry.nodeId, 1);
  assert.equal(fixture.mirror.tree.nodes.size, 2);
});

Deno.test("readdir() with attributes gives what lookup() gives", async () => {
  using fixture = new Fixture();
  fill(fixture, "dir", 10);
  const dir = await fixture.walk("dir");
  const { entries, plus } = await list(fixture, dir, 100, true);
  for (const [index, entry] of plus.entries()) {
    const found = await fixture.lookup(dir, entries[index + 2].name);
    assert.equal(entry.nodeId, found.nodeId);
    assert.deepEqual(entry.attr, found.attr);
  }
});

Deno.test("readdir() goes on at any offset that it gave", async () => {
  using fixture = new Fixture();
  fill(fixture, "dir", 2000);
  const dir = await fixture.walk("dir");
  const { entries } = await list(fixture, dir, 1000);
  const { fh } = await fixture.mirror.opendir(dir, caller);
  // telldir(3) and seekdir(3): backwards, forwards, at the dots, at the end.
  for (const index of [1500, 3, 1999, 0, 1, 2001, 700, 701, 1]) {
    const sink = new Sink({ room: 5 });
    await fixture.mirror.readdir(dir, { fh, offset: entries[index].offset }, sink);
    assert.deepEqual(sink.entries.map(({ name }) => name), entries.slice(index + 1, index + 6).map(({ name }) => name));
  }
});

Deno.test("readdir() from the start again shows what is new and what is gone", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/old": "", "dir/stays": "" });
  const dir = await fixture.walk("dir");
  const { fh } = await fixture.mirror.opendir(dir, caller);
  const names = async () => {
    const sink = new Sink();
    await fixture.mirror.readdir(dir, { fh, offset: 0n }, sink);
    return sink.entries.slice(2).map(({ name }) => name as string).sort();
  };
  assert.deepEqual(await names(), ["old", "stays"]);
  Deno.removeSync(fixture.at("dir/old"));
  fixture.make({ "dir/new": "" });
  assert.deepEqual(await names(), ["new", "stays"]);
});

Deno.test("readdir() is not disturbed by what is removed on the way, as rm -r does", async () => {
  using fixture = new Fixture();
  const names = fill(fixture, "dir", 2500);
  const dir = await fixture.walk("dir");
  const { fh } = await fixture.mirror.opendir(dir, caller);
  const seen: string[] = [];
  for (let offset = 0n;;) {
    const sink = new Sink({ room: 100 });
    await fixture.mirror.readdir(dir, { fh, offset }, sink);
    if (sink.entries.length === 0) break;
    for (const entry of sink.entries) {
      offset = entry.offset;
      if (entry.name.startsWith(".")) continue;
      seen.push(entry.name);
      await fixture.mirror.unlink(dir, entry.name);
    }
  }
  assert.deepEqual(seen.sort(), names.sort());
  await fixture.mirror.rmdir(ROOT, b("dir"));
});

Deno.test("two listings of one directory go on by themselves", async () => {
  using fixture = new Fixture();
  const names = fill(fixture, "dir", 3000);
  const dir = await fixture.walk("dir");
  const [first, second] = await Promise.all([list(fixture, dir, 64), list(fixture, dir, 41)]);
  assert.deepEqual(first.names.sort(), names.sort());
  assert.deepEqual(second.names.sort(), names.sort());
});

Deno.test("readdir() gives names that are not UTF-8", async () => {
  using fixture = new Fixture();
  await fixture.mirror.mkdir(ROOT, b("\xff\x80"), { mode: 0o700, umask: 0 }, caller);
  assert.deepEqual((await list(fixture, ROOT, 9)).names, ["\xff\x80"]);
});

Deno.test("opendir() and readdir() fail with the local errno", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/x": "" });
  const dir = await fixture.walk("dir");
  fixture.intercept = (incoming) => (incoming.fail(Errno.EACCES), true);
  await fails(Errno.EACCES, () => fixture.mirror.opendir(dir, caller));
  fixture.intercept = () => false;
  const { fh } = await fixture.mirror.opendir(dir, caller);
  fixture.mirror.releasedir(dir, fh);
  await fails(Errno.EBADF, () => fixture.mirror.readdir(dir, { fh, offset: 0n }, new Sink()));
});

Deno.test("readdir() leaves the attributes out of what was gone before it could be looked at", async () => {
  using fixture = new Fixture();
  fill(fixture, "dir", 3);
  const dir = await fixture.walk("dir");
  const { fh } = await fixture.mirror.opendir(dir, caller);
  Deno.removeSync(fixture.at("dir/name1"));
  const sink = new Sink({ plus: true });
  await fixture.mirror.readdir(dir, { fh, offset: 0n }, sink);
  assert.ok(sink.entries.length >= 4);
});
