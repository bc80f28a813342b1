import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromText } from "../../../lib/bytes/mod.ts";
import { inflatePack } from "../../../lib/agent/inflate_pack.ts";
import { createFileServer } from "../../../lib/fileserver/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { Digests, Traces } from "../../../lib/prefetch/mod.ts";
import { AgentNote, CHUNK, decodePack, type PackRecord, type Touched } from "../../../lib/protocol/mod.ts";
import { DigestsAhead } from "../../../lib/session/digests_ahead.ts";
import { PackWriter } from "../../../lib/session/pack_writer.ts";
import { Start } from "../../../lib/session/start.ts";
import type { TellOptions } from "../../../lib/session/telling.ts";
import { waitUntil } from "../../hosts/wait.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** A command that has touched something before, and what it is told. */
class Fixture implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "outrun_start_" }));
  readonly command = {
    path: fromText("/bin/true"),
    argv: [fromText("true")],
    env: [fromText(`PATH=/none:${this.path}:/bin`)],
    cwd: fromText(this.path),
  };
  readonly records: PackRecord[] = [];
  readonly notes: number[] = [];
  isCongested = false;
  readonly #files = createFileServer({ wake: () => {}, tell: () => {}, log: { debug: () => {} } });
  readonly #environment = ["XDG_STATE_HOME", "XDG_CACHE_HOME"].map((name) => [name, Deno.env.get(name)] as const);
  #start: Start | undefined;

  constructor(files: Record<string, string | Uint8Array>) {
    for (const [name, content] of Object.entries(files)) {
      Deno.writeFileSync(this.at(name), typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
    for (const [name] of this.#environment) Deno.env.set(name, `${this.path}/.${name}`);
  }

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The command touched these the last time. */
  touched(...wants: [kind: Touched["kind"], name: string, chunks?: number[]][]): void {
    const touched = wants.map(([kind, name, chunks]) => ({ kind, path: fromText(this.at(name)), chunks }));
    Traces.open().record(this.command, touched);
  }

  /** Begins a start; `contents` as the other machine keeps them. */
  start(contents = true): Start {
    // Files that were made just now are told of only some seconds later.
    const digests = Digests.open(undefined, () => Date.now() + 100_000);
    return this.#start = new Start(this.command as never, { contents, digests });
  }

  tell(start: Start): void {
    const options: TellOptions = {
      files: this.#files,
      notify: (op, body) => {
        const pack = op === AgentNote.PACK ? body : inflatePack(body);
        this.notes.push(pack.length);
        this.records.push(...decodePack(pack));
      },
      isCongested: () => this.isCongested,
    };
    start.tell(options);
    start.goOn(options);
  }

  /** The names that were told last, and digests. */
  lines(): string[] {
    const names = this.records.filter((record) => record.kind !== "directory").map((record) => {
      if (record.kind === "complete") return "all";
      if (record.kind === "content") return `content ${record.name} ${record.chunk} ${record.digest}`;
      assert.ok(record.kind !== "begin" && record.kind !== "end", "those are of walks");
      return `${record.kind === "entry" && record.found === undefined ? "no" : "is"} ${record.name}`;
    });
    return names.slice(names.indexOf(`is ${this.path.replace(/.*\//, "")}`) + 1);
  }

  async until(condition: () => boolean): Promise<void> {
    await waitUntil(condition, { failure: `not told: ${this.lines()}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#start?.close();
    await this.#files.close();
    for (const [name, value] of this.#environment) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
    Deno.removeSync(this.path, { recursive: true });
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

const hasContent = (fixture: Fixture, count = 1) => () =>
  fixture.records.filter(({ kind }) => kind === "content").length >= count;

Deno.test("Start tells what the command touched the last time: names first, in order, then digests", async () => {
  await using fixture = new Fixture({ a: "a", b: "b", c: "c" });
  fixture.touched(["content", "b"], ["name", "none"], ["name", "c"], ["content", "a"]);
  fixture.tell(fixture.start());
  assert.deepEqual(fixture.lines().slice(0, 4), ["is b", "no none", "is c", "is a"], "at once");
  await fixture.until(hasContent(fixture, 2));
  assert.deepEqual(fixture.lines().slice(4), [`content b 0 ${sha256("b")}`, `content a 0 ${sha256("a")}`]);
});

Deno.test("Start tells the digests of the chunks that were read", async () => {
  const bytes = new Uint8Array(3 * CHUNK + 5);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at * 7 + (at >> 10);
  await using fixture = new Fixture({ large: bytes });
  fixture.touched(["content", "large", [0, 3, 9]]);
  fixture.tell(fixture.start());
  await fixture.until(hasContent(fixture, 2));
  assert.deepEqual(fixture.lines(), [
    "is large",
    `content large 0 ${sha256(bytes.subarray(0, CHUNK))}`,
    `content large 3 ${sha256(bytes.subarray(3 * CHUNK))}`,
  ]);
});

Deno.test("Start tells no digest of a file that was changed since it was read for that", async () => {
  await using fixture = new Fixture({ changed: "old", last: "last" });
  fixture.touched(["content", "changed"], ["content", "last"]);
  const start = fixture.start();
  // Long enough for both digests; where it is not, the file is changed before it is read, which is as well.
  await new Promise((resolve) => setTimeout(resolve, 100));
  Deno.writeTextFileSync(fixture.at("changed"), "new");
  fixture.tell(start);
  const last = `content last 0 ${sha256("last")}`;
  await fixture.until(() => fixture.lines().includes(last));
  assert.ok(!fixture.lines().some((line) => line.includes(sha256("old"))));
});

Deno.test("Start tells no contents where none are kept, and none of what is no regular file", async () => {
  await using fixture = new Fixture({ a: "a", empty: "" });
  await new Deno.Command("mkfifo", { args: [fixture.at("fifo")] }).output();
  fixture.touched(["content", "fifo"], ["content", "empty"], ["content", "a"]);
  fixture.tell(fixture.start());
  await fixture.until(hasContent(fixture));
  assert.deepEqual(fixture.lines(), ["is fifo", "is empty", "is a", `content a 0 ${sha256("a")}`]);
  fixture.records.length = 0;
  fixture.tell(fixture.start(false));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(fixture.lines(), ["is fifo", "is empty", "is a"]);
});

Deno.test("Start tells 512 KiB at first, and goes on when the link takes it", async () => {
  await using fixture = new Fixture({});
  const names = Array.from({ length: 8000 }, (_, i) => `${i}${"x".repeat(90)}`);
  fixture.touched(...names.map((name) => ["name", name] as ["name", string]));
  fixture.isCongested = true;
  fixture.tell(fixture.start());
  const told = fixture.records.length;
  const bytes = fixture.notes.reduce((sum, length) => sum + length, 0);
  assert.ok(bytes >= 512 * 1024 && bytes < 600 * 1024 && told < 8000, `${bytes} bytes`);
  assert.ok(fixture.notes.every((length) => length < 64 * 1024), "each in one frame");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(fixture.records.length, told);
  fixture.isCongested = false;
  await fixture.until(() => fixture.records.length >= 8000);
});

Deno.test("Start tells nothing after it is closed", async () => {
  await using fixture = new Fixture({ a: new Uint8Array(20 * CHUNK) });
  fixture.touched(["content", "a"]);
  const start = fixture.start();
  fixture.tell(start);
  start.close();
  const told = fixture.records.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(fixture.records.length, told);
});

Deno.test("Start tells what a program is going to need that the command starts, names and digests, unless that was told", async () => {
  await using fixture = new Fixture({ a: "a", script: "#!/bin/none\n", other: "#!/bin/none\n" });
  fixture.touched(["content", "script"]);
  const start = fixture.start();
  start.started({ path: fromText(fixture.at("other")) });
  assert.equal(fixture.records.length, 0, "nothing stands yet");
  fixture.tell(start);
  await fixture.until(hasContent(fixture));
  fixture.records.length = 0;
  start.started({ path: fromText(fixture.at("script")) });
  assert.equal(fixture.records.length, 0);
  start.started({ path: fromText(fixture.at("other")) });
  await fixture.until(hasContent(fixture));
  assert.ok(fixture.records.some((record) => record.kind === "entry" && record.name === "other" && record.found));
  assert.ok(fixture.records.some((record) => record.kind === "content" && record.name === "other"));
  start.close();
  fixture.records.length = 0;
  start.started({ path: fromText(fixture.at("a")) });
  assert.equal(fixture.records.length, 0);
});

Deno.test("Start tells at once where a program is that the command searches, and that it is nowhere else", async () => {
  await using fixture = new Fixture({ a: "a", script: "#!/bin/none\n" });
  Deno.chmodSync(fixture.at("script"), 0o755);
  Deno.symlinkSync("script", fixture.at("alias"));
  fixture.touched(["content", "a"]);
  const start = fixture.start();
  start.searched({ name: fromText("alias") });
  assert.equal(fixture.records.length, 0, "nothing stands yet");
  fixture.tell(start);
  await fixture.until(hasContent(fixture));
  fixture.records.length = 0;
  start.searched({ name: fromText("alias") });
  const told = fixture.records.map((record) =>
    record.kind === "entry" && `${record.found ? "is" : "no"} ${record.name}`
  );
  for (const line of ["no none", "is alias", "is script"]) assert.ok(told.includes(line), told.join());
  await fixture.until(hasContent(fixture));
  start.close();
  fixture.records.length = 0;
  start.searched({ name: fromText("a") });
  assert.equal(fixture.records.length, 0);
});

Deno.test("Start remembers what the command touched, and nothing of one that touched nothing", async () => {
  await using fixture = new Fixture({ a: "a" });
  const start = fixture.start();
  start.remember([]);
  assert.equal(Traces.open().find(fixture.command), undefined);
  start.remember([{ kind: "name", path: fromText(fixture.at("a")) }]);
  assert.deepEqual(Traces.open().find(fixture.command)?.wants.map(({ path }) => path), [fixture.at("a")]);
});

Deno.test("DigestsAhead gives what it found early and late, and says when that was all", async () => {
  const given: string[] = [];
  const hashing = Promise.withResolvers<string>();
  await using fixture = new Fixture({ known: "1", slow: "2", unreadable: "3" });
  const digests = {
    find: ({ stat }: { stat: { ino: bigint } }) =>
      stat.ino === BigInt(Deno.statSync(fixture.at("known")).ino!) ? "k" : undefined,
    hash: () => hashing.promise,
  };
  const wants = ["known", "slow", "none"].map((name) => ({
    kind: "content" as const,
    path: fromText(fixture.at(name)),
  }));
  const ahead = new DigestsAhead(wants, digests as never);
  let ended = 0;
  ahead.tell(({ digest }) => given.push(digest), () => ended++);
  assert.deepEqual([given, ended], [["k"], 0]);
  hashing.resolve("s");
  await waitUntil(() => ended > 0, { failure: "no end" });
  assert.deepEqual([given, ended], [["k", "s"], 1]);
  ahead.close();
});

Deno.test("PackWriter gathers records for some ms, into notes that fit a frame", async () => {
  const notes: Uint8Array[] = [];
  const writer = new PackWriter((op, body) => notes.push(op === AgentNote.PACK ? body : inflatePack(body)));
  const record = { kind: "entry", dir: 1, name: fromText("x".repeat(4000)) } as const;
  for (let i = 0; i < 20; i++) writer.write(record);
  assert.equal(notes.length, 1);
  assert.ok(notes[0].length > 48 * 1024 && notes[0].length < 60 * 1024);
  await waitUntil(() => notes.length === 2, { failure: "it waits for ever" });
  writer.flush();
  assert.equal(notes.length, 2, "nothing is no note");
  assert.equal(writer.records, 20);
  assert.equal(writer.bytes, notes[0].length + notes[1].length);
});
