/** What the kernel knows, and that it is let go of exactly. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { Nodes, pathOf } from "../../../lib/agent/nodes.ts";
import { Errno, O_RDWR, type Stat } from "../../../lib/linux/mod.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;

/** Attributes of a regular file; `ino` tells files apart. */
function stat(ino: bigint, changes: Partial<Stat> = {}): Stat {
  const times = { atime: 1, mtime: 1, ctime: 1, btime: 1, atimeNsec: 0, mtimeNsec: 0, ctimeNsec: 0, btimeNsec: 0 };
  const rest = { nlink: 1, uid: 0, gid: 0, rdev: 0, size: 1, blocks: 8, blksize: 4096 };
  return { dev: 1, ino, mode: 0o100644, ...times, ...rest, ...changes };
}

function directory(ino: bigint): Stat {
  return stat(ino, { mode: 0o040755 });
}

Deno.test("enter() gives one node for a (dev, ino), and counts each lookup", () => {
  const nodes = new Nodes(directory(1n));
  const node = nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  assert.equal(nodes.enter(nodes.root, b("a"), { stat: stat(2n) }), node);
  assert.equal(nodes.enter(nodes.root, b("b"), { stat: stat(2n) }), node);
  assert.notEqual(nodes.enter(nodes.root, b("c"), { stat: stat(2n, { dev: 2 }) }), node);
  assert.notEqual(nodes.enter(nodes.root, b("d"), { stat: stat(3n) }), node);
  assert.equal(node.lookups, 3);
  assert.equal(nodes.size, 4);
});

Deno.test("forget() lets go of a node with its last lookup, not before", () => {
  const nodes = new Nodes(directory(1n));
  const node = nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  for (let i = 0; i < 4; i++) nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  assert.equal(nodes.forget(node.id, 2), undefined);
  assert.equal(nodes.forget(node.id, 2), undefined);
  assert.equal(nodes.get(node.id), node);
  assert.equal(nodes.forget(node.id, 1), node);
  assert.equal(nodes.get(node.id), undefined);
  assert.equal(nodes.size, 1);
  assert.equal(nodes.root.children.size, 0);
  const again = nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  assert.notEqual(again.id, node.id, "a number means one inode for ever");
});

Deno.test("forget() of the root and of what is not known does nothing", () => {
  const nodes = new Nodes(directory(1n));
  assert.equal(nodes.forget(1, 100), undefined);
  assert.equal(nodes.forget(99, 1), undefined);
  assert.equal(nodes.get(1), nodes.root);
});

Deno.test("forget() leaves no trace of a node with many names, whatever became of them", () => {
  const nodes = new Nodes(directory(1n));
  const dirs = [2n, 3n].map((ino) => nodes.enter(nodes.root, b(`dir${ino}`), { stat: directory(ino) }));
  for (const dir of dirs) {
    for (let i = 0; i < 20; i++) nodes.enter(dir, b(`name${i}`), { stat: stat(9n) });
  }
  const node = nodes.get(dirs[0].children.values().next().value?.id ?? dirs[1].children.values().next().value!.id)!;
  nodes.unlinked(dirs[1], b("name19"));
  nodes.renamed({ parent: dirs[1], name: b("name18") }, { parent: dirs[0], name: b("moved") }, false);
  assert.equal(nodes.forget(node.id, 40), node);
  assert.deepEqual(dirs.map((dir) => dir.children.size), [0, 0]);
});

Deno.test("forget() of a directory takes its names from what is in it", () => {
  const nodes = new Nodes(directory(1n));
  const dir = nodes.enter(nodes.root, b("dir"), { stat: directory(2n) });
  const node = nodes.enter(dir, b("a"), { stat: stat(9n) });
  nodes.enter(nodes.root, b("b"), { stat: stat(9n) });
  nodes.enter(dir, b("a"), { stat: stat(9n) });
  nodes.forget(dir.id, 1);
  assert.deepEqual(node.places, [{ parent: nodes.root, name: "b" }]);
});

Deno.test("a directory has one name, and leaves nothing at its former one", () => {
  const nodes = new Nodes(directory(1n));
  const dir = nodes.enter(nodes.root, b("old"), { stat: directory(2n) });
  nodes.enter(nodes.root, b("new"), { stat: directory(2n) });
  assert.deepEqual(dir.places, [{ parent: nodes.root, name: "new" }]);
  assert.deepEqual([...nodes.root.children.keys()], ["new"]);
});

Deno.test("the name that was found last is the first one, and eight are remembered", () => {
  const nodes = new Nodes(directory(1n));
  for (let i = 0; i < 12; i++) nodes.enter(nodes.root, b(`name${i}`), { stat: stat(9n) });
  const node = nodes.enter(nodes.root, b("name7"), { stat: stat(9n) });
  const names = node.places.map(({ name }) => name as string);
  assert.deepEqual(names, ["name7", "name11", "name10", "name9", "name8", "name6", "name5", "name4"]);
  assert.deepEqual([...nodes.root.children.keys()].sort(), [...names].sort());
});

Deno.test("renamed() moves, replaces and exchanges", () => {
  const nodes = new Nodes(directory(1n));
  const { root } = nodes;
  const dir = nodes.enter(root, b("dir"), { stat: directory(2n) });
  const one = nodes.enter(root, b("one"), { stat: stat(3n) });
  const two = nodes.enter(dir, b("two"), { stat: stat(4n) });
  nodes.renamed({ parent: root, name: b("one") }, { parent: dir, name: b("two") }, true);
  assert.deepEqual([root.children.get(b("one")), dir.children.get(b("two"))], [two, one]);
  nodes.renamed({ parent: root, name: b("one") }, { parent: dir, name: b("two") }, false);
  assert.deepEqual([root.children.get(b("one")), dir.children.get(b("two"))], [undefined, two]);
  assert.deepEqual([one.places, two.places], [[], [{ parent: dir, name: "two" }]]);
  // Of what the kernel does not know there is nothing to move.
  nodes.renamed({ parent: root, name: b("unknown") }, { parent: dir, name: b("two") }, false);
  assert.deepEqual(two.places, []);
});

