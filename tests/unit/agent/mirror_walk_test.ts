/** Programs that walk through trees: few requests, and never what was. */
import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import type { DirSink, Entry, NodeId } from "../../../lib/fuse/mod.ts";
import { S_IFDIR, S_IFMT } from "../../../lib/linux/mod.ts";
import { decodeWalk, encodePack, FileNote, FileOp, type PackRecord, PART_HEADER } from "../../../lib/protocol/mod.ts";
import { later } from "../later.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

/** A tree of `width` directories with `width` directories each, and three files in each of those. */
function files(width: number): Record<string, string> {
  const made: Record<string, string> = {};
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      for (const name of ["1", "2", "3"]) made[`t/d${i}/e${j}/${name}`] = `${i} ${j} ${name}`;
    }
  }
  return made;
}

async function fixtureWith(made: Record<string, string>): Promise<Fixture> {
  const fixture = new Fixture({ leases: true });
  fixture.make(made);
  await settled();
  return fixture;
}

/** Until everything that was asked is answered. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** What a program finds that walks through a tree as find(1) does; `visit` may do something on the way. */
async function find(
  fixture: Fixture,
  at: { node: NodeId; path: string },
  visit: (path: string, node: NodeId, isDirectory: boolean) => Promise<void> = async () => {},
): Promise<string[]> {
  const { fh } = await fixture.mirror.opendir(at.node, caller);
  const entries: [string, Entry][] = [];
  const add = ({ name }: { name: string }, entry?: Entry) => {
    if (entry !== undefined) entries.push([name, entry]);
    return true;
  };
  await fixture.mirror.readdir(at.node, { fh, offset: 0n }, { plus: true, add } as unknown as DirSink);
  fixture.mirror.releasedir(at.node, fh);
  const found: string[] = [];
  for (const [name, { nodeId, attr }] of entries) {
    const path = `${at.path}/${name}`;
    const isDirectory = (attr.mode & S_IFMT) === S_IFDIR;
    found.push(path);
    await visit(path, nodeId, isDirectory);
    if (isDirectory) found.push(...await find(fixture, { node: nodeId, path }, visit));
  }
  return found;
}

async function findTree(fixture: Fixture, visit?: Parameters<typeof find>[2]): Promise<string[]> {
  return await find(fixture, { node: (await fixture.lookup(ROOT, "t")).nodeId, path: "t" }, visit);
}

/** The same, as it is on the disk. */
function local(fixture: Fixture, path = "t"): string[] {
  return [...Deno.readDirSync(fixture.at(path))].flatMap(({ name, isDirectory }) => [
    `${path}/${name}`,
    ...isDirectory ? local(fixture, `${path}/${name}`) : [],
  ]);
}

Deno.test("a walk through a tree costs a few requests, however many directories there are", async () => {
  await using fixture = await fixtureWith(files(9));
  const found = await findTree(fixture, settled);
  assert.deepEqual(found.toSorted(), local(fixture).toSorted());
  assert.equal(found.length, 9 + 81 + 243);
  const asked = fixture.requests.length;
  assert.ok(asked < 12, `${asked} requests for 91 directories`);
  const listings = fixture.count(FileOp.READDIR);
  assert.ok(listings <= 3, `${listings} listings`);
  assert.ok(fixture.count(FileOp.WALK) >= 1);
  // And what was told is used as what was asked for: no name is missing that is there, and no other is found.
  const t = await fixture.lookup(ROOT, "t");
  const before = fixture.requests.length;
  const deep = (await fixture.lookup((await fixture.lookup(t.nodeId, "d3")).nodeId, "e7")).nodeId;
  assert.equal((await fixture.lookup(deep, "none")).nodeId, 0);
  assert.notEqual((await fixture.lookup(deep, "2")).nodeId, 0);
  assert.equal(fixture.requests.length, before);
});

Deno.test("looking up names in one directory after the other costs no request a directory", async () => {
  // Not right below the root: what is in there does not belong together.
  const made = Object.entries(files(8)).map(([name, content]) => [`u/${name}`, content]);
  await using fixture = await fixtureWith(Object.fromEntries(made));
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) {
      for (const name of ["1", "2", "3", "none"]) {
        const e = await fixture.walk(`u/t/d${i}/e${j}`);
        assert.equal((await fixture.lookup(e, name)).nodeId !== 0, name !== "none");
        await settled();
      }
    }
  }
  const asked = fixture.requests.length;
  assert.ok(asked < 40, `${asked} requests for 72 directories`);
});

Deno.test("what is changed locally in the middle of a walk is found as it is", async () => {
  await using fixture = await fixtureWith(files(6));
  let visited = 0;
  const seen = new Map<string, bigint>();
  await findTree(fixture, async (path, node, isDirectory) => {
    await settled();
    if (isDirectory && ++visited === 4) {
      // All of it was told by now, and most of it not looked at.
      for (let i = 0; i < 6; i++) {
        for (let j = 0; j < 6; j++) {
          const at = fixture.at(`t/d${i}/e${j}`);
          Deno.removeSync(`${at}/1`);
          Deno.writeTextFileSync(`${at}/2`, "longer than it was before");
          Deno.writeTextFileSync(`${at}/new`, "");
        }
      }
      await fixture.applyNews();
      seen.clear();
    }
    if (visited >= 4 && !isDirectory) {
      const { attr } = await fixture.mirror.getattr(node, undefined);
      seen.set(path, BigInt(attr.size));
    }
  });
  // What was listed before may be of before; all that was listed later must not.
  const late = [...seen.keys()].filter((path) => path.endsWith("/new")).map((path) => path.slice(0, -"/new".length));
  assert.ok(late.length > 20, `only ${late.length} directories were looked at after the change`);
  for (const directory of late) {
    assert.ok(!seen.has(`${directory}/1`), `${directory}/1 was removed`);
    assert.equal(seen.get(`${directory}/2`), 25n);
  }
});

