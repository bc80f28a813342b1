/** How directories are named to the local side, and what becomes of that when they move. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { decodeBind, FileNote, FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { Sink } from "./sink.ts";

const b = (name: string) => name as ByteString;

Deno.test("a directory is bound once, with its first use, at no round trip", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/a": "", "dir/b": "" });
  const dir = await fixture.walk("dir");
  assert.equal(fixture.notes.length, 0);
  await fixture.lookup(dir, "a");
  await fixture.lookup(dir, "b");
  const { ino, dev } = fixture.stat("dir");
  assert.deepEqual(fixture.notes.map(({ op, body }) => [op, decodeBind(body)]), [
    [FileNote.BIND, { id: 2, parent: 1, name: "dir", dev, ino }],
  ]);
});

Deno.test("the number of a directory is given back when the kernel forgets it", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "" });
  const [dir, file] = [await fixture.walk("dir"), await fixture.walk("dir/file")];
  fixture.mirror.forget(file, 1);
  fixture.mirror.forget(dir, 2);
  await fixture.lookup(ROOT, "dir");
  assert.deepEqual(fixture.notes.map(({ op }) => op), [FileNote.BIND, FileNote.UNBIND]);
});

Deno.test("beyond the limit the number unused for longest is given up, and never used again", async () => {
  using fixture = new Fixture({ maxDirectories: 3 });
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) fixture.make({ [`${name}/file`]: name });
  for (let round = 0; round < 3; round++) {
    for (const name of names) {
      assert.equal(await fixture.content(await fixture.walk(`${name}/file`)), name);
      fixture.pass();
    }
  }
  const numbers = fixture.notes.filter(({ op }) => op === FileNote.BIND).map(({ body }) => decodeBind(body).id);
  assert.equal(new Set(numbers).size, numbers.length);
  const given = fixture.notes.filter(({ op }) => op === FileNote.UNBIND).length;
  assert.equal(numbers.length - given, 3);
});

Deno.test("beyond the limit a directory that is in use keeps its number", async () => {
  using fixture = new Fixture({ maxDirectories: 3 });
  for (const name of ["a", "b", "c", "d"]) fixture.make({ [`${name}/file`]: name });
  const dirs = new Map<string, number>();
  for (const name of ["a", "b", "c", "d"]) dirs.set(name, await fixture.walk(name));
  for (const name of ["a", "b", "c", "a", "d", "a"]) await fixture.lookup(dirs.get(name)!, `file of ${name}`);
  const bound = fixture.notes.filter(({ op }) => op === FileNote.BIND).map(({ body }) =>
    decodeBind(body).name as string
  );
  assert.deepEqual(bound, ["a", "b", "c", "d"]);
});

Deno.test("numbers are checked once, when a request fails", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/sub/file": "" });
  const sub = await fixture.walk("dir/sub");
  await fixture.lookup(sub, "file");
  const file = await fixture.walk("dir/sub/file");
  for (let i = 0; i < 3; i++) await fails(Errno.EEXIST, () => fixture.mirror.link(file, sub, b("file"), caller));
  // And the directory's attributes each time.
  assert.equal(fixture.count(FileOp.GETATTR), 2 + 3);
});

Deno.test("a deep path is bound from above when its numbers were given away", async () => {
  using fixture = new Fixture({ maxDirectories: 4 });
  fixture.make({ "a/b/c/d/e/f/file": "deep", "other/file": "other" });
  const file = await fixture.walk("a/b/c/d/e/f/file");
  assert.equal(await fixture.content(await fixture.walk("other/file")), "other");
  assert.equal(await fixture.content(file), "deep");
});

Deno.test("a directory that is renamed locally leads to its own files or to ESTALE, never to others", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "right", "other/file": "wrong" });
  const [dir, file] = [await fixture.walk("dir"), await fixture.walk("dir/file")];
  Deno.renameSync(fixture.at("dir"), fixture.at("moved"));
  Deno.renameSync(fixture.at("other"), fixture.at("dir"));
  // The number stands for the directory, not for its name.
  assert.equal(await fixture.content(file), "right");
  assert.equal((await fixture.lookup(dir, "file")).nodeId, file);
  fixture.pass();
  assert.equal(await fixture.cat("dir/file"), "wrong");
  assert.equal(await fixture.cat("moved/file"), "right");
});

Deno.test("a directory that was renamed locally before its first use is used by its new name", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "right" });
  const dir = await fixture.walk("dir");
  Deno.renameSync(fixture.at("dir"), fixture.at("moved"));
  await fails(Errno.ESTALE, () => fixture.lookup(dir, "file"));
  await fails(Errno.ENOENT, () => fixture.cat("dir/file"));
  assert.equal(await fixture.cat("moved/file"), "right");
});

Deno.test("a directory that was away at its first use is used once it is back", async () => {
  using fixture = new Fixture();
  fixture.make({ "a/b/file": "content" });
  const deep = await fixture.walk("a/b");
  Deno.renameSync(fixture.at("a/b"), fixture.at("away"));
  await fails(Errno.ESTALE, () => fixture.lookup(deep, "file"));
  Deno.renameSync(fixture.at("away"), fixture.at("a/b"));
  assert.equal(await fixture.cat("a/b/file"), "content");
});

Deno.test("a directory below one that was away is used once that is back", async () => {
  using fixture = new Fixture();
  fixture.make({ "a/b/c/file": "content" });
  const deep = await fixture.walk("a/b/c");
  // The numbers above are given up, so that they are bound anew.
  fixture.pass();
  for (const path of ["a/b", "a"]) fixture.mirror.forget(await fixture.walk(path), 100);
  Deno.renameSync(fixture.at("a"), fixture.at("away"));
  await fails(Errno.ESTALE, () => fixture.lookup(deep, "file"));
  Deno.renameSync(fixture.at("away"), fixture.at("a"));
  assert.equal(await fixture.cat("a/b/c/file"), "content");
});

Deno.test("a directory that may not be entered yet is used once it may", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "content" });
  const dir = await fixture.walk("dir");
  const { ino } = fixture.stat("dir");
  fixture.refuseBind = (bind) => bind.ino === ino;
  await assert.rejects(fixture.lookup(dir, "file"));
  fixture.refuseBind = () => false;
  fixture.pass();
  assert.equal(await fixture.cat("dir/file"), "content");
});

Deno.test("a directory that is replaced locally is a new node, and its files are its own", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "old" });
  const [dir, file] = [await fixture.walk("dir"), await fixture.walk("dir/file")];
  Deno.renameSync(fixture.at("dir"), fixture.at("away"));
  fixture.make({ "dir/file": "new content" });
  fixture.pass();
  assert.notEqual(await fixture.walk("dir"), dir);
  assert.equal(await fixture.cat("dir/file"), "new content");
  assert.equal(await fixture.content(file), "old");
});

Deno.test("a name that is taken by another kind of file locally is another node", async () => {
  using fixture = new Fixture();
  fixture.make({ thing: "file" });
  const file = await fixture.walk("thing");
  Deno.removeSync(fixture.at("thing"));
  Deno.mkdirSync(fixture.at("thing"));
  fixture.pass();
  assert.notEqual(await fixture.walk("thing"), file);
  await fails(Errno.ESTALE, () => fixture.mirror.getattr(file, undefined));
});

Deno.test("a directory that the command removed can be used by those who are in it", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "" });
  const dir = await fixture.walk("dir");
  await fixture.mirror.unlink(dir, b("file"));
  await fixture.mirror.rmdir(ROOT, b("dir"));
  assert.equal((await fixture.mirror.getattr(dir, undefined)).attr.nlink, 0);
  assert.equal((await fixture.lookup(dir, "file")).nodeId, 0);
  await fails(Errno.ENOENT, () => fixture.mirror.mkdir(dir, b("x"), { mode: 0o700, umask: 0 }, caller));
});

Deno.test("a directory that the command removed is empty, though it was never used", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "" });
  const dir = await fixture.walk("dir");
  Deno.removeSync(fixture.at("dir/file"));
  await fixture.mirror.rmdir(ROOT, b("dir"));
  assert.equal((await fixture.mirror.getattr(dir, undefined)).attr.nlink, 0);
  const { fh } = await fixture.mirror.opendir(dir, caller);
  const sink = new Sink();
  await fixture.mirror.readdir(dir, { fh, offset: 0n }, sink);
  assert.deepEqual(sink.entries.map(({ name }) => name), [".", ".."]);
});

Deno.test("getattr() of a directory shows at once what the command changed in it", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/x": "", "other/x": "" });
  const [dir, other] = [await fixture.walk("dir"), await fixture.walk("other")];
  const nlink = async (node: number) => (await fixture.mirror.getattr(node, undefined)).attr.nlink;
  assert.equal(await nlink(dir), 2);
  await fixture.mirror.mkdir(dir, b("below"), { mode: 0o700, umask: 0 }, caller);
  assert.equal(await nlink(dir), 3);
  await fixture.mirror.rename(dir, b("below"), { parent: other, name: b("below"), flags: 0 });
  assert.deepEqual([await nlink(dir), await nlink(other)], [2, 3]);
  await fixture.mirror.rmdir(other, b("below"));
  assert.equal(await nlink(other), 2);
});

Deno.test("what a watched directory held is not believed once it was not watched for a while", async () => {
  await using fixture = new Fixture({ leases: true, maxDirectories: 2 });
  fixture.make({ "a/file": "", "b/file": "", "c/file": "" });
  const [a, b, c] = [await fixture.walk("a"), await fixture.walk("b"), await fixture.walk("c")];
  const { directories, nodes } = fixture.mirror.tree;
  for (let i = 0; i < 4; i++) await fixture.lookup(a, "file");
  assert.ok(directories.isLeased(nodes.get(a)!));
  // The others need its number.
  await fixture.lookup(b, "file");
  await fixture.lookup(c, "file");
  assert.ok(!directories.isLeased(nodes.get(a)!));
  Deno.removeSync(fixture.at("a/file"));
  await fixture.mirror.opendir(a, caller);
  assert.ok(directories.isLeased(nodes.get(a)!));
  fixture.pass();
  assert.equal((await fixture.lookup(a, "file")).nodeId, 0);
});

Deno.test("what a directory held before the command changed something in it is not believed", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/sub/x": "" });
  const dir = await fixture.walk("dir");
  for (let i = 0; i < 4; i++) await fixture.lookup(dir, "nothing");
  const before = fixture.count(FileOp.LOOKUP);
  await fixture.lookup(dir, "nothing");
  assert.equal(fixture.count(FileOp.LOOKUP), before, "the directory is known");
  const sub = await fixture.walk("dir/sub");
  await fixture.mirror.mkdir(sub, b("below"), { mode: 0o700, umask: 0 }, caller);
  assert.equal((await fixture.mirror.getattr(sub, undefined)).attr.nlink, 3);
  assert.equal((await fixture.lookup(dir, "sub")).attr.nlink, 3);
  await fixture.mirror.mkdir(dir, b("nothing"), { mode: 0o700, umask: 0 }, caller);
  assert.notEqual((await fixture.lookup(dir, "nothing")).nodeId, 0);
  await fixture.mirror.rmdir(dir, b("nothing"));
  assert.equal((await fixture.lookup(dir, "nothing")).nodeId, 0);
});