Deno.test("enter() takes another birth, kind or content for another file, and a change of ours for none", () => {
  const nodes = new Nodes(directory(1n));
  const enter = (changes: Partial<Stat>) => nodes.enter(nodes.root, b("a"), { stat: stat(2n, changes) });
  let node = enter({});
  for (
    const changes of [{ btimeNsec: 5 }, { mode: 0o040755 }, {}, { size: 2 }, { mtime: 2 }, { mtimeNsec: 3 }, {
      ctime: 9,
    }]
  ) {
    const next = enter(changes);
    assert.notEqual(next, node, JSON.stringify(changes));
    assert.deepEqual(node.places, []);
    node = next;
  }
  node.outdate();
  assert.equal(enter({ ctime: 10 }), node, "renamed by us");
  assert.notEqual(enter({ ctime: 10, mtime: 4 }), node, "renamed by us, and written by others");
});

Deno.test("a file that was changed locally is a new node under each of its names", () => {
  const nodes = new Nodes(directory(1n));
  const old = nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  nodes.enter(nodes.root, b("b"), { stat: stat(2n) });
  const changed = nodes.enter(nodes.root, b("a"), { stat: stat(2n, { size: 9 }) });
  assert.notEqual(changed, old);
  assert.deepEqual(old.places, []);
  assert.equal(nodes.forget(old.id, 2), old);
  assert.equal(nodes.enter(nodes.root, b("b"), { stat: stat(2n, { size: 9 }) }), changed);
});

Deno.test("update() does not take over what is older than what is known", () => {
  const nodes = new Nodes(directory(1n));
  const node = nodes.enter(nodes.root, b("a"), { stat: stat(2n) }, 100);
  node.update(stat(2n, { size: 7 }), 99);
  assert.equal(node.attr.size, 1);
  assert.equal(nodes.enter(nodes.root, b("a"), { stat: stat(2n, { size: 7 }) }, 99), node);
  node.update(stat(2n, { size: 8 }), 101);
  assert.equal(node.attr.size, 8);
});

Deno.test("everything that the mirror gave out is let go of when the kernel forgets it", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/sub/file": "content", "dir/other": "" });
  const { mirror } = fixture;
  const given = new Map<number, number>();
  const take = (nodeId: number) => void given.set(nodeId, (given.get(nodeId) ?? 0) + 1);
  const look = async (parent: number, name: string) => {
    const { nodeId } = await fixture.lookup(parent, name);
    if (nodeId !== 0) take(nodeId);
    return nodeId;
  };
  const dir = await look(ROOT, "dir");
  const sub = await look(dir, "sub");
  const file = await look(sub, "file");
  for (let i = 0; i < 5; i++) await look(dir, i % 2 === 0 ? "other" : "nothing");
  take((await mirror.mkdir(dir, b("made"), { mode: 0o755, umask: 0 }, caller)).nodeId);
  const created = await fixture.create(dir, "created", O_RDWR);
  take(created.node);
  mirror.release(created.node, created.fh);
  take((await mirror.link(file, dir, b("link"), caller)).nodeId);
  await mirror.rename(dir, b("link"), { parent: sub, name: b("link"), flags: 0 });
  await mirror.unlink(dir, b("created"));
  Deno.writeTextFileSync(fixture.at("dir/sub/file"), "changed locally");
  fixture.pass();
  assert.notEqual(await look(sub, "file"), file);
  await mirror.rename(ROOT, b("dir"), { parent: ROOT, name: b("renamed"), flags: 0 });
  await look(await look(ROOT, "renamed"), "sub");
  for (const [nodeId, lookups] of [...given].reverse()) mirror.forget(nodeId, lookups);
  assert.equal(mirror.tree.nodes.size, 1);
  assert.equal(mirror.tree.nodes.root.children.size, 0);
});

Deno.test("enter() refuses a directory within itself with ELOOP, and the way up from every node ends", () => {
  const nodes = new Nodes(directory(1n));
  const a = nodes.enter(nodes.root, b("a"), { stat: directory(2n) });
  const below = nodes.enter(a, b("below"), { stat: directory(3n) });
  for (const ino of [1n, 2n, 3n]) {
    assert.ok(nodes.isAbove(below, directory(ino)));
    const refused = { errno: Errno.ELOOP };
    assert.throws(() => nodes.enter(below, b("loop"), { stat: directory(ino) }), refused);
  }
  assert.equal(pathOf(below), "/a/below");
  assert.equal(pathOf(nodes.root), "");
  nodes.renamed({ parent: nodes.root, name: b("a") }, { parent: below, name: b("a") }, false);
  assert.equal(pathOf(below), "(removed)/below");
});

Deno.test("update() fails with EIO for the attributes of another inode", () => {
  const nodes = new Nodes(directory(1n));
  const node = nodes.enter(nodes.root, b("a"), { stat: stat(2n) });
  for (const attr of [stat(3n), stat(2n, { dev: 2 })]) {
    assert.throws(() => node.update(attr), { errno: Errno.EIO });
    assert.ok(node.isOtherFile(attr));
  }
  nodes.forget(node.id, 1);
  assert.equal(nodes.ofFile(stat(2n)), undefined);
});
