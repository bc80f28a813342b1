/** Changes are acknowledged before the local side has made them: what programs see meanwhile, and what comes of it. */
import assert from "node:assert/strict";
import type { Caller, NodeId } from "../../../lib/fuse/mod.ts";
import { Errno, O_CREAT, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import { decodeRef, FileNote, FileOp, LOGGED, ROOT_DIRECTORY } from "../../../lib/protocol/mod.ts";
import type { Incoming } from "../../../lib/rpc/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { Sink } from "./sink.ts";
import { b, bytes, create, drained, mkdir, ready, unanswered, until, writeCached } from "./write_behind_fixture.ts";

Deno.test("a tree is made without an answer of the local side, and is there when the log is drained", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const { nodeId } = await mkdir(fixture, ROOT, "d");
    await create(fixture, nodeId, "file", "content");
    const deep = await mkdir(fixture, nodeId, "deep");
    await create(fixture, deep.nodeId, "er", "deeper");
    await fixture.mirror.symlink(nodeId, b("link"), b("deep/er"), caller);
    await fixture.mirror.rename(nodeId, b("file"), { parent: deep.nodeId, name: b("moved"), flags: 0 });
    await fixture.mirror.setattr(deep.nodeId, { mode: 0o700, killSuidgid: false }, caller);
  });
  await drained(fixture);
  assert.equal(Deno.readTextFileSync(fixture.at("d/deep/moved")), "content");
  assert.equal(Deno.readTextFileSync(fixture.at("d/link")), "deeper");
  assert.equal(Deno.statSync(fixture.at("d/deep")).mode! & 0o777, 0o700);
  assert.deepEqual([...Deno.readDirSync(fixture.at("d"))].map(({ name }) => name).sort(), ["deep", "link"]);
  assert.ok(fixture.requests.filter(({ op }) => (op & LOGGED) !== 0).length >= 8);
});

Deno.test("the answer to a change of names tells of the directories: they are not asked for", async () => {
  await using fixture = await ready();
  const { nodeId } = await mkdir(fixture, ROOT, "d");
  await mkdir(fixture, nodeId, "e");
  await mkdir(fixture, nodeId, "f");
  await fixture.mirror.rename(nodeId, b("e"), { parent: ROOT, name: b("moved"), flags: 0 });
  await fixture.mirror.rmdir(nodeId, b("f"));
  await drained(fixture);
  assert.equal(fixture.count(FileOp.GETATTR), 0);
  for (const [id, path] of [[nodeId, "d"], [ROOT, "."]] as const) {
    const { attr } = await fixture.mirror.getattr(id, undefined);
    const { mtime, nlink } = Deno.statSync(fixture.at(path));
    assert.deepEqual(
      [attr.mtime * 1000 + Math.floor(attr.mtimeNsec / 1e6), attr.nlink],
      [mtime!.getTime(), nlink],
      path,
    );
  }
});

Deno.test("what is here of a file that the local side is about to open is copied without waiting", async () => {
  await using fixture = await ready();
  const node = await fixture.byPath("known/a", (id) => Promise.resolve(id));
  const source = await fixture.open(node, O_RDONLY);
  const opened = fixture.mirror.tree.file(source);
  opened.isOpening = true;
  opened.content = { isWhole: true, read: (offset, size) => bytes("a").subarray(offset, offset + size) };
  const target = await fixture.create(ROOT, "copy", O_WRONLY | O_CREAT);
  const to = { nodeId: target.node, fh: target.fh, offset: 0 };
  const copied = unanswered(
    fixture,
    () => fixture.mirror.copyFileRange(node, { fh: source, offset: 0, to, length: 100 }),
  );
  assert.equal(await copied, 1);
  await drained(fixture);
  assert.equal(Deno.readTextFileSync(fixture.at("copy")), "a");
  assert.equal(fixture.count(FileOp.COPY), 0);
});

