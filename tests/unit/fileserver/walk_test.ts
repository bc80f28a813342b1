/** What is told of a tree ahead of whoever walks through it, and in which order. */
import assert from "node:assert/strict";
import { toText } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import {
  AgentNote,
  decodePack,
  encodeNumber,
  encodeWalk,
  FileNote,
  FileOp,
  MAX_DATA,
  type PackRecord,
  PART_HEADER,
  type WalkIn,
} from "../../../lib/protocol/mod.ts";
import { isYoung } from "../../../lib/fileserver/walk.ts";
import { later } from "../later.ts";
import { StoppedClock } from "../stopped_clock.ts";
import { Fixture } from "./fixture.ts";

const MANY = 1 << 22;
const nothing = { walk: 1, dir: 2, budget: MANY, breadth: false, contents: false, packed: false, from: [] };
/** Longer ago than what may still change without a new time. */
const OLD = new Date(Date.now() - 60_000);

/** A tree below `top`, which the agent knows under the number 2. */
class Tree implements AsyncDisposable {
  readonly notes: number[] = [];
  readonly fixture: Fixture;
  readonly #paths = new Map([[2, "top"]]);

  /** Directories end with a slash. */
  constructor(files: Record<string, string | Uint8Array>, options: { watched?: boolean } = {}) {
    const tell = options.watched === false ? undefined : (op: number) => this.notes.push(op);
    this.fixture = new Fixture({ tell });
    Deno.mkdirSync(this.fixture.at("top"));
    for (const [name, content] of Object.entries(files)) {
      const path = this.fixture.at(`top/${name}`);
      Deno.mkdirSync(path.replace(/[^/]*$/, ""), { recursive: true });
      if (name.endsWith("/")) continue;
      Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
      Deno.utimeSync(path, OLD, OLD);
    }
    this.fixture.bind(2, "top");
  }

  ino(name: string): bigint {
    return BigInt(Deno.lstatSync(this.fixture.at(`top/${name}`)).ino!);
  }

  async ask(message: Partial<WalkIn> = {}): Promise<PackRecord[]> {
    const { source } = this.fixture.bulk(FileOp.WALK, encodeWalk({ ...nothing, ...message }));
    const { bytes, errno } = await this.fixture.drain(source);
    assert.equal(errno, 0);
    const records: PackRecord[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = new DataView(bytes.buffer).getUint32(at, true);
      at += PART_HEADER;
      records.push(...decodePack(bytes.subarray(at, at + length)));
      at += length;
    }
    return records;
  }

  /** The same as a line each, with paths below the top in place of numbers. */
  async lines(message: Partial<WalkIn> = {}): Promise<string[]> {
    return (await this.ask(message)).map((record) => this.#line(record));
  }

  #line(record: PackRecord): string {
    if (record.kind === "directory") {
      assert.ok(record.watched, "a directory is watched from before the first name in it");
      this.#paths.set(record.dir, `${this.#paths.get(record.parent)}/${toText(record.name)}`);
      return `in ${this.#paths.get(record.dir)}`;
    }
    const path = this.#paths.get(record.dir);
    assert.ok(path !== undefined, "a directory is told before what is in it");
    switch (record.kind) {
      case "entry":
        return `${record.found ? "is" : "no"} ${path}/${toText(record.name)}`;
      case "data":
        return `has ${path}/${toText(record.name)}: ${new TextDecoder().decode(record.bytes)}`;
      default:
        return `${record.kind} ${path}`;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.fixture.server.close();
    this.fixture[Symbol.dispose]();
    await closing;
  }
}

/** Lines without those that the order of a listing decides. */
function entered(lines: string[]): string[] {
  return lines.filter((line) => line.startsWith("in ") || line.startsWith("begin "));
}

Deno.test("a walk tells of all below its top, a directory with all its names before the next", async () => {
  await using tree = new Tree({ "a/x/1": "", "a/2": "", "3": "" });
  assert.deepEqual(await tree.lines(), [
    "is top/a",
    "in top/a",
    ...["is top/a/x", "is top/a/2"].sort(byListing(tree, "a")),
    "complete top/a",
    "in top/a/x",
    "is top/a/x/1",
    "complete top/a/x",
    "end top",
  ]);
});

/** In the order in which the directory is listed. */
function byListing(tree: Tree, directory: string): (one: string, other: string) => number {
  const names = [...Deno.readDirSync(tree.fixture.at(`top/${directory}`))].map(({ name }) => name);
  const place = (line: string) => names.indexOf(line.slice(line.lastIndexOf("/") + 1));
  return (one, other) => place(one) - place(other);
}

Deno.test("a walk begins where the program is, in the order in which that is the first", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `d${i}`);
  await using tree = new Tree(Object.fromEntries(names.map((name) => [`${name}/sub/file`, ""])));
  const byName = ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d0"];
  const listed = [...Deno.readDirSync(tree.fixture.at("top"))].map(({ name }) => name);
  const inodes = names.toSorted((one, other) => tree.ino(one) < tree.ino(other) ? -1 : 1);
  const lines = entered(await tree.lines({ from: [tree.ino("d1"), tree.ino("d1/sub")] }));
  const tops = lines.filter((line) => !line.endsWith("/sub")).map((line) => line.slice("in top/".length));
  const rotated = (order: string[]) => [...order.slice(order.indexOf("d1")), ...order.slice(0, order.indexOf("d1"))];
  const places = [listed, names, inodes].map((order) => order.indexOf("d1"));
  const order = [listed, names, inodes][places.indexOf(Math.min(...places))];
  assert.deepEqual(tops, rotated(order));
  assert.equal(lines[1], `${lines[0]}/sub`, "a directory is left before the next");
  assert.deepEqual(tops.toSorted(), byName.toSorted());
});

