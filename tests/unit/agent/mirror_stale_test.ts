/** What the command sees when files change on the local side while the kernel knows them. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { Errno, O_APPEND, O_RDWR, O_WRONLY } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;

/** Has directory `dir` fetched whole: the second lookup in there does. */
async function fetchWhole(fixture: Fixture, dir: number): Promise<void> {
  await fixture.lookup(dir, "no such file");
  await fixture.lookup(dir, "no such file");
  while ((await fixture.lookup(dir, "no such file")).nodeId === 0 && fixture.count(FileOp.READDIR) === 0);
  const asked = fixture.requests.length;
  await fixture.lookup(dir, "no such file");
  assert.equal(fixture.requests.length, asked, "the directory is known");
}

for (const known of ["a file", "a file of a directory that was fetched whole"]) {
  const prepare = async (fixture: Fixture) => {
    fixture.make({ file: "old" });
    if (known !== "a file") await fetchWhole(fixture, ROOT);
    assert.equal(await fixture.cat("file"), "old");
    return await fixture.byPath("file", (node) => Promise.resolve(node));
  };

  Deno.test(`${known} that is replaced locally is read anew at once, as a new node`, async () => {
    using fixture = new Fixture();
    const old = await prepare(fixture);
    fixture.make({ other: "new content" });
    Deno.renameSync(fixture.at("other"), fixture.at("file"));
    await fails(Errno.ESTALE, () => fixture.open(old));
    assert.equal(await fixture.cat("file"), "new content");
    assert.notEqual(await fixture.walk("file"), old);
  });

  Deno.test(`${known} that is changed locally is read anew at once, as a new node`, async () => {
    using fixture = new Fixture();
    const old = await prepare(fixture);
    fixture.make({ file: "new content" });
    await fails(Errno.ESTALE, () => fixture.open(old));
    assert.equal(await fixture.cat("file"), "new content");
    assert.notEqual(await fixture.walk("file"), old);
    await fails(Errno.ESTALE, () => fixture.open(old));
  });

  Deno.test(`${known} that is removed and made again locally is read anew at once`, async () => {
    using fixture = new Fixture();
    await prepare(fixture);
    Deno.removeSync(fixture.at("file"));
    fixture.make({ file: "new" });
    assert.equal(await fixture.cat("file"), "new");
  });

  Deno.test(`${known} that is removed locally is not there at once, and not after its lifetime`, async () => {
    using fixture = new Fixture();
    await prepare(fixture);
    Deno.removeSync(fixture.at("file"));
    await fails(Errno.ENOENT, () => fixture.cat("file"));
    fixture.pass();
    await fails(Errno.ENOENT, () => fixture.cat("file"));
  });
}

Deno.test("a file that is changed locally can be appended to at once, and its content is read anew after that", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  assert.equal(await fixture.cat("file"), "old");
  const old = await fixture.walk("file");
  fixture.make({ file: "new content" });
  const { fh } = await fixture.mirror.open(old, O_WRONLY | O_APPEND, caller);
  await fixture.mirror.write(old, { fh, offset: 3, data: new TextEncoder().encode("!") }, caller);
  await fixture.mirror.flush(old, fh, 0n);
  fixture.mirror.release(old, fh);
  assert.equal(await fixture.cat("file"), "new content!");
  assert.notEqual(await fixture.walk("file"), old);
});

Deno.test("attributes of what was changed locally are told after their lifetime, by a new node", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const old = await fixture.walk("file");
  fixture.make({ file: "new content" });
  fixture.pass();
  await fails(Errno.ESTALE, () => fixture.mirror.getattr(old, undefined));
  const { attr } = await fixture.byPath("file", (node) => fixture.mirror.getattr(node, undefined));
  assert.equal(attr.size, 11);
});

Deno.test("a change that keeps size and mtime is told by ctime", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  Deno.utimeSync(fixture.at("file"), 1, 1);
  const old = await fixture.walk("file");
  // The times of a file move by the kernel's tick: until ctime is another one.
  const { ctimeNsec } = fixture.stat("file");
  while (fixture.stat("file").ctimeNsec === ctimeNsec) {
    fixture.make({ file: "new" });
    Deno.utimeSync(fixture.at("file"), 1, 1);
  }
  assert.notEqual(await fixture.walk("file"), old);
});

Deno.test("a change by the command is no reason for a new node", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR);
  await fixture.write(node, fh, "content");
  fixture.mirror.release(node, fh);
  assert.equal(await fixture.walk("file"), node);
  await fixture.mirror.setattr(node, { mode: 0o600, mtime: { sec: 5, nsec: 6 }, killSuidgid: false }, caller);
  assert.equal(await fixture.walk("file"), node);
  await fixture.mirror.setattr(node, { size: 3, killSuidgid: false }, caller);
  fixture.pass();
  assert.equal(await fixture.walk("file"), node);
  assert.equal(await fixture.content(node), "con");
});