Deno.test("what was here of a file before it was changed is not copied", async () => {
  await using fixture = await ready();
  const node = await fixture.byPath("known/a", (id) => Promise.resolve(id));
  const source = await fixture.open(node, O_RDONLY);
  const opened = fixture.mirror.tree.file(source);
  opened.isOpening = true;
  opened.content = { isWhole: true, read: (offset, size) => bytes("z").subarray(offset, offset + size) };
  opened.node.writes++;
  const target = await fixture.create(ROOT, "copy", O_WRONLY | O_CREAT);
  const to = { nodeId: target.node, fh: target.fh, offset: 0 };
  assert.equal(await fixture.mirror.copyFileRange(node, { fh: source, offset: 0, to, length: 100 }), 1);
  await drained(fixture);
  assert.equal(Deno.readTextFileSync(fixture.at("copy")), "a");
});

Deno.test("a file that is closed while it waits to be copied or read is not opened under a handle that is another's", async () => {
  await using fixture = await ready();
  const node = await fixture.walk("known/a");
  assert.equal(await fixture.content(node), "a");
  const target = await fixture.create(ROOT, "copy", O_WRONLY | O_CREAT);
  const source = await fixture.open(node, O_RDONLY);
  assert.ok(fixture.mirror.tree.file(source).openThere !== undefined);
  const to = { nodeId: target.node, fh: target.fh, offset: 0 };
  fixture.bridge.throttle(0);
  // What is not here waits for what is being made.
  await writeCached(fixture, target.node, { fh: target.fh, content: "x" });
  const copying = fixture.mirror.copyFileRange(node, { fh: source, offset: 0, to, length: 100 });
  fixture.mirror.release(node, source);
  fixture.requests.length = 0;
  await Promise.all([fails(Errno.EBADF, () => copying), drained(fixture)]);
  assert.equal(fixture.requests.filter(({ op }) => (op & ~LOGGED) === FileOp.OPEN).length, 0);
});

Deno.test("what is made can be used before the local side has answered", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const { nodeId } = await mkdir(fixture, ROOT, "d");
    const file = await create(fixture, nodeId, "file", "content");
    assert.equal((await fixture.lookup(nodeId, "file")).nodeId, file);
    assert.equal((await fixture.lookup(nodeId, "other")).nodeId, 0);
    const { attr } = await fixture.mirror.getattr(file, undefined);
    assert.deepEqual([attr.size, attr.nlink, attr.mode & 0o7777], [7, 1, 0o644]);
    const { fh } = await fixture.mirror.opendir(nodeId, caller);
    const sink = new Sink();
    await fixture.mirror.readdir(nodeId, { fh, offset: 0n }, sink);
    assert.deepEqual(sink.entries.map(({ name }) => name as string).sort(), [".", "..", "file"]);
    const again = await fixture.mirror.open(file, O_RDONLY, caller);
    fixture.mirror.release(file, again.fh);
    await fixture.mirror.unlink(nodeId, b("file"));
    assert.equal((await fixture.lookup(nodeId, "file")).nodeId, 0);
    await fixture.mirror.rmdir(ROOT, b("d"));
    assert.equal((await fixture.lookup(ROOT, "d")).nodeId, 0);
  });
  await drained(fixture);
  assert.throws(() => Deno.statSync(fixture.at("d")), Deno.errors.NotFound);
});

Deno.test("directories count the directories in them, also when those are moved", async () => {
  await using fixture = await ready();
  const nlink = async (node: NodeId) => (await fixture.mirror.getattr(node, undefined)).attr.nlink;
  const [from, to] = await unanswered(fixture, async () => {
    const [from, to] = [(await mkdir(fixture, ROOT, "from")).nodeId, (await mkdir(fixture, ROOT, "to")).nodeId];
    await mkdir(fixture, from, "d");
    assert.deepEqual([await nlink(from), await nlink(to)], [3, 2]);
    await fixture.mirror.rename(from, b("d"), { parent: to, name: b("d"), flags: 0 });
    assert.deepEqual([await nlink(from), await nlink(to)], [2, 3]);
    return [from, to];
  });
  await drained(fixture);
  assert.deepEqual([await nlink(from), await nlink(to)], [2, 3]);
});

