import assert from "node:assert/strict";
import { fromText, toText } from "../../../lib/bytes/mod.ts";
import type { FileServerOptions } from "../../../lib/fileserver/mod.ts";
import type { StartPack, ToldFile } from "../../../lib/fileserver/start_pack.ts";
import { AgentNote, encodeNumber, FileNote, type PackRecord } from "../../../lib/protocol/mod.ts";
import { asUser, USER } from "./as_user.ts";
import { Fixture } from "./fixture.ts";

/** A tree, and what is told of it: a line each record, with paths in place of numbers. */
class Telling implements AsyncDisposable {
  readonly notes: number[] = [];
  readonly fixture: Fixture;
  readonly records: PackRecord[] = [];
  readonly pack: StartPack;

  /** Directories end with a slash, links are `name -> target`. */
  constructor(tree: readonly string[], options: Partial<FileServerOptions> = {}) {
    this.fixture = new Fixture({ tell: (op) => this.notes.push(op), ...options });
    for (const path of tree) {
      const [name, target] = path.split(" -> ");
      Deno.mkdirSync(this.fixture.at(name).replace(/[^/]*$/, ""), { recursive: true });
      if (target !== undefined) Deno.symlinkSync(target, this.fixture.at(name));
      else if (!name.endsWith("/")) Deno.writeTextFileSync(this.fixture.at(name), name);
    }
    this.pack = this.fixture.server.startPack((record) => this.records.push(record));
  }

  add(...paths: string[]): (ToldFile | undefined)[] {
    return paths.map((path) => this.pack.addPath(fromText(path)));
  }