Deno.test("a file that is renamed locally can be opened by its new name", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content", "dir/x": "" });
  assert.equal(await fixture.cat("file"), "content");
  Deno.renameSync(fixture.at("file"), fixture.at("dir/moved"));
  await fails(Errno.ENOENT, () => fixture.cat("file"));
  assert.equal(await fixture.cat("dir/moved"), "content");
});

Deno.test("a hard link stays usable when the first name is removed locally", async () => {
  using fixture = new Fixture();
  fixture.make({ a: "content" });
  Deno.linkSync(fixture.at("a"), fixture.at("b"));
  await fixture.cat("a");
  await fixture.cat("b");
  Deno.removeSync(fixture.at("a"));
  assert.equal(await fixture.cat("b"), "content");
  await fixture.byPath("b", (node) => fixture.mirror.access(node, 4));
});

Deno.test("an open file stays readable, and tells its attributes, when it is removed locally", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  Deno.removeSync(fixture.at("file"));
  fixture.pass();
  assert.equal(await fixture.read(node, { fh }), "content");
  // fstat(2) on FUSE comes without the handle.
  const { attr } = await fixture.mirror.getattr(node, undefined);
  assert.deepEqual([attr.size, attr.nlink], [7, 0]);
  assert.equal((await fixture.mirror.getattr(node, fh)).attr.nlink, 0);
});

Deno.test("an open file can be changed when the kernel knows that its name is gone", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  Deno.removeSync(fixture.at("file"));
  assert.equal((await fixture.lookup(ROOT, "file")).nodeId, 0);
  const { attr } = await fixture.mirror.setattr(node, { mode: 0o600, killSuidgid: false }, caller);
  assert.deepEqual([attr.mode & 0o7777, attr.nlink], [0o600, 0]);
  fixture.mirror.release(node, fh);
});

Deno.test("a file that the command is writing stays one node, whatever else is written there locally", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  fixture.make({ file: "changed locally" });
  fixture.pass();
  // Another inode would not have the bytes that the kernel has collected for this one.
  assert.equal(await fixture.walk("file"), node);
  await fixture.write(node, fh, "C");
  fixture.mirror.release(node, fh);
  assert.equal(await fixture.walk("file"), node);
});

Deno.test("whoever opens a file that was changed locally gets the new content, while others hold the old open", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const old = await fixture.walk("file");
  const fh = await fixture.open(old);
  fixture.make({ file: "new content" });
  fixture.pass();
  // Somebody looks at the open file: its size is the one of the content that the kernel has of it.
  assert.equal((await fixture.mirror.getattr(old, fh)).attr.size, 3);
  assert.equal((await fixture.mirror.getattr(old, undefined)).attr.size, 3);
  assert.equal(await fixture.cat("file"), "new content");
  assert.notEqual(await fixture.walk("file"), old);
});

Deno.test("a change of mode or owner by the command does not hide a local change of content", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const old = await fixture.walk("file");
  fixture.make({ file: "new content" });
  await fixture.mirror.setattr(old, { mode: 0o600, killSuidgid: false }, caller);
  fixture.pass();
  assert.equal(await fixture.cat("file"), "new content");
  assert.notEqual(await fixture.walk("file"), old);
});

Deno.test("a symbolic link that is replaced locally leads to its new target after its lifetime", async () => {
  using fixture = new Fixture();
  Deno.symlinkSync("old", fixture.at("link"));
  const target = () => fixture.byPath("link", (node) => fixture.mirror.readlink(node));
  assert.deepEqual(await target(), new TextEncoder().encode("old"));
  Deno.removeSync(fixture.at("link"));
  Deno.symlinkSync("new", fixture.at("link"));
  fixture.pass();
  assert.deepEqual(await target(), new TextEncoder().encode("new"));
});

Deno.test("unlink() of a name that was replaced locally removes what is there now, as locally", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old", other: "new" });
  await fixture.walk("file");
  Deno.renameSync(fixture.at("other"), fixture.at("file"));
  await fixture.mirror.unlink(ROOT, b("file"));
  assert.deepEqual([...Deno.readDirSync(fixture.path)], []);
});

Deno.test("what is written into a file locally leaves what is known of its directory, a new name does not", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content" });
  await fixture.walk("a/file");
  const directory = await fixture.walk("a");
  await fixture.mirror.getattr(directory, undefined);
  const asked = fixture.count(FileOp.GETATTR);
  Deno.writeTextFileSync(fixture.at("a/file"), "longer content");
  await fixture.applyNews();
  await fixture.mirror.getattr(directory, undefined);
  assert.equal(fixture.count(FileOp.GETATTR), asked);
  fixture.make({ "a/new/x": "" });
  await fixture.applyNews();
  const { attr } = await fixture.mirror.getattr(directory, undefined);
  // That comes with the news.
  assert.equal(fixture.count(FileOp.GETATTR), asked);
  assert.equal(attr.nlink, 3);
  assert.deepEqual([attr.mtime, attr.mtimeNsec], [fixture.stat("a").mtime, fixture.stat("a").mtimeNsec]);
});