Deno.test("a file that was read is opened again before its last handle is closed behind changes", async () => {
  await using fixture = await ready();
  const file = await fixture.walk("known/a");
  assert.equal(await fixture.content(file), "a");
  await unanswered(fixture, async () => {
    await mkdir(fixture, ROOT, "d");
    for (let i = 0; i < 3; i++) {
      const fh = await fixture.open(file);
      // It is not left to be opened here only.
      fixture.mirror.tree.file(fh).openThere!();
      fixture.mirror.release(file, fh);
    }
  });
  await drained(fixture);
  assert.equal(fixture.requests.filter(({ op }) => op === (FileOp.RELEASE | LOGGED)).length, 3);
});

Deno.test("how much room there is is asked of what was there before: changes under way cannot have removed it", async () => {
  await using fixture = await ready();
  const { nodeId } = await mkdir(fixture, ROOT, "d");
  await drained(fixture);
  fixture.requests.length = 0;
  fixture.pass(6000);
  await unanswered(fixture, () => create(fixture, nodeId, "file", "content"));
  await drained(fixture);
  const asked = fixture.requests.filter(({ op }) => op === FileOp.STATFS).map(({ body }) => decodeRef(body));
  assert.deepEqual(asked, [{ kind: "directory", dir: ROOT_DIRECTORY }]);
});

Deno.test("a directory's number is given up behind the changes that use it", async () => {
  await using fixture = await ready();
  const { nodeId: dir } = await mkdir(fixture, ROOT, "d");
  const file = await create(fixture, dir, "file");
  await drained(fixture);
  const { tree } = fixture.mirror;
  await unanswered(fixture, async () => {
    const changing = fixture.mirror.setattr(file, { mode: 0o600, killSuidgid: false }, caller);
    // As when the kernel forgets it, or there are too many; before anything is sent.
    tree.directories.release(tree.nodes.get(dir)!);
    await changing;
  });
  await drained(fixture);
  assert.equal(tree.log.failure, undefined);
  assert.equal(Deno.statSync(fixture.at("d/file")).mode! & 0o777, 0o600);
});

Deno.test("a name is changed by the local side's word behind what the log says of the file that has it", async () => {
  await using fixture = await ready();
  const { nodeId: dir } = await mkdir(fixture, ROOT, "d");
  const file = await create(fixture, dir, "file");
  await create(fixture, dir, "other");
  await drained(fixture);
  fixture.requests.length = 0;
  fixture.bridge.throttle(0);
  const { fh } = await fixture.mirror.open(file, O_WRONLY, caller);
  const exchange = fixture.mirror.rename(dir, b("file"), { parent: dir, name: b("other"), flags: 2 });
  // Neither is decided now: both name the file as it was.
  const again = Promise.resolve(fixture.mirror.open(file, O_WRONLY, caller));
  again.catch(() => {});
  await drained(fixture);
  await exchange;
  const order = fixture.requests.map(({ op }) => op).filter((op) =>
    (op & ~LOGGED) === FileOp.OPEN || op === FileOp.RENAME
  );
  assert.deepEqual(order.slice(0, 2), [FileOp.OPEN | LOGGED, FileOp.RENAME]);
  assert.ok(!order.slice(2).includes(FileOp.OPEN | LOGGED));
  await writeCached(fixture, file, { fh, content: "content" });
  await drained(fixture);
  assert.equal(fixture.mirror.tree.log.failure, undefined);
  assert.equal(Deno.readTextFileSync(fixture.at("d/other")), "content");
});

Deno.test("an inode keeps the number that programs were shown, and is the local one where they were shown none", async () => {
  await using fixture = await ready();
  const [seen, unseen] = await unanswered(fixture, async () => {
    const seen = await create(fixture, ROOT, "seen");
    const unseen = await create(fixture, ROOT, "unseen");
    return [{ node: seen, ino: (await fixture.mirror.getattr(seen, undefined)).attr.ino }, { node: unseen }];
  });
  await drained(fixture);
  assert.equal((await fixture.mirror.getattr(seen.node, undefined)).attr.ino, seen.ino);
  assert.equal((await fixture.lookup(ROOT, "seen")).attr.ino, seen.ino);
  assert.equal((await fixture.mirror.getattr(unseen.node, undefined)).attr.ino, fixture.stat("unseen").ino);
});

