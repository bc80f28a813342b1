/** Directories that were fetched whole, and change. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { O_RDWR, O_TRUNC } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, Fixture } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;

/** Until everything that was asked is answered: bytes of the fixture's link move in microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The directory `dir`, with these files in it, fetched whole. */
async function fetched(fixture: Fixture, files: Record<string, string>): Promise<number> {
  fixture.make({ "dir/first": "", ...files });
  const dir = await fixture.walk("dir");
  for (let i = 0; i < 2; i++) await fixture.lookup(dir, "first");
  await settled();
  assert.equal(fixture.count(FileOp.READDIR), 1);
  return dir;
}

Deno.test("making and removing files in a directory has it fetched no further time, and asks for no new name", async () => {
  await using fixture = new Fixture({ leases: true });
  const dir = await fetched(fixture, {});
  const before = fixture.count(FileOp.LOOKUP);
  for (let i = 0; i < 50; i++) {
    assert.equal((await fixture.lookup(dir, `new${i}`)).nodeId, 0);
    await fixture.create(dir, `new${i}`, O_RDWR);
    assert.equal((await fixture.lookup(dir, `to${i}`)).nodeId, 0);
    await fixture.mirror.rename(dir, b(`new${i}`), { parent: dir, name: b(`to${i}`), flags: 0 });
    await fixture.mirror.unlink(dir, b(`to${i}`));
  }
  assert.equal(fixture.count(FileOp.READDIR), 1);
  assert.equal(fixture.count(FileOp.LOOKUP), before);
});

Deno.test("what we changed in a directory that was fetched whole is found as it is now", async () => {
  await using fixture = new Fixture({ leases: true });
  const dir = await fetched(fixture, { "dir/removed": "", "dir/moved": "", "dir/replaced": "old", "dir/stays": "" });
  const stays = await fixture.lookup(dir, "stays");
  await fixture.mirror.unlink(dir, b("removed"));
  await fixture.mirror.rename(dir, b("moved"), { parent: dir, name: b("replaced"), flags: 0 });
  await fixture.mirror.mkdir(dir, b("made"), { mode: 0o755, umask: 0 }, caller);
  for (const gone of ["removed", "moved"]) assert.equal((await fixture.lookup(dir, gone)).nodeId, 0, gone);
  for (const name of ["replaced", "made"]) {
    assert.equal((await fixture.lookup(dir, name)).attr.ino, fixture.stat(`dir/${name}`).ino, name);
  }
  assert.equal((await fixture.lookup(dir, "stays")).nodeId, stays.nodeId);
});

Deno.test("a new link is counted by the file's other name, also when the kernel has forgotten the file", async () => {
  await using fixture = new Fixture({ leases: true });
  const dir = await fetched(fixture, { "dir/file": "" });
  const { nodeId: file } = await fixture.mirror.lookup(dir, b("file"));
  const linked = await fixture.mirror.link(file, dir, b("other"), caller);
  assert.equal(linked.nodeId, file);
  fixture.mirror.forget(file, 2);
  assert.equal((await fixture.mirror.lookup(dir, b("file"))).attr.nlink, 2);
});

Deno.test("what changes while a directory is fetched is asked for", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "dir/first": "", "dir/removed": "" });
  const dir = await fixture.walk("dir");
  await fixture.lookup(dir, "first");
  // Has it fetched: the listing is made before the file is removed, and arrives before the answer about that.
  const second = fixture.lookup(dir, "first");
  await fixture.mirror.unlink(dir, b("removed"));
  await second;
  await settled();
  assert.equal((await fixture.lookup(dir, "removed")).nodeId, 0);
  assert.equal(fixture.count(FileOp.READDIR), 1);
  assert.equal((await fixture.lookup(dir, "never there")).nodeId, 0);
});

Deno.test("making a name asks for the directory's attributes in the same flight", async () => {
  await using fixture = new Fixture({ leases: true });
  const dir = await fetched(fixture, {});
  await fixture.create(dir, "new", O_RDWR);
  await settled();
  const before = fixture.requests.length;
  const { attr, attrValid } = await fixture.mirror.getattr(dir, undefined);
  assert.deepEqual(attr, { ...fixture.stat("dir"), xattrNames: "" });
  assert.ok(attrValid > 0);
  assert.equal(fixture.requests.length, before);
});

Deno.test("setattr() of the time of collected writes does not wait, and is no local change", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "dir/file": "old" });
  const node = await fixture.walk("dir/file");
  const fh = await fixture.open(node, O_RDWR | O_TRUNC);
  let late = () => {};
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.SETATTR) return false;
    late = () => {
      fixture.intercept = () => false;
      fixture.serve(incoming);
    };
    return true;
  };
  const { attr } = await fixture.mirror.setattr(
    node,
    { fh, mtime: { sec: 1234, nsec: 5 }, killSuidgid: false },
    caller,
  );
  assert.deepEqual([attr.mtime, attr.mtimeNsec], [1234, 5]);
  fixture.mirror.release(node, fh);
  assert.equal((await fixture.lookup(await fixture.walk("dir"), "file")).nodeId, node);
  late();
  await settled();
  assert.equal((await fixture.lookup(await fixture.walk("dir"), "file")).nodeId, node);
  assert.deepEqual((await fixture.mirror.getattr(node, undefined)).attr, {
    ...fixture.stat("dir/file"),
    xattrNames: "",
  });
});

Deno.test("what was told of a name before we changed it is not believed, what is told after that is", async () => {
  using fixture = new Fixture({ leases: true });
  const dir = await fetched(fixture, { "dir/old": "" });
  const { snapshots } = fixture.mirror.tree;
  const node = fixture.mirror.tree.node(dir);
  const before = performance.now();
  await fixture.mirror.rename(dir, b("old"), { parent: dir, name: b("new"), flags: 0 });
  snapshots.told(node, b("new"), undefined, before);
  assert.equal((await fixture.lookup(dir, "new")).attr.ino, fixture.stat("dir/new").ino);
  snapshots.told(node, b("new"), undefined, performance.now());
  assert.equal((await fixture.lookup(dir, "new")).nodeId, 0);
});
