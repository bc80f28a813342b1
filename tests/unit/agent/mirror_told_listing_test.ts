/** Listings of directories that are known whole: without a request, and never of what was. */
import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { type DirSink, type Entry, type NodeId } from "../../../lib/fuse/mod.ts";
import { O_RDWR } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, Fixture } from "./mirror_fixture.ts";

/** An open directory, read as a kernel does. */
class Reader {
  readonly #fixture: Fixture;
  readonly #node: NodeId;
  readonly #fh: number;
  /** What came with the names, where it did. */
  readonly entries = new Map<string, Entry>();
  /** Where each name ends: what telldir(3) gives behind it. */
  readonly positions = new Map<string, bigint>();
  position = 0n;

  private constructor(fixture: Fixture, node: NodeId, fh: number) {
    this.#fixture = fixture;
    this.#node = node;
    this.#fh = fh;
  }

  static async open(fixture: Fixture, node: NodeId): Promise<Reader> {
    const { fh } = await fixture.mirror.opendir(node, caller);
    return new Reader(fixture, node, fh);
  }

  /** The next names, `count` at most in one call. */
  async next(count: number): Promise<string[]> {
    const names: string[] = [];
    const add = ({ name, offset }: { name: string; offset: bigint }, entry?: Entry) => {
      if (names.length === count) return false;
      names.push(name);
      this.position = offset;
      this.positions.set(name, offset);
      if (entry !== undefined) this.entries.set(name, entry);
      return true;
    };
    const sink = { plus: true, add } as unknown as DirSink;
    await this.#fixture.mirror.readdir(this.#node, { fh: this.#fh, offset: this.position }, sink);
    return names;
  }

  /** All that follow, a few at a time. */
  async rest(): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const next = await this.next(2);
      if (next.length === 0) return names.filter((name) => name !== "." && name !== "..").sort();
      names.push(...next);
    }
  }
}

/** `a` with five files, all told; nothing was asked for. */
async function told(): Promise<{ fixture: Fixture; a: NodeId }> {
  const fixture = new Fixture({ leases: true });
  fixture.make(Object.fromEntries(["1", "2", "3", "4", "5"].map((name) => [`a/${name}`, name])));
  await new Promise((resolve) => setTimeout(resolve));
  fixture.tell(fixture.pack("/a/", "/a/none"));
  return { fixture, a: await fixture.walk("a") };
}

Deno.test("a directory that is known whole is listed without a request, in pieces, from any place, and again", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  const reader = await Reader.open(fixture, a);
  const first = await reader.next(4);
  assert.deepEqual(first.slice(0, 2), [".", ".."]);
  const rest = await reader.rest();
  assert.deepEqual([...first.slice(2), ...rest].sort(), ["1", "2", "3", "4", "5"]);
  // seekdir
  reader.position = reader.positions.get(first[2])!;
  assert.deepEqual(await reader.rest(), [first[3], ...rest].sort());
  reader.position = reader.positions.get("..")!;
  assert.deepEqual(await reader.rest(), ["1", "2", "3", "4", "5"]);
  // rewinddir
  reader.position = 0n;
  assert.deepEqual(await reader.rest(), ["1", "2", "3", "4", "5"]);
  assert.equal(reader.entries.get("3")!.attr.ino, fixture.stat("a/3").ino);
  assert.ok(reader.entries.get("3")!.entryValid > 60_000);
  assert.equal(fixture.requests.length, 0);
});

Deno.test("rewinddir shows what has changed, by us and locally; what is being read has an end", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  const reader = await Reader.open(fixture, a);
  await reader.next(4);
  fixture.make({ "a/6": "" });
  Deno.removeSync(fixture.at("a/1"));
  await fixture.applyNews();
  await fixture.mirror.unlink(a, fromText("2"));
  await fixture.create(a, "7", O_RDWR);
  await reader.rest();
  reader.position = 0n;
  assert.deepEqual(await reader.rest(), ["3", "4", "5", "6", "7"]);
  assert.equal(fixture.count(FileOp.READDIR), 1, "what became of our names is not told yet: that has to be asked for");
  await fixture.applyNews();
  const again = await Reader.open(fixture, a);
  assert.deepEqual(await again.rest(), ["3", "4", "5", "6", "7"]);
  assert.equal(fixture.count(FileOp.READDIR), 1);
});

Deno.test("a place beyond the end of a listing that has become shorter is its end or leads on, and never fails", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  const reader = await Reader.open(fixture, a);
  await reader.rest();
  const end = reader.position;
  for (const name of ["1", "2", "3"]) Deno.removeSync(fixture.at(`a/${name}`));
  await fixture.applyNews();
  reader.position = 0n;
  assert.deepEqual(await reader.rest(), ["4", "5"]);
  reader.position = end;
  for (const name of await reader.rest()) assert.ok(["4", "5"].includes(name));
});

Deno.test("a name that changed after the listing was opened comes without what was told of it", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  const reader = await Reader.open(fixture, a);
  Deno.writeTextFileSync(fixture.at("a/3"), "longer than before");
  await fixture.applyNews();
  await reader.rest();
  assert.equal(reader.entries.size, 0, "the kernel looks them up");
  const again = await Reader.open(fixture, a);
  await again.rest();
  assert.equal(again.entries.get("3")!.attr.size, 18);
});

Deno.test("a file that we wrote is listed as it is, whatever is told of others meanwhile", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  const { nodeId } = await fixture.lookup(a, "3");
  const fh = await fixture.open(nodeId, O_RDWR);
  await fixture.write(nodeId, fh, "much longer");
  fixture.mirror.release(nodeId, fh);
  // News of another file, while those of ours are still on their way.
  fixture.mirror.tree.snapshots.told(
    fixture.mirror.tree.node(a),
    fromText("4"),
    { stat: fixture.stat("a/4") },
    performance.now(),
  );
  const reader = await Reader.open(fixture, a);
  await reader.rest();
  assert.equal(reader.entries.get("3")!.nodeId, nodeId);
  assert.equal(reader.entries.get("3")!.attr.size, 11);
});

Deno.test("a directory of which one name is in doubt is asked for", async () => {
  const { fixture: own, a } = await told();
  await using fixture = own;
  await fixture.mirror.unlink(a, fromText("1"));
  const reader = await Reader.open(fixture, a);
  assert.deepEqual(await reader.rest(), ["2", "3", "4", "5"]);
  assert.equal(fixture.count(FileOp.READDIR), 1);
});