Deno.test("where the local side answers at once, its number is waited for", async () => {
  await using fixture = await ready({ isNear: true });
  const node = await unanswered(fixture, () => create(fixture, ROOT, "file"));
  fixture.bridge.throttle(Infinity);
  assert.equal((await fixture.mirror.getattr(node, undefined)).attr.ino, fixture.stat("file").ino);
});

Deno.test("attributes are the local side's when the changes are made", async () => {
  await using fixture = await ready();
  const node = await unanswered(fixture, async () => {
    const node = await create(fixture, ROOT, "file", "content");
    await fixture.mirror.setattr(node, { mtime: { sec: 5, nsec: 6 }, killSuidgid: false }, caller);
    await fixture.mirror.rename(ROOT, b("file"), { parent: ROOT, name: b("renamed"), flags: 0 });
    return node;
  });
  await drained(fixture);
  const { ctimeNsec, mtime, mtimeNsec, blocks } = fixture.stat("renamed");
  const { attr } = await fixture.mirror.getattr(node, undefined);
  assert.deepEqual([attr.mtime, attr.mtimeNsec, attr.ctimeNsec, attr.blocks], [mtime, mtimeNsec, ctimeNsec, blocks]);
  assert.equal(mtime, 5);
  const root = await fixture.mirror.getattr(ROOT, undefined);
  assert.equal(root.attr.mtimeNsec, fixture.stat(".").mtimeNsec);
});

Deno.test("echoes of changes that are under way do not make a file another one", async () => {
  await using fixture = await ready();
  const node = await create(fixture, ROOT, "file", "one");
  const again = await fixture.mirror.open(node, O_WRONLY | O_TRUNC, caller);
  await writeCached(fixture, node, { fh: again.fh, content: "second" });
  await fixture.applyNews();
  await fixture.mirror.flush(node, again.fh, 0n);
  fixture.mirror.release(node, again.fh);
  await drained(fixture);
  await fixture.applyNews();
  assert.equal((await fixture.lookup(ROOT, "file")).nodeId, node);
  assert.equal(fixture.notifications.length, 0);
});

Deno.test("a local change of a name that is being changed here is seen in the end", async () => {
  await using fixture = await ready();
  fixture.bridge.throttle(0);
  const node = await create(fixture, ROOT, "file", "ours");
  // The local side has made it, and its answer is on its way.
  await until(() => fixture.requests.some(({ op }) => op === (FileOp.RELEASE | LOGGED)));
  fixture.make({ theirs: "theirs!" });
  Deno.renameSync(fixture.at("theirs"), fixture.at("file"));
  const news = fixture.applyNews();
  await drained(fixture);
  await news;
  await fixture.applyNews();
  await new Promise((resolve) => setTimeout(resolve));
  const entry = await fixture.lookup(ROOT, "file");
  assert.notEqual(entry.nodeId, node);
  assert.equal(entry.attr.size, 7);
});

Deno.test("the first change that fails is the last, and it is named", async () => {
  await using fixture = await ready();
  // Nobody has told yet that the name is taken.
  fixture.make({ "new": "theirs" });
  await unanswered(fixture, async () => {
    await create(fixture, ROOT, "one");
    await mkdir(fixture, ROOT, "new");
    await create(fixture, ROOT, "two");
  });
  fixture.bridge.throttle(Infinity);
  await until(() => fixture.mirror.isDrained);
  assert.deepEqual(fixture.mirror.tree.log.failure, { path: "/new", errno: Errno.EEXIST });
  assert.equal(Deno.readTextFileSync(fixture.at("new")), "theirs");
  Deno.statSync(fixture.at("one"));
  assert.throws(() => Deno.statSync(fixture.at("two")), Deno.errors.NotFound);
  await fails(Errno.EIO, () => fixture.mirror.mkdir(ROOT, b("more"), { mode: 0o755, umask: 0 }, caller));
});

