import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { Errno, O_RDWR, S_IFIFO, S_IFMT, S_IFREG } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;

Deno.test("lookup() gives an entry with the local attributes", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const entry = await fixture.lookup(ROOT, "file");
  assert.deepEqual(entry.attr, { ...fixture.stat("file"), xattrNames: "" });
  assert.ok(entry.nodeId > 1 && entry.entryValid > 0 && entry.attrValid > 0);
});

Deno.test("lookup() gives a negative entry for what is not there", async () => {
  using fixture = new Fixture();
  const entry = await fixture.lookup(ROOT, "nothing");
  assert.equal(entry.nodeId, 0);
  assert.ok(entry.entryValid > 0);
});

Deno.test("lookup() takes names that are not UTF-8", async () => {
  using fixture = new Fixture();
  await fixture.mirror.mkdir(ROOT, b("\xff\x80\n"), { mode: 0o700, umask: 0 }, caller);
  assert.notEqual((await fixture.lookup(ROOT, "\xff\x80\n")).nodeId, 0);
});

Deno.test("lookup() takes names of 255 bytes, and no longer ones", async () => {
  using fixture = new Fixture();
  fixture.make({ ["n".repeat(255)]: "" });
  assert.notEqual((await fixture.lookup(ROOT, "n".repeat(255))).nodeId, 0);
  await fails(Errno.ENAMETOOLONG, () => fixture.lookup(ROOT, "n".repeat(256)));
});

Deno.test("lookup() of another errno fails with it", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const file = await fixture.walk("file");
  await fails(Errno.ESTALE, () => fixture.lookup(file, "below"));
  fixture.intercept = (incoming) => (incoming.fail(Errno.EACCES), true);
  await fails(Errno.EACCES, () => fixture.lookup(ROOT, "file"));
});

Deno.test("operations on a node that is not known fail with ESTALE", async () => {
  using fixture = new Fixture();
  await fails(Errno.ESTALE, () => fixture.mirror.getattr(99, undefined));
  await fails(Errno.ESTALE, () => fixture.lookup(99, "x"));
  await fails(Errno.ESTALE, () => fixture.mirror.unlink(99, b("x")));
  assert.equal(fixture.requests.length, 0);
});

Deno.test("symlink(), mknod() and mkdir() make what they are told, with the mode as it is", async () => {
  using fixture = new Fixture();
  const link = await fixture.mirror.symlink(ROOT, b("link"), b("to/\xff"), caller);
  assert.equal(link.attr.size, 4);
  assert.deepEqual(await fixture.mirror.readlink(link.nodeId), Uint8Array.of(0x74, 0x6f, 0x2f, 0xff));
  const fifo = await fixture.mirror.mknod(ROOT, b("fifo"), { mode: S_IFIFO | 0o606, umask: 0, rdev: 0 }, caller);
  assert.equal(fixture.stat("fifo").mode, S_IFIFO | 0o606);
  assert.equal(fifo.attr.mode & S_IFMT, S_IFIFO);
  const file = await fixture.mirror.mknod(ROOT, b("file"), { mode: S_IFREG | 0o4711, umask: 0, rdev: 0 }, caller);
  assert.equal(fixture.stat("file").mode, S_IFREG | 0o4711);
  assert.equal(await fixture.content(file.nodeId), "");
  await fixture.mirror.mkdir(ROOT, b("dir"), { mode: 0o1777, umask: 0 }, caller);
  assert.equal(fixture.stat("dir").mode & 0o7777, 0o1777);
  await fails(Errno.EEXIST, () => fixture.mirror.mkdir(ROOT, b("dir"), { mode: 0o700, umask: 0 }, caller));
});

Deno.test("what another user makes belongs to them, and what the owner makes to the owner", async () => {
  using fixture = new Fixture();
  const { uid, gid } = Deno.statSync(fixture.path);
  const other = { ...caller, uid: 1234, gid: 5678 };
  const ids = (name: string) => [fixture.stat(name).uid, fixture.stat(name).gid];
  await fixture.mirror.mkdir(ROOT, b("a"), { mode: 0o755, umask: 0 }, caller);
  await fixture.mirror.symlink(ROOT, b("b"), b("to"), other);
  const { entry } = await fixture.mirror.create(ROOT, b("c"), { flags: O_RDWR, mode: 0o600, umask: 0 }, other);
  await fixture.mirror.mknod(ROOT, b("d"), { mode: S_IFIFO | 0o600, umask: 0, rdev: 0 }, caller);
  // Only root can give files away.
  const theirs = Deno.uid() === 0 ? [1234, 5678] : [uid, gid];
  assert.deepEqual(["a", "b", "c", "d"].map(ids), [[uid, gid], theirs, theirs, [uid, gid]]);
  assert.deepEqual([entry.attr.uid, entry.attr.gid], theirs);
});

Deno.test("unlink() and rmdir() remove names below directories of any depth", async () => {
  using fixture = new Fixture();
  fixture.make({ "a/b/c/file": "", "a/b/c/other": "" });
  const c = await fixture.walk("a/b/c");
  await fixture.mirror.unlink(c, b("file"));
  await fails(Errno.ENOENT, () => fixture.mirror.unlink(c, b("file")));
  await fails(Errno.ENOTEMPTY, async () => fixture.mirror.rmdir(await fixture.walk("a/b"), b("c")));
  await fixture.mirror.unlink(c, b("other"));
  await fixture.mirror.rmdir(await fixture.walk("a/b"), b("c"));
  assert.deepEqual([...Deno.readDirSync(fixture.at("a/b"))], []);
});