Deno.test("level by level, a walk enters the directories of one level before those of the next", async () => {
  await using tree = new Tree({ "a/x/1": "", "b/y/1": "" });
  const depths = entered(await tree.lines({ breadth: true })).map((line) => line.split("/").length);
  assert.deepEqual(depths, [2, 2, 3, 3]);
});

Deno.test("a walk ends for the time being when its budget is used up, and goes on where it was", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `d${i}`);
  await using tree = new Tree(Object.fromEntries(names.map((name) => [`${name}/file`, ""])));
  const all: string[] = [];
  let requests = 0;
  while (!all.includes("end top")) {
    requests++;
    const lines = await tree.lines({ budget: 2000 });
    assert.ok(lines.length < 60, `${lines.length} records in 2000 bytes`);
    assert.ok(requests < 20, "it does not end");
    all.push(...lines);
  }
  assert.ok(requests > 3);
  assert.equal(all.filter((line) => line.startsWith("complete")).length, 40);
  assert.deepEqual(await tree.lines({ budget: 2000 }), [], "that was all");
});

Deno.test("a walk goes on where the program is by then, and with what that has passed at the end", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `d${i}`);
  await using tree = new Tree(Object.fromEntries(names.map((name) => [`${name}/file`, ""])));
  const first = await tree.lines({ budget: 1500 });
  const pending = names.filter((name) => !first.includes(`in top/${name}`));
  assert.ok(pending.length > 3 && pending.length < 9, `${pending.length} are left`);
  const wanted = pending[2];
  const next = entered(await tree.lines({ from: [tree.ino(wanted)] }));
  assert.equal(next[0], `in top/${wanted}`);
  assert.deepEqual(next.toSorted(), pending.map((name) => `in top/${name}`).toSorted());
});

Deno.test("a directory that has a number is told under that, and not bound again", async () => {
  await using tree = new Tree({ "a/x/1": "" });
  tree.fixture.bind(3, "a", 2);
  const records = await tree.ask();
  const kinds = records.map(({ kind, dir }) => `${kind} ${dir < 10 ? dir : "x"}`);
  assert.deepEqual(kinds, [
    "entry 2",
    "begin 3",
    "entry 3",
    "complete 3",
    "directory x",
    "entry x",
    "complete x",
    "end 2",
  ]);
  // And so it is in another walk.
  const again = await tree.ask({ walk: 2 });
  assert.equal(again.filter(({ kind }) => kind === "begin").length, 2);
});

Deno.test("a directory whose number was given up is bound anew", async () => {
  await using tree = new Tree({ "a/1": "" });
  const [, first] = await tree.ask();
  assert.equal(first.kind, "directory");
  tree.fixture.notify(FileNote.UNBIND, encodeNumber(first.dir));
  const [, second] = await tree.ask({ walk: 2 });
  assert.equal(second.kind, "directory");
  assert.notEqual(second.dir, first.dir);
});

Deno.test("a walk stops in a directory whose number is given up meanwhile", async () => {
  await using tree = new Tree({ "a/1": "", "a/2": "", "b/3": "" });
  const first = await tree.ask({ budget: 1, from: [tree.ino("a")] });
  assert.ok(first.length <= 2);
  const records = [...first, ...await tree.ask({ budget: 200 })];
  for (const { kind, dir } of records) {
    if (kind === "directory") tree.fixture.notify(FileNote.UNBIND, encodeNumber(dir));
  }
  const rest = await tree.ask();
  assert.equal(rest.filter(({ kind }) => kind === "complete").length, 1);
  assert.equal(rest.at(-1)!.kind, "end");
});

Deno.test("contents come after the names, of small files that are not young, empty or open already", async () => {
  await using tree = new Tree({
    "a/small": "content",
    "a/empty": "",
    "a/large": new Uint8Array(MAX_DATA + 1),
    "a/largest": new Uint8Array(MAX_DATA).fill(65),
    "a/known": "known",
  });
  Deno.symlinkSync("small", tree.fixture.at("top/a/link"));
  using _old = later();
  Deno.writeTextFileSync(tree.fixture.at("top/a/young"), "young");
  // However long the test takes.
  const young = new Date(Date.now() + 60_000);
  Deno.utimeSync(tree.fixture.at("top/a/young"), young, young);
  tree.fixture.bind(3, "a", 2);
  tree.fixture.open(1, tree.fixture.ref("known", 3), 0);
  const data = (await tree.ask({ contents: true })).filter((record) => record.kind === "data");
  assert.deepEqual(data.map(({ name }) => name).sort(), ["largest", "small"]);
  const small = data.find(({ name }) => name === "small")!;
  assert.equal(new TextDecoder().decode(small.bytes), "content");
  assert.equal(small.stat.size, 7);
  assert.equal(data.find(({ name }) => name === "largest")!.bytes.length, MAX_DATA);
});