Deno.test("writes that the log has no room for keep their place in it, and are answered when they are made", async () => {
  await using fixture = await ready();
  const [MIB, COUNT] = [1 << 20, 8];
  const { node, fh } = await fixture.create(ROOT, "large", O_WRONLY | O_CREAT);
  const settled = new Set<number>();
  const write = (index: number) => {
    const data = new Uint8Array(MIB).fill(index + 1);
    return fixture.mirror.write(node, { fh, offset: index * MIB, data, cached: true }, caller).then((written) => {
      settled.add(index);
      return written;
    });
  };
  const writes = await unanswered(fixture, async () => {
    const writes = Array.from({ length: COUNT }, (_, index) => write(index));
    await Promise.all(writes.slice(0, 4));
    // Asked for behind them, and answered without them: they take no room.
    await mkdir(fixture, ROOT, "beside");
    return writes;
  });
  assert.deepEqual([...settled], [0, 1, 2, 3]);
  await drained(fixture);
  assert.deepEqual(await Promise.all(writes), writes.map(() => MIB));
  const ops = fixture.requests.map(({ op }) => op).filter((op) => (op & ~LOGGED) === FileOp.WRITE);
  assert.deepEqual(ops, writes.map(() => FileOp.WRITE | LOGGED));
  const content = Deno.readFileSync(fixture.at("large"));
  assert.ok(content.length === COUNT * MIB && content.every((byte, at) => byte === Math.floor(at / MIB) + 1));
  await unanswered(fixture, () => write(0));
  await drained(fixture);
});

Deno.test("fsync() answers when what was written before is on the local side", async () => {
  await using fixture = await ready();
  const { node, fh } = await fixture.create(ROOT, "file", O_WRONLY | O_CREAT);
  await writeCached(fixture, node, { fh, content: "content" });
  await fixture.mirror.fsync(node, fh, false, caller);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "content");
});

Deno.test("a file is closed behind all changes: a lock may go with it", async () => {
  await using fixture = await ready();
  fixture.make({ "known/lock": "" });
  const known = await fixture.walk("known");
  const lock = (await fixture.lookup(known, "lock")).nodeId;
  const fh = await fixture.open(lock);
  fixture.requests.length = fixture.notes.length = 0;
  await unanswered(fixture, async () => {
    await create(fixture, ROOT, "data", "under the lock");
    fixture.mirror.release(lock, fh);
  });
  await drained(fixture);
  assert.deepEqual(fixture.notes.filter(({ op }) => op === FileNote.RELEASE), []);
  const logged = fixture.requests.map(({ op }) => op & ~LOGGED);
  assert.ok(logged.indexOf(FileOp.WRITE) < logged.lastIndexOf(FileOp.RELEASE));
});

/** Has a local process replace a file while a change of it is under way, and LOOKUP answered by `answer` after that. */
async function replacedMeanwhile(fixture: Fixture, answer?: Uint8Array): Promise<NodeId> {
  const { node, fh } = await fixture.create(ROOT, "file", O_WRONLY | O_CREAT);
  await drained(fixture);
  await fixture.applyNews();
  fixture.requests.length = 0;
  const held: Incoming[] = [];
  fixture.intercept = (incoming) => {
    if (incoming.op === (FileOp.SETATTR | LOGGED)) held.push(incoming);
    else if (incoming.op === FileOp.LOOKUP && answer !== undefined) incoming.reply(answer);
    else return false;
    return true;
  };
  await fixture.mirror.setattr(node, { mode: 0o600, fh, killSuidgid: false }, caller);
  await until(() => held.length === 1);
  fixture.make({ theirs: "theirs!" });
  Deno.renameSync(fixture.at("theirs"), fixture.at("file"));
  await fixture.applyNews();
  fixture.serve(held[0]);
  await until(() => fixture.count(FileOp.LOOKUP) > 0);
  await new Promise((resolve) => setTimeout(resolve));
  fixture.intercept = () => false;
  return node;
}