Deno.test("a name that nobody has asked for is changed locally, and its directory is believed as before", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content", "a/log": "" });
  await fixture.walk("a/file");
  const directory = await fixture.walk("a");
  await fixture.mirror.getattr(directory, undefined);
  const asked = fixture.count(FileOp.GETATTR);
  Deno.writeTextFileSync(fixture.at("a/log"), "one more line");
  await fixture.applyNews();
  const { attrValid } = await fixture.mirror.getattr(directory, undefined);
  assert.equal(fixture.count(FileOp.GETATTR), asked);
  assert.ok(attrValid > 1000);
});

Deno.test("what is told of a directory while it is being changed is not believed", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "" });
  await fixture.walk("a/file");
  const directory = await fixture.walk("a");
  fixture.make({ "a/new": "" });
  const making = fixture.mirror.mkdir(directory, b("dir"), { mode: 0o755, umask: 0 }, caller);
  await fixture.applyNews();
  await making;
  const { attr } = await fixture.mirror.getattr(directory, undefined);
  assert.equal(attr.nlink, 3);
});

for (const found of ["by its name", "in a listing"]) {
  Deno.test(`a file with several names, found ${found}, is believed until it is changed by one of them`, async () => {
    await using fixture = new Fixture({ leases: true });
    fixture.make({ "a/file": "content", "elsewhere/x": "" });
    Deno.linkSync(fixture.at("a/file"), fixture.at("elsewhere/same"));
    if (found === "in a listing") await fetchWhole(fixture, await fixture.walk("a"));
    const node = await fixture.walk("a/file");
    const { attrValid } = await fixture.mirror.getattr(node, undefined);
    assert.ok(attrValid > 1000);
    assert.equal(await fixture.content(node), "content");
    fixture.pass();
    const asked = fixture.requests.length;
    await fixture.mirror.getattr(node, undefined);
    assert.equal(fixture.requests.length, asked);
    Deno.writeTextFileSync(fixture.at("elsewhere/same"), "other content");
    await fixture.applyNews();
    assert.equal(await fixture.cat("a/file"), "other content");
  });
}

Deno.test("a file with several names is believed after its directory was told again by another number", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content", "elsewhere/x": "" });
  Deno.linkSync(fixture.at("a/file"), fixture.at("elsewhere/same"));
  const a = await fixture.walk("a");
  await fixture.lookup(a, "other");
  // Told under a number of the local side's, which the agent gives back.
  fixture.tell(fixture.pack("/a/file"));
  await fixture.dropNews();
  fixture.requests.length = 0;
  const node = await fixture.walk("a/file");
  assert.equal(fixture.requests.length, 0);
  assert.ok((await fixture.mirror.getattr(node, undefined)).attrValid > 1000);
  Deno.writeTextFileSync(fixture.at("elsewhere/same"), "other content");
  await fixture.applyNews();
  assert.equal((await fixture.lookup(a, "file")).attr.size, 13);
});

for (
  const [what, change] of Object.entries<(fixture: Fixture, a: number) => Promise<unknown> | void>({
    "we have moved": (fixture, a) => fixture.mirror.rename(a, b("file"), { parent: a, name: b("moved"), flags: 0 }),
    "of which news were lost": (fixture, a) => {
      const { directories, nodes } = fixture.mirror.tree;
      fixture.loseNews();
      directories.watched(directories.number(nodes.get(a)!));
    },
  })
) {
  Deno.test(`a file with several names ${what} is believed for a second only`, async () => {
    await using fixture = new Fixture({ leases: true });
    fixture.make({ "a/file": "content", "elsewhere/x": "" });
    Deno.linkSync(fixture.at("a/file"), fixture.at("elsewhere/same"));
    const node = await fixture.walk("a/file");
    await change(fixture, await fixture.walk("a"));
    await fixture.applyNews();
    assert.ok((await fixture.mirror.getattr(node, undefined)).attrValid <= 1000);
  });
}

Deno.test("a file with several names in the root is believed where it is watched for itself only", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ file: "content" });
  for (let i = 0; i < 70; i++) Deno.linkSync(fixture.at("file"), fixture.at(`link${i}`));
  let believed = 0;
  for (const name of ["file", ...Array.from({ length: 70 }, (_, i) => `link${i}`)]) {
    if ((await fixture.lookup(ROOT, name)).attrValid > 1000) believed++;
  }
  assert.equal(believed, 64, "of a file with very many names each change would be told as often");
});

Deno.test("a file with several names is not believed once its directory is not watched any more", async () => {
  await using fixture = new Fixture({ leases: true, maxDirectories: 1 });
  fixture.make({ "a/file": "content", "elsewhere/x": "" });
  Deno.linkSync(fixture.at("a/file"), fixture.at("elsewhere/same"));
  const node = await fixture.walk("a/file");
  await fixture.walk("elsewhere/x");
  fixture.pass();
  // Its directory is watched again, and it is not.
  await fixture.mirror.getattr(node, undefined);
  Deno.writeTextFileSync(fixture.at("elsewhere/same"), "other content");
  await fixture.applyNews();
  fixture.pass();
  await fails(Errno.ESTALE, () => fixture.mirror.getattr(node, undefined));
  assert.equal(await fixture.cat("a/file"), "other content");
});