Deno.test("a directory that is changed while it is told is found as it is", async () => {
  await using fixture = await fixtureWith(files(3));
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.WALK) return false;
    const { dir } = decodeWalk(incoming.body);
    // A local side that tells of a directory that it does not watch, and half of another one twice.
    const t = fixture.stat("t");
    const records: PackRecord[] = [
      { kind: "begin", dir },
      { kind: "entry", dir, name: fromText("gone"), found: { stat: { ...t, ino: 1234567n } } },
      { kind: "directory", dir: 0x8000_1000, parent: dir, name: fromText("gone"), watched: false },
      { kind: "complete", dir: 0x8000_1000 },
      // Without a begin.
      { kind: "complete", dir: 77 },
      { kind: "end", dir },
    ];
    const pack = encodePack(records);
    const body = new Uint8Array(PART_HEADER + pack.length);
    new DataView(body.buffer).setUint32(0, pack.length, true);
    body.set(pack, PART_HEADER);
    incoming.reply(body);
    return true;
  };
  const found = await findTree(fixture, settled);
  assert.deepEqual(found.toSorted(), local(fixture).toSorted());
});

Deno.test("directories that nobody watches are believed for one second only", async () => {
  // No leases: nothing is watched.
  await using fixture = new Fixture();
  // However slow the machine is, no time passes but what the test lets pass.
  const now = performance.now();
  performance.now = () => now;
  fixture.make(files(4));
  await findTree(fixture, settled);
  const t = await fixture.lookup(ROOT, "t");
  const before = fixture.requests.length;
  const { nodeId } = await fixture.lookup((await fixture.lookup(t.nodeId, "d1")).nodeId, "e1");
  await fixture.lookup(nodeId, "2");
  assert.equal(fixture.requests.length, before, "it was told a moment ago");
  Deno.removeSync(fixture.at("t/d1/e1/2"));
  fixture.pass();
  assert.equal((await fixture.lookup(await fixture.walk("t/d1/e1"), "2")).nodeId, 0);
});

Deno.test("small files are read without a request each", async () => {
  await using fixture = await fixtureWith(files(5));
  using _old = later();
  const contents = new Map<string, string>();
  const found = await findTree(fixture, async (path, node, isDirectory) => {
    if (!isDirectory) contents.set(path, await fixture.content(node));
    await settled();
  });
  for (const path of found.filter((path) => /[123]$/.test(path) && contents.has(path))) {
    assert.equal(contents.get(path), Deno.readTextFileSync(fixture.at(path)));
  }
  assert.equal(contents.size, 75);
  const reads = fixture.count(FileOp.READ);
  assert.ok(reads < 12, `${reads} of 75 files were asked for`);
});

Deno.test("a content that came and is not that of the file any more is not read", async () => {
  await using fixture = await fixtureWith(files(4));
  using _old = later();
  let visited = 0;
  let changed = 0;
  await findTree(fixture, async (path, node, isDirectory) => {
    await settled();
    if (isDirectory) return;
    if (++visited === 12) {
      for (const [name] of Object.entries(files(4))) {
        // In place, with the same length; by a rename; and with its old time.
        const times = Deno.statSync(fixture.at(name));
        if (name.endsWith("2")) {
          Deno.writeTextFileSync(fixture.at("new"), "NEW");
          Deno.renameSync(fixture.at("new"), fixture.at(name));
        } else Deno.writeTextFileSync(fixture.at(name), "NEW");
        if (name.endsWith("3")) Deno.utimeSync(fixture.at(name), times.atime!, times.mtime!);
      }
      await fixture.applyNews();
    }
    if (visited < 12) return void await fixture.content(node);
    changed++;
    assert.equal(await fixture.cat(path), "NEW", path);
  });
  assert.ok(changed > 30);
});

Deno.test("what we have written ourselves is not read as it came", async () => {
  await using fixture = await fixtureWith(files(3));
  using _old = later();
  let visited = 0;
  const nodes = new Map<string, NodeId>();
  await findTree(fixture, async (path, node, isDirectory) => {
    await settled();
    if (isDirectory) return;
    nodes.set(path, node);
    if (++visited < 4) await fixture.content(node);
  });
  for (const [path, node] of nodes) {
    const fh = await fixture.open(node, 2);
    await fixture.write(node, fh, "OURS", 0);
    fixture.mirror.release(node, fh);
    assert.match(await fixture.cat(path), /^OURS/);
  }
});

Deno.test("what nobody came for is given up when there are too many walks", async () => {
  const made: Record<string, string> = {};
  for (let i = 0; i < 8; i++) {
    for (const name of ["a", "b", "c"]) made[`t${i}/${name}/x/y/file`] = "";
  }
  await using fixture = await fixtureWith(made);
  for (let i = 0; i < 8; i++) {
    for (const path of [`t${i}`, `t${i}/a`]) {
      const node = await fixture.walk(path);
      const { fh } = await fixture.mirror.opendir(node, caller);
      fixture.mirror.releasedir(node, fh);
      await settled();
    }
  }
  const given = fixture.notes.filter(({ op }) => op === FileNote.UNBIND).length;
  assert.ok(given >= 4 * 6, `${given} numbers were given up`);
  // And what was given up is found all the same.
  for (let i = 0; i < 8; i++) assert.ok(await fixture.walk(`t${i}/c/x/y/file`));
});