Deno.test("isYoung() leaves time for ticks of the kernel, and more where times are rounded", () => {
  using _clock = new StoppedClock();
  const changed = (ms: number, nsec: number) => {
    const at = Date.now() - ms;
    return { mtime: 0, mtimeNsec: 0, ctime: Math.floor(at / 1000), ctimeNsec: (at % 1000) * 1e6 + nsec };
  };
  assert.deepEqual([changed(200, 1), changed(300, 1), changed(1900, 0), changed(2100, 0)].map(isYoung), [
    ...[true, false, true, false],
  ]);
});

Deno.test("contents and directories come in the order of the listing, a directory with all below it", async () => {
  await using tree = new Tree({ "1": "one", "2": "two", "d/3": "three", "e/4": "four" });
  using _old = later();
  const listed = [...Deno.readDirSync(tree.fixture.at("top"))].map(({ name }) => name);
  const expected = listed.flatMap((name) => ({
    "1": ["has top/1: one"],
    "2": ["has top/2: two"],
    "d": ["in top/d", "has top/d/3: three"],
    "e": ["in top/e", "has top/e/4: four"],
  }[name]!));
  const lines = (await tree.lines({ contents: true })).filter((line) => /^(in|has) /.test(line));
  assert.deepEqual(lines, expected);
});

Deno.test("reading ahead does not move access times", async () => {
  await using tree = new Tree({ "a/file": "content" });
  using _old = later();
  const data = (await tree.ask({ contents: true })).filter((record) => record.kind === "data");
  assert.equal(data.length, 1);
  assert.equal(Deno.statSync(tree.fixture.at("top/a/file")).atime?.getTime(), OLD.getTime());
});

Deno.test("contents are packed only where that is allowed, and can be unpacked", async () => {
  const text = "the same again and again\n".repeat(100);
  await using tree = new Tree({ "a/file": text });
  using _old = later();
  const { loadLz4 } = await import("../../../lib/compression/mod.ts");
  const lz4 = await loadLz4();
  const dataOf = async (walk: number, packed: boolean) => {
    const data = (await tree.ask({ walk, contents: true, packed })).find((record) => record.kind === "data");
    assert.ok(data?.kind === "data");
    return data.bytes;
  };
  assert.equal((await dataOf(1, false)).length, text.length);
  // What packs is loaded beside it, the first time.
  await dataOf(2, true);
  await new Promise((resolve) => setTimeout(resolve));
  const packed = await dataOf(3, true);
  assert.ok(packed.length < text.length / 2, `${packed.length} bytes`);
  assert.equal(new TextDecoder().decode(lz4.decompress(packed, text.length)), text);
});

Deno.test("nothing is told beyond a link, or of what changed between its parent's turn and its own", async () => {
  await using tree = new Tree({ "a/1": "", "b/2": "" });
  Deno.symlinkSync("/", tree.fixture.at("top/link"));
  const first = await tree.lines({ budget: 1, from: [tree.ino("a")] });
  assert.deepEqual(first.length, 1);
  Deno.writeTextFileSync(tree.fixture.at("top/b/new"), "");
  const lines = entered(await tree.lines());
  assert.ok(!lines.includes("in top/link"));
  assert.ok(lines.includes("in top/a"));
});

Deno.test("a change in a directory that was told is told, too", async () => {
  await using tree = new Tree({ "a/1": "" });
  await tree.ask();
  tree.notes.length = 0;
  Deno.writeTextFileSync(tree.fixture.at("top/a/2"), "");
  tree.fixture.server.tellChanges();
  assert.ok(tree.notes.includes(AgentNote.CHANGED));
});

Deno.test("a walk that is being answered is not begun again; a cancelled one is", async () => {
  await using tree = new Tree({ "a/1": "" });
  const body = encodeWalk(nothing);
  const { source } = tree.fixture.bulk(FileOp.WALK, body);
  assert.equal(tree.fixture.errno(FileOp.WALK, body), Errno.EBUSY);
  source.cancel!();
  assert.equal((await tree.lines()).at(-1), "end top");
  assert.equal(tree.fixture.errno(FileOp.WALK, encodeWalk({ ...nothing, walk: 9, dir: 77 })), Errno.EBADF);
});

Deno.test("no descriptor is left of walks", async () => {
  const tree = new Tree({ "a/1": "one", "b/2": "two" });
  {
    await using own = tree;
    using _old = later();
    await own.ask({ contents: true, budget: 300 });
  }
  assert.equal(tree.fixture.descriptors(), 0);
});