  /** What is told when these are added. */
  lines(...paths: string[]): string[] {
    const begin = this.records.length;
    for (const path of paths) {
      if (path.endsWith("/")) this.pack.addDirectory(fromText(path.slice(0, -1)));
      else this.add(path);
    }
    const numbers = new Map([[1, ""]]);
    return this.records.map((record) => this.#line(record, numbers)).slice(begin);
  }

  #line(record: PackRecord, numbers: Map<number, string>): string {
    if (record.kind === "complete") return `all of ${numbers.get(record.dir)}`;
    assert.ok(record.kind !== "begin" && record.kind !== "end", "those are of walks");
    const parent = record.kind === "directory" ? record.parent : record.dir;
    assert.ok(numbers.has(parent), "a directory is told before what is in it");
    const path = `${numbers.get(parent)}/${toText(record.name)}`;
    if (record.kind === "directory") numbers.set(record.dir, path);
    if (record.kind === "entry") return `${record.found ? "is" : "no"} ${path}`;
    return `in ${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.fixture.server.close();
    this.fixture[Symbol.dispose]();
    await closing;
  }
}

Deno.test("a path is told with the directories on its way, each name once", async () => {
  await using telling = new Telling(["a/b/file", "a/b/other"]);
  assert.deepEqual(telling.lines("/a/b/file", "/a/b/other", "/a/b/file"), [
    "is /a",
    "in /a",
    "is /a/b",
    "in /a/b",
    "is /a/b/file",
    "is /a/b/other",
  ]);
  assert.ok(telling.records.every((record) => record.kind !== "directory" || record.watched));
});

Deno.test("a path that leads nowhere is told as far as it goes", async () => {
  await using telling = new Telling(["a/file"]);
  assert.deepEqual(telling.lines("/a/none/below", "/a/file/below", "/none"), [
    ...["is /a", "in /a", "no /a/none"],
    ...["is /a/file"],
    ...["no /none"],
  ]);
});

Deno.test("links are told and followed as the kernel does", async (t) => {
  const cases: Record<string, [tree: string[], path: string, told: string[]]> = {
    "relative": [["a/link -> b/file", "a/b/file"], "/a/link", [
      ...["is /a", "in /a", "is /a/link", "is /a/b", "in /a/b", "is /a/b/file"],
    ]],
    "absolute": [["a/link -> /b/file", "b/file"], "/a/link", [
      ...["is /a", "in /a", "is /a/link", "is /b", "in /b", "is /b/file"],
    ]],
    "to a directory": [["link -> a/b", "a/b/file", "a/other"], "/link/file", [
      ...["is /link", "is /a", "in /a", "is /a/b", "in /a/b", "is /a/b/file"],
    ]],
    "and up from where they lead": [["link -> a/b", "a/b/", "a/other"], "/link/../other", [
      ...["is /link", "is /a", "in /a", "is /a/b", "in /a/b", "is /a/other"],
    ]],
    "above the root": [["link -> ../../../file", "file"], "/link", ["is /link", "is /file"]],
    "to nowhere": [["link -> none/x"], "/link", ["is /link", "no /none"]],
    "a loop of two": [["one -> two", "two -> one"], "/one", ["is /one", "is /two"]],
    "to itself": [["a/link -> link/x"], "/a/link", ["is /a", "in /a", "is /a/link"]],
    "to what is no name": [["up -> ..", "self -> .", "root -> /"], "/up", ["is /up"]],
    "with slashes and dots": [["link -> .//a/./b//file", "a/b/file"], "//link", [
      ...["is /link", "is /a", "in /a", "is /a/b", "in /a/b", "is /a/b/file"],
    ]],
  };
  for (const [what, [tree, path, told]] of Object.entries(cases)) {
    await t.step(what, async () => {
      await using telling = new Telling(tree);
      assert.deepEqual(telling.lines(path), told);
    });
  }
});

Deno.test("40 links on one way are followed, 41 are a loop", async () => {
  const chain = Array.from({ length: 41 }, (_, i) => `link${i} -> ${i === 40 ? "file" : `link${i + 1}`}`);
  await using telling = new Telling(["file", ...chain]);
  assert.deepEqual(telling.add("/link0"), [undefined]);
  assert.equal(telling.add("/link1")[0]?.name, "file");
});

Deno.test("addPath() gives regular files only, where they are in the end", async () => {
  await using telling = new Telling(["a/file", "link -> a/file", "loop -> loop"]);
  const [file] = telling.add("/a/file");
  assert.equal(file?.name, "file");
  assert.equal(file?.stat.size, 6);
  assert.deepEqual(telling.add("/link"), [file]);
  assert.deepEqual(telling.add("/a", "/none", "/loop", "/", "", "/a/..", "/a/"), Array(7).fill(undefined));
});

Deno.test("a directory that is listed is told whole, once", async () => {
  await using telling = new Telling(["a/1", "a/2", "a/sub/x", "link -> a"]);
  const lines = telling.lines("/a/2", "/a/", "/a/", "/link/");
  assert.deepEqual(lines.slice(0, 3), ["is /a", "in /a", "is /a/2"]);
  assert.deepEqual(lines.slice(3).sort(), ["all of /a", "is /a/1", "is /a/sub", "is /link"]);
  assert.equal(lines.filter((line) => line === "all of /a").length, 1);
  assert.deepEqual(telling.lines("/none/", "/a/1/"), ["no /none"]);
});

Deno.test("what may not be searched or read is told as far as that goes, and never as all", {
  ignore: Deno.uid() !== 0,
}, async () => {
  await using telling = new Telling(["closed/file", "unread/file", "blind/file"]);
  const { fixture } = telling;
  Deno.chmodSync(fixture.path, 0o755);
  for (const [name, mode] of [["closed", 0o000], ["unread", 0o711], ["blind", 0o744]] as const) {
    Deno.chmodSync(fixture.at(name), mode);
  }
  asUser(() => {
    assert.notEqual(Deno.uid(), USER, "the real one");
    assert.deepEqual(telling.lines("/closed/file", "/closed/", "/closed/none"), ["is /closed", "in /closed"]);
    // Without the right to read there is no watch either.
    assert.deepEqual(telling.lines("/unread/file", "/unread/"), ["is /unread", "in /unread", "is /unread/file"]);
    assert.deepEqual(telling.lines("/blind/"), ["is /blind", "in /blind"], "names without attributes");
  });
  const watched = telling.records.filter((record) => record.kind === "directory").map(({ watched }) => watched);
  assert.deepEqual(watched, [false, false, true]);
});

Deno.test("trees of the remote machine are named and not entered", async () => {
  await using telling = new Telling(["proc/x", "dev/x", "sys/x", "run/x", "a/proc/x"]);
  assert.deepEqual(telling.lines("/proc/x", "/dev/x", "/run/", "/sys"), ["is /proc", "is /dev", "is /run", "is /sys"]);
  assert.equal(telling.lines("/a/proc/x").length, 5);
});

Deno.test("a directory of more than 10000 names is not listed ahead", async () => {
  await using telling = new Telling(["a/"]);
  const script = "seq 0 10000 | xargs touch";
  await new Deno.Command("sh", { args: ["-c", script], cwd: telling.fixture.at("a") }).output();
  assert.deepEqual(telling.lines("/a/"), ["is /a", "in /a"]);
  Deno.removeSync(telling.fixture.at("a/0"));
  const again: PackRecord[] = [];
  telling.fixture.server.startPack((record) => again.push(record)).addDirectory(fromText("/a"));
  assert.equal(again.length, 10_003);
});

Deno.test("a directory in which names changed between being told and being watched is told again", async () => {
  await using telling = new Telling(["a/file"]);
  assert.deepEqual(telling.lines("/a"), ["is /a"]);
  Deno.writeTextFileSync(telling.fixture.at("a/new"), "");
  assert.deepEqual(telling.lines("/a/file", "/a/"), ["is /a", "in /a", "is /a/file", "is /a/new", "all of /a"]);
  const told = telling.records.findLast((record) => record.kind === "entry" && record.name === "a");
  const { mtime, mtimeNsec } = (told as Extract<PackRecord, { kind: "entry" }>).found!.stat;
  assert.equal(Math.floor(mtime * 1000 + mtimeNsec / 1e6), Deno.statSync(telling.fixture.at("a")).mtime!.getTime());
});

Deno.test("a directory that was replaced between being told and being watched is not entered", async () => {
  await using telling = new Telling(["a/file", "b/file"]);
  assert.deepEqual(telling.lines("/a"), ["is /a"]);
  Deno.renameSync(telling.fixture.at("a"), telling.fixture.at("c"));
  Deno.renameSync(telling.fixture.at("b"), telling.fixture.at("a"));
  assert.deepEqual(telling.lines("/a/file", "/a/"), []);
});

Deno.test("changes in a directory that was told are told, until its number is given back", async () => {
  await using telling = new Telling(["a/file"]);
  const { fixture } = telling;
  telling.lines("/a/file");
  const { dir } = telling.records.find((record) => record.kind === "directory")!;
  fixture.server.tellChanges();
  telling.notes.length = 0;
  Deno.writeTextFileSync(fixture.at("a/file"), "new");
  fixture.server.tellChanges();
  assert.equal(telling.notes.filter((op) => op === AgentNote.CHANGED).length, 1);
  fixture.server.tellChanges();
  assert.equal(telling.notes.filter((op) => op === AgentNote.CHANGED).length, 1, "once");
  fixture.notify(FileNote.UNBIND, encodeNumber(dir));
  Deno.writeTextFileSync(fixture.at("a/file"), "newer");
  fixture.server.tellChanges();
  assert.equal(telling.notes.filter((op) => op === AgentNote.CHANGED).length, 1);
  assert.deepEqual(telling.lines("/a/other"), [], "nothing more is told of it");
});

Deno.test("no more directories are entered than there are to be numbers in use", async () => {
  const tree = Array.from({ length: 30 }, (_, i) => `${i}/x`);
  await using telling = new Telling(tree, { maxAhead: 20 });
  for (const path of tree) telling.add(`/${path}`);
  // The root has one.
  assert.equal(telling.records.filter(({ kind }) => kind === "directory").length, 19);
});
