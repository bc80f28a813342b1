/** What the local side tells ahead: names that are answered without a request, and never as they were before. */
import assert from "node:assert/strict";
import { DecodeError, fromText } from "../../../lib/bytes/mod.ts";
import type { KnownChunk } from "../../../lib/agent/contents.ts";
import { Errno, O_RDWR, O_TRUNC } from "../../../lib/linux/mod.ts";
import { decodeNumber, FileNote, FileOp, FIRST_LOCAL_DIRECTORY, type PackRecord } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";

const digest = "0".repeat(64);

/** Until everything that was asked is answered. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function fixtureWith(files: Record<string, string>, options = {}): Promise<Fixture> {
  const fixture = new Fixture({ leases: true, ...options });
  fixture.make(files);
  await settled();
  return fixture;
}

function only(records: readonly PackRecord[], kind: PackRecord["kind"]): PackRecord[] {
  return records.filter((record) => record.kind === kind);
}

Deno.test("names that were told are found without a request, and so it is told that others are missing", async () => {
  await using fixture = await fixtureWith({ "a/b/file": "content", "a/b/other": "" });
  Deno.symlinkSync("b/file", fixture.at("a/link"));
  fixture.tell(fixture.pack("/a/b/file", "/a/b/missing", "/a/link", "/none/below"));
  const b = await fixture.walk("a/b");
  const { attr, attrValid, entryValid } = await fixture.lookup(b, "file");
  assert.deepEqual(attr, { ...fixture.stat("a/b/file"), xattrNames: "" });
  assert.ok(attrValid > 60_000 && entryValid > 60_000, "what changes is told");
  assert.equal((await fixture.lookup(b, "missing")).nodeId, 0);
  assert.equal((await fixture.lookup(ROOT, "none")).nodeId, 0);
  const link = await fixture.walk("a/link");
  assert.equal(new TextDecoder().decode(await fixture.mirror.readlink(link)), "b/file");
  assert.equal(fixture.requests.length, 0);
  // Nothing was said of this one.
  assert.notEqual((await fixture.lookup(b, "other")).nodeId, 0);
  assert.equal(fixture.count(FileOp.LOOKUP), 1);
});

Deno.test("a directory of which all names were told is listed without a request, and has no others", async () => {
  await using fixture = await fixtureWith({ "a/1": "", "a/2": "", "a/sub/x": "" });
  fixture.tell(fixture.pack("/a/"));
  const a = await fixture.walk("a");
  assert.equal((await fixture.lookup(a, "3")).nodeId, 0);
  const { fh } = await fixture.mirror.opendir(a, caller);
  const names: string[] = [];
  const add = ({ name }: { name: string }) => names.push(name) > 0;
  await fixture.mirror.readdir(a, { fh, offset: 0n }, { plus: true, add } as never);
  assert.deepEqual(names.sort(), [".", "..", "1", "2", "sub"]);
  assert.equal(fixture.requests.length, 0);
});

Deno.test("a directory of which some names were told is listed once, and then known whole", async () => {
  await using fixture = await fixtureWith({ "a/1": "", "a/2": "" });
  fixture.tell(fixture.pack("/a/1"));
  const a = await fixture.walk("a");
  for (let i = 0; i < 3; i++) await fixture.mirror.opendir(a, caller);
  assert.equal((await fixture.lookup(a, "3")).nodeId, 0);
  assert.deepEqual(fixture.requests.map(({ op }) => op), [FileOp.READDIR]);
});

for (const order of ["before the kernel comes", "after the kernel came", "while the kernel comes"]) {
  Deno.test(`names are told ${order}: found without a request`, async () => {
    await using fixture = await fixtureWith({ "a/b/file": "" });
    const records = fixture.pack("/a/b/file");
    const half = order === "while the kernel comes" ? records.findIndex(({ kind }) => kind === "directory") + 1 : 0;
    if (order !== "after the kernel came") fixture.tell(half > 0 ? records.slice(0, half) : records);
    const a = await fixture.walk("a");
    const before = fixture.requests.length;
    if (order === "after the kernel came") fixture.tell(records);
    else if (half > 0) fixture.tell(records.slice(half));
    const b = await fixture.lookup(a, "b");
    assert.notEqual((await fixture.lookup(b.nodeId, "file")).nodeId, 0);
    assert.equal(fixture.requests.length, before);
  });
}

Deno.test("a request uses the number that the local side gave", async () => {
  await using fixture = await fixtureWith({ "a/file": "content" });
  fixture.tell(fixture.pack("/a/file"));
  const node = await fixture.walk("a/file");
  assert.equal(await fixture.content(node), "content");
  assert.equal(fixture.notes.filter(({ op }) => op === FileNote.BIND).length, 0);
});

const changes: Record<string, { local(at: (name: string) => string): void; ends: string | undefined }> = {
  "removed": { local: (at) => Deno.removeSync(at("a/file")), ends: undefined },
  "replaced": {
    local: (at) => {
      Deno.writeTextFileSync(at("new"), "new");
      Deno.renameSync(at("new"), at("a/file"));
    },
    ends: "new",
  },
  "edited in place": { local: (at) => Deno.writeTextFileSync(at("a/file"), "new"), ends: "new" },
};

for (const [how, { local, ends }] of Object.entries(changes)) {
  for (const when of ["before the kernel comes", "after it came", "before the name is told"]) {
    Deno.test(`a file that was told and ${how} locally ${when} is found as it is`, async () => {
      await using fixture = await fixtureWith({ "a/file": "old" });
      const records = fixture.pack("/a/file");
      const early = when === "before the name is told" ? records.slice(0, -1) : records;
      fixture.tell(early);
      if (when === "after it came") assert.equal(await fixture.content(await fixture.walk("a/file")), "old");
      local((name) => fixture.at(name));
      await fixture.applyNews();
      fixture.tell(records.slice(early.length));
      const { nodeId, attr } = await fixture.lookup(await fixture.walk("a"), "file");
      assert.equal(nodeId === 0, ends === undefined);
      if (ends !== undefined) assert.equal(attr.ctimeNsec, fixture.stat("a/file").ctimeNsec);
      if (ends === undefined) await fails(Errno.ENOENT, () => fixture.cat("a/file"));
      else assert.equal(await fixture.cat("a/file"), ends);
    });
  }
}

Deno.test("what is told late of a name that we changed is older than that", async (t) => {
  const ours: Record<string, (fixture: Fixture, a: number) => unknown> = {
    removed: (fixture, a) => fixture.mirror.unlink(a, fromText("file")),
    renamed: (fixture, a) => fixture.mirror.rename(a, fromText("file"), { parent: a, name: fromText("x"), flags: 0 }),
    written: async (fixture, a) => {
      const { nodeId } = await fixture.lookup(a, "file");
      const fh = await fixture.open(nodeId, O_RDWR | O_TRUNC);
      await fixture.write(nodeId, fh, "ours");
      fixture.mirror.release(nodeId, fh);
    },
  };
  for (const [what, change] of Object.entries(ours)) {
    await t.step(what, async () => {
      await using fixture = await fixtureWith({ "a/file": "old, and longer" });
      const records = fixture.pack("/a/file", "/a/later");
      const file = records.findIndex((record) => record.kind === "entry" && record.name === "file");
      fixture.tell(records.slice(0, file));
      await change(fixture, await fixture.walk("a"));
      fixture.tell(records.slice(file));
      // Another name's news make nothing of the late record newer.
      Deno.writeTextFileSync(fixture.at("a/another"), "");
      await fixture.applyNews();
      if (what === "written") assert.equal(await fixture.cat("a/file"), "ours");
      else await fails(Errno.ENOENT, () => fixture.cat("a/file"));
    });
  }
});

Deno.test("a late record of a name that is gone is no mistake, and those behind it count", async (t) => {
  for (const how of ["locally", "by us"]) {
    await t.step(how, async () => {
      await using fixture = await fixtureWith({ "a/file": "", "a/sub/x": "", "a/last": "" });
      const records = fixture.pack("/a/file", "/a/sub/x", "/a/last");
      const { dir, name } = records.find((record) => record.kind === "entry" && record.name === "file") as never;
      const late = records.filter((record) => record.kind === "directory" && record.name === "sub");
      const last = records.filter((record) => record.kind === "entry" && record.name === "last");
      fixture.tell(records.filter((record) => !late.includes(record) && !last.includes(record) && !isBelow(record)));
      if (how === "locally") {
        Deno.removeSync(fixture.at("a/sub"), { recursive: true });
        Deno.removeSync(fixture.at("a/file"));
      } else {
        const a = await fixture.walk("a");
        await fixture.mirror.rename(a, fromText("sub"), { parent: a, name: fromText("sub2"), flags: 0 });
        await fixture.mirror.unlink(a, fromText("file"));
      }
      await fixture.applyNews();
      fixture.tell([...late, { kind: "content", dir, name, chunk: 0, digest }, ...last]);
      const before = fixture.count(FileOp.LOOKUP);
      const a = await fixture.walk("a");
      assert.notEqual((await fixture.lookup(a, "last")).nodeId, 0);
      assert.equal(fixture.count(FileOp.LOOKUP), before, "the last record was taken");
      await fails(Errno.ENOENT, () => fixture.cat("a/file"));
      await fails(Errno.ENOENT, () => fixture.cat("a/sub"));
    });
  }
  function isBelow(record: PackRecord): boolean {
    return record.kind === "entry" && record.name === "x";
  }
});

Deno.test("the digest of a file is for the file as it was told, not as it is by now", async () => {
  const known: KnownChunk[] = [];
  const contents = { know: (chunk: KnownChunk) => known.push(chunk), of: () => undefined };
  await using fixture = await fixtureWith({ "a/file": "old" }, { contents });
  const records = fixture.pack("/a/file");
  const told = fixture.stat("a/file");
  fixture.tell(records);
  fixture.make({ "a/file": "new" });
  await fixture.applyNews();
  const { dir, name } = records[records.length - 1] as Extract<PackRecord, { kind: "entry" }>;
  fixture.tell([{ kind: "content", dir, name, chunk: 3, digest }]);
  assert.deepEqual(known, [
    { path: "/a/file", dir, name: "file", chunk: 3, digest, stat: { ...told, xattrNames: "" } },
  ]);
  assert.notEqual(fixture.stat("a/file").mtimeNsec, told.mtimeNsec);
});

Deno.test("a directory's own attributes are as they are told when names changed in there before the kernel came", async () => {
  await using fixture = await fixtureWith({ "a/file": "" });
  fixture.tell(fixture.pack("/a/file"));
  fixture.make({ "a/new": "" });
  await fixture.applyNews();
  const { nodeId } = await fixture.lookup(ROOT, "a");
  const { attr } = await fixture.mirror.getattr(nodeId, undefined);
  assert.equal(attr.mtimeNsec, fixture.stat("a").mtimeNsec);
  assert.equal(fixture.count(FileOp.GETATTR), 0);
});

for (const isKnown of [false, true]) {
  Deno.test(`a directory that is told again is as it was told last, ${isKnown ? "also" : "not"} looked up before`, async () => {
    await using fixture = await fixtureWith({ "a/file": "" });
    const before = fixture.pack("/a");
    fixture.make({ "a/b/file": "" });
    fixture.tell(before);
    const a = isKnown ? await fixture.walk("a") : undefined;
    // As when it changed before it was watched.
    const again = fixture.pack("/a/file");
    fixture.tell(again);
    const { attr } = await fixture.mirror.getattr(a ?? await fixture.walk("a"), undefined);
    assert.equal(attr.nlink, 3);
    assert.equal(fixture.requests.length, 0);
  });
}

Deno.test("after lost events nothing that was told is believed, and numbers are given back", async () => {
  await using fixture = await fixtureWith({ "a/file": "old", "b/file": "", "c/d/file": "" });
  const records = fixture.pack("/a/", "/b/file", "/c/d/file");
  const late = records.findIndex((record) => record.kind === "directory" && record.name === "d");
  fixture.tell(records.slice(0, late));
  assert.equal(await fixture.cat("a/file"), "old");
  fixture.make({ "a/new": "", "a/file": "new" });
  await fixture.dropNews();
  fixture.loseNews();
  await settled();
  fixture.tell(records.slice(late));
  await settled();
  const unbound = fixture.notes.filter(({ op }) => op === FileNote.UNBIND).map(({ body }) => decodeNumber(body));
  const given = only(records, "directory").filter((record) => record.kind === "directory" && record.name !== "a");
  for (const { dir } of given) assert.ok(unbound.includes(dir), `${dir} was given back`);
  // One name's news do not make the others true again.
  fixture.make({ "a/third": "" });
  await fixture.applyNews();
  assert.equal(await fixture.cat("a/file"), "new");
  assert.notEqual((await fixture.lookup(await fixture.walk("a"), "new")).nodeId, 0);
});

Deno.test("a directory that was replaced is not taken for the one that was told", async () => {
  await using fixture = await fixtureWith({ "a/file": "old" });
  fixture.tell(fixture.pack("/a/file"));
  fixture.make({ "b/file": "new" });
  Deno.renameSync(fixture.at("a"), fixture.at("c"));
  Deno.renameSync(fixture.at("b"), fixture.at("a"));
  await fixture.applyNews();
  assert.equal(await fixture.cat("a/file"), "new");
  assert.equal(await fixture.cat("c/file"), "old");
});

Deno.test("what a start pack says is told of its directories, under the agent's own numbers too", async () => {
  await using fixture = await fixtureWith({ "a/file": "old" });
  const a = await fixture.walk("a");
  assert.equal(await fixture.content((await fixture.lookup(a, "file")).nodeId), "old");
  fixture.tell(fixture.pack("/a/file"));
  fixture.make({ "a/file": "new" });
  await fixture.applyNews();
  assert.equal(await fixture.cat("a/file"), "new");
});

Deno.test("forged start packs are a DecodeError", async (t) => {
  await using fixture = await fixtureWith({ "a/sub/file": "" });
  const records = fixture.pack("/a/sub/file");
  const [a] = only(records, "entry") as Extract<PackRecord, { kind: "entry" }>[];
  const file = records[records.length - 1] as Extract<PackRecord, { kind: "entry" }>;
  const inA = { parent: 1, name: a.name, watched: true, kind: "directory" } as const;
  const forged: Record<string, PackRecord> = {
    "a directory that is a file": { ...inA, dir: FIRST_LOCAL_DIRECTORY + 9, parent: file.dir, name: file.name },
    "a number that is the root's": { ...inA, dir: 1 },
    "a number that is the agent's to give": { ...inA, dir: 2 },
    "a number that was given": { ...inA, dir: file.dir },
  };
  fixture.tell(records);
  for (const [what, record] of Object.entries(forged)) {
    await t.step(what, () => assert.throws(() => fixture.tell([record]), DecodeError));
  }
  await t.step("records of names of which nothing is told, or no more, are left", () => {
    fixture.tell([
      { ...inA, dir: FIRST_LOCAL_DIRECTORY + 9, name: fromText("none") },
      { kind: "content", dir: 1, name: fromText("none"), chunk: 0, digest },
    ]);
  });
  await t.step("records of a directory that there is not are left", () => {
    fixture.tell([{ kind: "complete", dir: 77 }, { kind: "entry", dir: 77, name: fromText("x") }]);
  });
  await t.step("and the directory that was told is still found", async () => {
    assert.notEqual(await fixture.walk("a/sub/file"), 0);
    assert.equal(fixture.requests.length, 0);
  });
});

Deno.test("the root that is found within itself keeps its own number", async () => {
  await using fixture = await fixtureWith({ "a/file": "" });
  const root = { ...fixture.stat("."), xattrNames: fromText("") };
  const dir = FIRST_LOCAL_DIRECTORY + 9;
  const name = fromText("loop");
  fixture.tell([
    { kind: "entry", dir: 1, name, found: { stat: root } },
    { kind: "directory", dir, parent: 1, name, watched: true },
    { kind: "entry", dir, name: fromText("a") },
  ]);
  assert.notEqual(await fixture.walk("a/file"), 0);
  await settled();
  assert.ok(fixture.notes.some(({ op, body }) => op === FileNote.UNBIND && decodeNumber(body) === dir));
});
