import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { type TracedCommand, Traces, type Want } from "../../../lib/prefetch/mod.ts";
import { command as recorded, RUN_WANTS, wantsOfRun } from "./trace_recorder.ts";
import { ProgramSession } from "./trace_sessions.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

/** A store of its own that is not there yet. */
class Store {
  readonly top = Deno.makeTempDirSync();
  readonly folder = `${this.top}/outrun/traces`;
  readonly traces = Traces.open(this.folder);

  [Symbol.dispose](): void {
    Deno.removeSync(this.top, { recursive: true });
  }

  files(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  /** Paths of what is found. */
  find(line: string, cwd = "/"): string[] | undefined {
    return this.traces.find(command(line, cwd))?.wants.map(({ path }) => path);
  }

  record(line: string, ...paths: string[]): void {
    this.traces.record(command(line), names(...paths));
  }

  /** Makes all that was recorded so far older. */
  age(): void {
    for (const file of this.files()) {
      const { mtime } = Deno.statSync(`${this.folder}/${file}`);
      Deno.utimeSync(`${this.folder}/${file}`, 0, mtime!.getTime() / 1000 - 10);
    }
  }
}

function command(line: string, cwd = "/"): TracedCommand {
  const argv = line.split(" ") as ByteString[];
  return { path: argv[0], argv, cwd: cwd as ByteString };
}

function names(...paths: string[]): Want[] {
  return paths.map((path) => ({ kind: "name", path: path as ByteString }));
}

Deno.test("Traces remembers what a command touched, in order, for the next session", () => {
  using store = new Store();
  const wants: Want[] = [...names("/b", "/a\xff"), { kind: "content", path: "/b" as ByteString }];
  assert.equal(store.traces.find(command("/bin/sh /x")), undefined);
  store.traces.record(command("/bin/sh /x"), wants);
  const found = Traces.open(store.folder).find(command("/bin/sh /x"));
  assert.equal(found?.cwd, "/");
  assert.deepEqual(found?.wants.map(({ kind, path }) => ({ kind, path })), wants);
});

Deno.test("Traces tells shapes apart, and takes what is nearest where there is none", () => {
  using store = new Store();
  store.record("/bin/sh /x one", "/x1");
  store.age();
  store.record("/bin/sh /x two", "/x2");
  store.age();
  store.record("/bin/sh /y one", "/y1");
  assert.deepEqual(store.find("/bin/sh /x one"), ["/x1"]);
  assert.deepEqual(store.find("/bin/sh /x two"), ["/x2"]);
  assert.deepEqual(store.find("/bin/sh /x three"), ["/x2"], "the latest of the script");
  assert.deepEqual(store.find("/bin/sh /z"), ["/y1"], "the latest of the executable");
  assert.equal(store.find("/bin/true"), undefined);
});

Deno.test("Traces knows an executable through links, and by a path relative to the directory", () => {
  using store = new Store();
  Deno.symlinkSync("/bin", `${store.top}/link`);
  store.record("/bin/true", "/a");
  assert.deepEqual(store.find(`${store.top}/link/true`), ["/a"]);
  assert.deepEqual(store.find("link/true", store.top), ["/a"]);
});

Deno.test("Traces merges runs", () => {
  using store = new Store();
  store.record("/bin/true", "/a", "/b");
  store.record("/bin/true", "/c", "/b");
  assert.deepEqual(store.find("/bin/true"), ["/c", "/b", "/a"]);
  for (let run = 0; run < 2; run++) store.record("/bin/true", "/c");
  assert.deepEqual(store.find("/bin/true"), ["/c", "/b"]);
});

Deno.test("Traces finds data in the directory of the run that is to come", () => {
  using store = new Store();
  for (const folder of ["one", "two"]) Deno.mkdirSync(`${store.top}/${folder}`);
  for (const file of ["one/a", "one/b", "two/b", "two/c"]) Deno.writeTextFileSync(`${store.top}/${file}`, "");
  const [one, two] = ["one", "two"].map((folder) => `${store.top}/${folder}`);
  store.traces.record(command("/bin/true", one), names("/lib", `${one}/a`, `${one}/b`));
  assert.deepEqual(store.find("/bin/true", two), ["/lib", `${two}/b`]);
  assert.equal(store.traces.find(command("/bin/true", two))?.cwd, two);
  store.traces.record(command("/bin/true", two), names(`${two}/c`));
  assert.deepEqual(store.find("/bin/true", two), [`${two}/c`, "/lib", `${two}/b`]);
});

Deno.test("record() drops malformed wants, and knows nothing of a run without any", () => {
  using store = new Store();
  store.record("/bin/true", "/a", "/../b", "c", "/d\0", `/${"x".repeat(4096)}`);
  assert.deepEqual(store.find("/bin/true"), ["/a"]);
  for (let run = 0; run < 4; run++) store.record("/bin/true", "..");
  assert.deepEqual(store.find("/bin/true"), ["/a"]);
  store.traces.record({ ...command("/bin/true"), cwd: "(unreachable)/x" as ByteString }, names("/e"));
  assert.deepEqual(store.find("/bin/true"), ["/a"]);
});

Deno.test("record() makes files and folders for the user alone, whatever the umask", () => {
  using store = new Store();
  const umask = Deno.umask(0);
  store.record("/bin/true", "/a");
  Deno.umask(umask);
  const [file] = store.files();
  const mode = (path: string) => (Deno.statSync(path).mode! & 0o7777).toString(8);
  assert.deepEqual([`${store.top}/outrun`, store.folder, `${store.folder}/${file}`].map(mode), ["700", "700", "600"]);
});

Deno.test("Traces ignores a damaged file, and replaces it", () => {
  using store = new Store();
  store.record("/bin/true", "/a");
  const path = `${store.folder}/${store.files()[0]}`;
  const good = Deno.readFileSync(path);
  const damaged = good.slice();
  damaged[damaged.length - 20] ^= 1;
  const ways: Record<string, () => void> = {
    empty: () => Deno.writeTextFileSync(path, ""),
    short: () => Deno.writeFileSync(path, good.subarray(0, good.length - 1)),
    damaged: () => Deno.writeFileSync(path, damaged),
    foreign: () => Deno.writeTextFileSync(path, "outrun trace 0\n"),
    // Zeros after its end are no damage to gzip.
    huge: () => {
      Deno.writeFileSync(path, good);
      Deno.truncateSync(path, 5 * 1024 * 1024);
    },
    pipe: () => {
      Deno.removeSync(path);
      assert.equal(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
    },
  };
  for (const [name, damage] of Object.entries(ways)) {
    damage();
    assert.equal(store.find("/bin/true"), undefined, name);
    store.record("/bin/true", "/b");
    assert.deepEqual(store.find("/bin/true"), ["/b"], name);
  }
});

Deno.test("readSimilar() passes over a damaged file", () => {
  using store = new Store();
  store.record("/bin/true one", "/a");
  store.age();
  store.record("/bin/true two", "/b");
  const [latest] = store.files().sort((a, b) => mtime(store, b) - mtime(store, a));
  Deno.writeTextFileSync(`${store.folder}/${latest}`, "outrun trace 2\n");
  assert.deepEqual(store.find("/bin/true three"), ["/a"]);
});

function mtime(store: Store, file: string): number {
  return Deno.statSync(`${store.folder}/${file}`).mtime!.getTime();
}

Deno.test("record() keeps so many traces of an executable, and those used last", () => {
  using store = new Store();
  store.record("/bin/false", "/f");
  for (let i = 0; i < 40; i++) {
    store.age();
    store.record(`/bin/true word${i}`, `/${i}`);
  }
  assert.equal(store.files().length, 33);
  assert.deepEqual(store.find("/bin/true word39"), ["/39"]);
  assert.deepEqual(store.find("/bin/true word8"), ["/8"]);
  assert.deepEqual(store.find("/bin/true word7"), ["/39"], "forgotten");
  assert.deepEqual(store.find("/bin/false"), ["/f"]);
});

Deno.test("record() keeps so many traces and bytes in all, and nothing that a killed session left", () => {
  using store = new Store();
  store.record("/bin/true", "/a");
  const own = store.files()[0];
  const hash = (i: number) => i.toString(16).padStart(16, "0");
  const place = (i: number, size: number) => {
    const path = `${store.folder}/${hash(i)}-${hash(0)}-${hash(0)}.trace`;
    Deno.writeTextFileSync(path, "");
    Deno.truncateSync(path, size);
    Deno.utimeSync(path, 0, 1_000_000 + i);
  };
  for (let i = 0; i < 600; i++) place(i, 1);
  Deno.writeTextFileSync(`${store.folder}/notes`, "");
  const temporary = (id: string) => `${store.folder}/${own}.${id.repeat(36)}.tmp`;
  for (const id of ["a", "b"]) Deno.writeTextFileSync(temporary(id), "");
  Deno.utimeSync(temporary("a"), 0, Date.now() / 1000 - 7200);
  store.record("/bin/true", "/a");
  const traces = () => store.files().filter((name) => name.endsWith(".trace"));
  assert.equal(traces().length, 512);
  assert.equal(traces()[0], `${hash(89)}-${hash(0)}-${hash(0)}.trace`, "the oldest are gone");
  assert.deepEqual(
    store.files().filter((name) => !name.endsWith(".trace")),
    [temporary("b").split("/").at(-1), "notes"].sort(),
  );
  for (let i = 590; i < 600; i++) place(i, 10 * 1024 * 1024);
  store.record("/bin/true", "/a");
  assert.deepEqual(
    traces(),
    [own, ...[594, 595, 596, 597, 598, 599].map((i) => `${hash(i)}-${hash(0)}-${hash(0)}.trace`)].sort(),
  );
});

/** The number of the one run that the trace begins with, all of it. */
function runOf(store: Store): number {
  const wants = Traces.open(store.folder).find(recorded)!.wants.slice(0, RUN_WANTS);
  const run = Number(/^\/run(\d+)\//.exec(wants[0].path)![1]);
  assert.deepEqual(wants.map(({ path }) => path), wantsOfRun(run).map(({ path }) => path));
  return run;
}

Deno.test("record() by several sessions at once leaves one trace, of one of them", async () => {
  using store = new Store();
  await using sessions = new AsyncDisposableStack();
  const ends = [0, 1, 2].map(async (first) => {
    const session = sessions.use(new ProgramSession("trace_recorder.ts", [store.folder, `${first}`, "3", "12"]));
    await session.lines(1);
    for (let reads = 0; reads < 5; reads++) runOf(store);
    return await session.end();
  });
  assert.deepEqual(await Promise.all(ends), [0, 0, 0]);
  assert.ok(runOf(store) >= 33, "the last of one of them");
  assert.equal(store.files().length, 1);
});

Deno.test("record() that is killed leaves a whole trace", async () => {
  using store = new Store();
  for (let round = 0; round < 8; round++) {
    await using session = new ProgramSession("trace_recorder.ts", [store.folder, `${round * 1000}`, "1"]);
    await session.lines(1);
    // At another point of its work each time.
    await new Promise((resolve) => setTimeout(resolve, 3 * round));
    await session.kill();
    assert.equal(Math.floor(runOf(store) / 1000), round);
  }
  store.traces.record(recorded, wantsOfRun(9999));
  assert.equal(runOf(store), 9999);
});