Deno.test("news that come while a name is being changed here are looked at again", async () => {
  await using fixture = await ready();
  const node = await replacedMeanwhile(fixture);
  const entry = await fixture.lookup(ROOT, "file");
  assert.notEqual(entry.nodeId, node);
  assert.equal(entry.attr.size, 7);
});

Deno.test("a forged answer about such a name does no harm", async () => {
  await using fixture = await ready();
  await replacedMeanwhile(fixture, new Uint8Array(3));
  assert.equal(fixture.mirror.tree.log.failure, undefined);
  assert.equal((await fixture.lookup(ROOT, "known")).nodeId > 0, true);
});

const undecided: Record<string, (fixture: Fixture, known: NodeId) => unknown> = {
  "a name of which nothing is known": (fixture, known) => create(fixture, known, "new"),
  "a file that only one can make": async (fixture) => {
    await fixture.create(ROOT, "new", O_WRONLY | O_CREAT | O_EXCL);
  },
  "what looks like a lock": (fixture) => create(fixture, ROOT, "index.lock"),
  "a directory that is not known to be empty": async (fixture) => {
    await fixture.lookup(ROOT, "known");
    await fixture.mirror.rmdir(ROOT, b("first"));
  },
  "another user's file": (fixture) => {
    const other: Caller = { ...caller, uid: 1, gid: 1 };
    return fixture.mirror.mkdir(ROOT, b("other"), { mode: 0o755, umask: 0 }, other);
  },
  "a device": (fixture) => fixture.mirror.mknod(ROOT, b("fifo"), { mode: 0o010644, umask: 0, rdev: 0 }, caller),
  "an exchange": (fixture) => fixture.mirror.rename(ROOT, b("first"), { parent: ROOT, name: b("known"), flags: 2 }),
};

for (const [what, action] of Object.entries(undecided)) {
  Deno.test(`the local side decides: ${what}`, async () => {
    await using fixture = await ready();
    const known = await fixture.walk("known");
    fixture.bridge.throttle(0);
    let done = false;
    const doing = (async () => {
      await action(fixture, known);
      done = true;
    })();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
    assert.equal(done, false);
    fixture.bridge.throttle(Infinity);
    await doing;
  });
}

Deno.test("a change that the local side decides comes after those that are under way", async () => {
  await using fixture = await ready();
  const node = await create(fixture, ROOT, "file", "content");
  await fixture.mirror.rename(ROOT, b("file"), { parent: ROOT, name: b("moved"), flags: 0 });
  await fixture.mirror.rename(ROOT, b("moved"), { parent: ROOT, name: b("first"), flags: 2 });
  assert.equal(Deno.readTextFileSync(fixture.at("first")), "content");
  assert.equal((await fixture.lookup(ROOT, "first")).nodeId, node);
});

Deno.test("a link to what was made is the same file, and removing one name keeps the other", async () => {
  await using fixture = await ready();
  const node = await unanswered(fixture, async () => {
    const node = await create(fixture, ROOT, "tmp", "object");
    assert.equal((await fixture.mirror.link(node, ROOT, b("object"), caller)).nodeId, node);
    await fixture.mirror.unlink(ROOT, b("tmp"));
    return node;
  });
  await drained(fixture);
  assert.equal(Deno.readTextFileSync(fixture.at("object")), "object");
  assert.equal((await fixture.mirror.getattr(node, undefined)).attr.nlink, 1);
});

Deno.test("a thousand files are made and removed without an answer", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const { nodeId } = await mkdir(fixture, ROOT, "many");
    for (let i = 0; i < 1000; i++) {
      const node = await create(fixture, nodeId, `f${i}`);
      fixture.mirror.forget(node, 1);
    }
    for (let i = 0; i < 300; i++) {
      const entry = await fixture.lookup(nodeId, `f${i}`);
      await fixture.mirror.unlink(nodeId, b(`f${i}`));
      fixture.mirror.forget(entry.nodeId, 1);
    }
  });
  await drained(fixture);
  assert.equal([...Deno.readDirSync(fixture.at("many"))].length, 700);
});