Deno.test("rename() moves a node with its name", async () => {
  using fixture = new Fixture();
  fixture.make({ "a/file": "content", "b/x": "" });
  const [file, a, into] = [await fixture.walk("a/file"), await fixture.walk("a"), await fixture.walk("b")];
  await fixture.mirror.rename(a, b("file"), { parent: into, name: b("moved"), flags: 0 });
  assert.equal(Deno.readTextFileSync(fixture.at("b/moved")), "content");
  assert.equal(await fixture.content(file), "content");
  assert.equal(await fixture.walk("b/moved"), file);
  assert.equal((await fixture.lookup(a, "file")).nodeId, 0);
});

Deno.test("rename() over a file leaves that one without a name", async () => {
  using fixture = new Fixture();
  fixture.make({ new: "new", old: "old" });
  const [moved, replaced] = [await fixture.walk("new"), await fixture.walk("old")];
  const fh = await fixture.open(replaced);
  await fixture.mirror.rename(ROOT, b("new"), { parent: ROOT, name: b("old"), flags: 0 });
  assert.equal(await fixture.content(moved), "new");
  assert.equal(await fixture.read(replaced, { fh }), "old");
  fixture.mirror.release(replaced, fh);
  await fails(Errno.ESTALE, () => fixture.open(replaced));
});

Deno.test("rename() exchanges two names, of a file and a directory even", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content", "dir/below": "below" });
  const [file, dir] = [await fixture.walk("file"), await fixture.walk("dir")];
  await fixture.mirror.rename(ROOT, b("file"), { parent: ROOT, name: b("dir"), flags: 2 });
  assert.equal(await fixture.walk("dir"), file);
  assert.equal(await fixture.walk("file"), dir);
  assert.equal(await fixture.content(file), "content");
  assert.equal(await fixture.content(await fixture.walk("file/below")), "below");
});

Deno.test("rename() with RENAME_NOREPLACE fails with EEXIST and moves nothing", async () => {
  using fixture = new Fixture();
  fixture.make({ a: "a", b: "b" });
  const a = await fixture.walk("a");
  await fails(Errno.EEXIST, () => fixture.mirror.rename(ROOT, b("a"), { parent: ROOT, name: b("b"), flags: 1 }));
  assert.equal(await fixture.walk("a"), a);
  assert.equal(await fixture.content(a), "a");
});

Deno.test("rename() of a directory takes along what is below it", async () => {
  using fixture = new Fixture();
  fixture.make({ "old/deep/file": "content" });
  const file = await fixture.walk("old/deep/file");
  await fixture.mirror.rename(ROOT, b("old"), { parent: ROOT, name: b("new"), flags: 0 });
  assert.equal(await fixture.content(file), "content");
  assert.equal(await fixture.walk("new/deep/file"), file);
});

Deno.test("hard links are one node, by link() and by lookup()", async () => {
  using fixture = new Fixture();
  fixture.make({ a: "content" });
  Deno.linkSync(fixture.at("a"), fixture.at("b"));
  const node = await fixture.walk("a");
  assert.equal(await fixture.walk("b"), node);
  const entry = await fixture.mirror.link(node, ROOT, b("c"), caller);
  assert.equal(entry.nodeId, node);
  assert.equal(entry.attr.nlink, 3);
});

Deno.test("a hard link that is made or removed by the command is no change of content", async () => {
  using fixture = new Fixture();
  fixture.make({ a: "content" });
  const node = await fixture.walk("a");
  await fixture.mirror.link(node, ROOT, b("b"), caller);
  await fixture.mirror.unlink(ROOT, b("a"));
  assert.equal(await fixture.walk("b"), node);
  await fixture.mirror.rename(ROOT, b("b"), { parent: ROOT, name: b("c"), flags: 0 });
  assert.equal(await fixture.walk("c"), node);
  assert.equal(await fixture.content(node), "content");
});

Deno.test("a file with more hard links than are remembered is reachable by each", async () => {
  using fixture = new Fixture();
  fixture.make({ name0: "content" });
  const names = Array.from({ length: 20 }, (_, i) => `name${i}`);
  for (const name of names.slice(1)) Deno.linkSync(fixture.at("name0"), fixture.at(name));
  for (const name of names) await fixture.walk(name);
  for (const name of names) {
    const node = await fixture.walk(name);
    assert.equal(await fixture.content(node), "content", name);
    await fixture.mirror.unlink(ROOT, b(name));
  }
});

Deno.test("create() with O_EXCL fails where a file is, and without it opens that", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  await fails(Errno.EEXIST, () => fixture.create(ROOT, "file", O_RDWR | 0o300));
  const created = await fixture.create(ROOT, "file", O_RDWR | 0o100);
  assert.equal(created.node, node);
  assert.equal(await fixture.read(node, { fh: created.fh }), "content");
});

Deno.test("statfs() and access() ask for the very node", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "" });
  const file = await fixture.walk("dir/file");
  const { bsize, namelen } = await fixture.mirror.statfs(file);
  assert.ok(bsize > 0 && namelen === 255);
  await fixture.mirror.access(file, 4);
  Deno.removeSync(fixture.at("dir/file"));
  await fails(Errno.ESTALE, () => fixture.mirror.access(file, 4));
  assert.equal(fixture.count(FileOp.STATFS), 1);
});

Deno.test("fsyncdir() reaches the directory", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/file": "" });
  await fixture.mirror.fsyncdir(await fixture.walk("dir"), 0, false);
  assert.equal(fixture.count(FileOp.FSYNCDIR), 1);
});
