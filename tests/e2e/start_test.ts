/** What is told and kept ahead of a command: the second run asks for nothing, and nothing is ever as it was before. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  type Folder,
  here,
  makeFolder,
  on,
  type OutrunOptions,
  type Result,
  type RunOptions,
  startUsedHost,
} from "./support/mod.ts";

const CACHE = "/root/.cache/outrun/cache-0";

let host: Host;
/** $XDG_CACHE_HOME of these tests, kept between them. */
let cacheHome: Folder;
Deno.test.beforeAll(async () => {
  [host, cacheHome] = await Promise.all([startUsedHost(), makeFolder()]);
  await on(host).run(["true"], { env: { XDG_CACHE_HOME: cacheHome.path } });
});
Deno.test.afterAll(async () => {
  await host.stop();
  await cacheHome[Symbol.asyncDispose]();
});

/** What a run cost, by what it says under --debug. */
interface Run extends Result {
  /** Of the agent, by name. */
  readonly requests: Readonly<Record<string, number>>;
  /** Of names: answered by what was told ahead, and asked for. */
  readonly names: { readonly told: number; readonly asked: number };
  /** Bytes: that were there, and that came. */
  readonly contents: { readonly cached: number; readonly fetched: number };
}

/** A folder to work in, what this machine remembers of commands there, and the machine to run them on. */
class Place implements AsyncDisposable {
  readonly folder: Folder;
  readonly state: Folder;
  readonly #options: OutrunOptions;

  constructor(folder: Folder, state: Folder, options: OutrunOptions) {
    this.folder = folder;
    this.state = state;
    this.#options = options;
  }

  /** `files`: name → content. Nothing is known of it anywhere. */
  static async make(files: Record<string, string | Uint8Array>, options: readonly string[] = []): Promise<Place> {
    await forgetContents();
    const place = new Place(await makeFolder(), await makeFolder(), { options: ["--debug", ...options] });
    for (const [name, content] of Object.entries(files)) {
      await Deno.mkdir(place.at(name).replace(/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(place.at(name), typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
    await here.run(["touch", "-d", "-1 minute", ...Object.keys(files)], { cwd: place.folder.path });
    return place;
  }

  at(name: string): string {
    return `${this.folder.path}/${name}`;
  }

  get options(): RunOptions {
    const env = { XDG_STATE_HOME: this.state.path, XDG_CACHE_HOME: cacheHome.path };
    return { cwd: this.folder.path, env };
  }

  words(argv: readonly string[]): string[] {
    return on(host, this.#options).words(argv);
  }

  start(argv: readonly string[]) {
    return on(host, this.#options).start(argv, { ...this.options, stdin: "open" });
  }

  async run(argv: readonly string[]): Promise<Run> {
    const result = await on(host, this.#options).run(argv, this.options);
    const { stderr } = result;
    const counts = [...(/requests: ([^;]*);/.exec(stderr)?.[1] ?? "").matchAll(/(\w+) (\d+)/g)];
    const names = /names told ahead: (\d+), names asked for: (\d+)/.exec(stderr);
    const contents = /contents, in bytes: (\{.*?\})/.exec(stderr);
    return {
      ...result,
      requests: Object.fromEntries(counts.map(([, name, count]) => [name, Number(count)])),
      names: { told: Number(names?.[1] ?? 0), asked: Number(names?.[2] ?? 0) },
      contents: contents === null ? { cached: 0, fetched: 0 } : JSON.parse(contents[1]),
    };
  }

  /** Runs it until all is known of it: what comes at the very end of a run may not be kept. */
  async warm(argv: readonly string[]): Promise<Run> {
    // Contents are told of what has not been changed for 2 s.
    const isSettled = async () =>
      (await here.run(["find", ".", "-newerct", "2.2 seconds ago"], { cwd: this.folder.path })).text === "";
    await waitUntil(isSettled, { failure: "the files change all the time" });
    for (let i = 0; i < 6; i++) {
      const run = await asHere(this, argv);
      if (i > 0 && run.contents.fetched === 0 && (run.requests.READ ?? 0) === 0) return run;
    }
    assert.fail(`contents are asked for in every run: ${(await this.run(argv)).stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
    await this.state[Symbol.asyncDispose]();
  }
}

async function forgetContents(): Promise<void> {
  await host.exec(`rm -rf ${CACHE}`);
}

/** Runs it there and here, and asserts that both say and give the same. */
async function asHere(place: Place, argv: readonly string[]): Promise<Run> {
  const run = await place.run(argv);
  const local = await here.run(argv, { cwd: place.folder.path });
  assert.deepEqual([run.text, run.status], [local.text, local.status], run.stderr);
  return run;
}

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

const script = `#!/bin/sh
ls data; ls -l data | wc -l
for name in data/*; do cat "$name" | wc -c; done
[ -e none ] || cat data/text; . ./settings; echo "$setting"
`;
const files = { "tool": script, "settings": "setting=old", "data/text": "text\n", "data/large": noise(2_500_000) };

Deno.test("the second run of a command asks for no names and no contents", async () => {
  await using place = await Place.make(files);
  const argv = ["sh", "tool"];
  const first = await asHere(place, argv);
  assert.ok(first.names.asked > 0, "only rules were known");
  const second = await asHere(place, argv);
  assert.deepEqual([second.names.asked, second.requests.LOOKUP ?? 0, second.requests.READDIR ?? 0], [0, 0, 0]);
  // What the first run has read it did not keep: only of some the digests were known.
  const { names, requests, contents } = await place.warm(argv);
  assert.deepEqual([names.asked, requests.LOOKUP, requests.READDIR, requests.FETCH, requests.READ], [
    0,
    ...Array(4).fill(undefined),
  ]);
  assert.ok(contents.cached > 2_500_000);
});

Deno.test("a program that nobody could expect is told of when it starts, and is expected the next time", async () => {
  await using place = await Place.make({ "empty": "" });
  // Where no program is searched.
  assert.equal((await here.shell("cp /usr/bin/perl .", { cwd: place.folder.path })).status, 0);
  const argv = ["sh", "-c", `$(printf ./pe; printf rl) -MPOSIX -e 'print "1"'`];
  const { stderr } = await asHere(place, argv);
  assert.match(stderr, /told of "\/[^"]*\/perl": \d+ things/);
  assert.match(stderr, /told of "\/[^"]*\/perl", which runs: \d+ things/);
  const second = await asHere(place, argv);
  assert.doesNotMatch(second.stderr, /told of/);
  assert.equal(second.names.asked, 0);
});

Deno.test("a program that nobody could expect is told of when it is searched along PATH, with what it loads", async () => {
  await using place = await Place.make({ "empty": "" });
  const argv = ["sh", "-c", `$(printf pe; printf rl) -MPOSIX -e 'print "1"'`];
  const { stderr } = await asHere(place, argv);
  assert.match(stderr, /told of "perl", which is searched: \d+ things/);
  assert.doesNotMatch(stderr, /told of "\/usr\/bin\/perl": /);
  assert.match(stderr, /told of "\/usr\/bin\/perl", which runs: \d+ things/);
});

/** Shell scripts that change `file`, from "old\n" to something of the same size. */
const changes: Record<string, string> = {
  "stored to through a mapping, and msync":
    `python3 -c 'import mmap,os; f=os.open("file",2); m=mmap.mmap(f,4); m[0:3]=b"new"; m.flush()'`,
  "edited, its time set back": "touch -r file time; printf new\\\\n >file; touch -r time file",
  "replaced by rename": "printf new\\\\n >other; touch -r file other; mv other file",
  "edited in place": "printf new\\\\n | dd of=file conv=notrunc 2>/dev/null",
  "removed": "rm file",
  "replaced by a symbolic link": "echo new >other; ln -sf other file",
  "replaced by a directory": "rm file; mkdir file",
  "made longer": "echo new >>file",
};
/** A file for each change, in a folder of its own: what is seen of one is no help to another. */
const changed = Object.keys(changes).map((how, index) => ({ how, folder: `${index}`, change: changes[how] }));
const unchanged = Object.fromEntries(changed.map(({ folder }) => [`${folder}/file`, "old\n"]));
/** Shows all of them. */
const show = changed.map(({ how, folder }) => `echo "${how}:"; cat ${folder}/file 2>/dev/null || echo none`).join("\n");
/** Changes all of them at once, with what takes longest first. */
const changeAll = changed.map(({ folder, change }) => `(cd ${folder} && ${change}) || exit 1`).join("\n");

Deno.test("files that are changed in any way between two runs are read as they are", async () => {
  const links = changed.map(({ folder }) => `[ -L ${folder}/file ] && echo "${folder} is a link"`).join("\n");
  await using place = await Place.make({ ...unchanged, "script": `${show}\n${links}\n` });
  const argv = ["sh", "script"];
  await place.warm(argv);
  assert.equal((await here.shell(changeAll, { cwd: place.folder.path })).status, 0);
  await asHere(place, argv);
  await asHere(place, argv);
});

Deno.test("files that are changed in any way during a session are read as they are at once", async () => {
  await using place = await Place.make(unchanged);
  const argv = ["sh", "-c", `echo up; while read -r _; do\n${show}\necho .; done`];
  const cwd = place.folder.path;
  for (let i = 0; i < 3; i++) {
    await using process = place.start(argv);
    await process.says("up\n");
    // In the last run the files are known from the start, and were not opened before they are changed.
    if (i === 2) assert.equal((await here.shell(changeAll, { cwd })).status, 0);
    const { text } = await here.shell(show, { cwd });
    assert.equal(text.split("\n").filter((line) => line === "old").length, i < 2 ? changed.length : 1);
    await process.write("\n");
    await process.says(/\.\n$/);
    await process.closeInput();
    assert.equal((await process.result()).text, `up\n${text}.\n`);
  }
});

Deno.test("a script that is changed between two runs is run as it is", async () => {
  await using place = await Place.make({ "tool": "#!/bin/sh\necho old\n" });
  await Deno.chmod(place.at("tool"), 0o755);
  await place.warm(["./tool"]);
  await here.shell("touch -r tool time; sed -i s/old/new/ tool; touch -r time tool", { cwd: place.folder.path });
  assert.equal((await place.run(["./tool"])).text, "new\n");
});

const damages: Record<string, string> = {
  "a byte of each blob is another":
    `find blobs -type f | while read -r f; do printf '\\377' | dd of="$f" bs=1 seek=100 conv=notrunc 2>/dev/null; done`,
  "each blob is cut": "find blobs -type f -exec truncate -s 50 {} +",
  "each blob is gone": "find blobs -type f -delete",
  "the index is gone": "rm -f index.db*",
  "the index is garbage": "head -c 100000 /dev/urandom >index.db",
  "the index is empty": ": >index.db",
};

Deno.test("whatever is damaged of the cache the command finds what is right, and the cache is mended", async (t) => {
  await using place = await Place.make(files);
  const argv = ["sh", "tool"];
  await place.warm(argv);
  for (const [what, damage] of Object.entries(damages)) {
    await t.step(what, async () => {
      const { code, stderr } = await host.exec(`cd ${CACHE} && ${damage}`);
      assert.deepEqual([code, stderr], [0, ""]);
      // As it was before the damage, which is where the next step begins.
      const mended = await place.warm(argv);
      assert.ok(mended.contents.cached > 2_500_000);
    });
  }
});

Deno.test("--no-cache keeps no contents, and uses none", async () => {
  await using place = await Place.make(files, ["--no-cache"]);
  const argv = ["sh", "tool"];
  await asHere(place, argv);
  const second = await asHere(place, argv);
  assert.deepEqual([second.names.asked, second.requests.FETCH ?? 0], [0, 0]);
  assert.ok(second.requests.READ > 0);
  assert.notEqual((await host.exec(`test -e ${CACHE}`)).code, 0);
});

Deno.test("--no-prefetch tells nothing ahead, and remembers nothing", async () => {
  await using place = await Place.make(files, ["--no-prefetch"]);
  const argv = ["sh", "tool"];
  for (let i = 0; i < 2; i++) {
    const run = await asHere(place, argv);
    assert.deepEqual([run.names, run.requests.FETCH ?? 0], [{ told: 0, asked: 0 }, 0]);
    assert.ok(run.requests.LOOKUP > 10);
  }
  assert.deepEqual([...Deno.readDirSync(place.state.path)], []);
  assert.notEqual((await host.exec(`test -e ${CACHE}`)).code, 0);
});

/** A configuration file with such a cache. */
async function configured(folder: Folder, lines: string): Promise<string[]> {
  await Deno.writeTextFile(`${folder.path}/config`, `[cache]\n${lines}\n`);
  return ["--config", `${folder.path}/config`];
}

const wrongPlaces: Record<string, { prepare: string; path: string; over?: string }> = {
  "is below a file": { prepare: ": >/mnt/file", path: "/mnt/file/cache" },
  "is read-only": {
    prepare: "mkdir -p /mnt/ro && mount -t tmpfs -o ro none /mnt/ro",
    path: "/mnt/ro/cache",
    over: "/mnt/ro",
  },
  "is full": {
    prepare: "mkdir -p /mnt/full && mount -t tmpfs -o size=64k none /mnt/full",
    path: "/mnt/full/cache",
    over: "/mnt/full",
  },
  "has room for a part": {
    prepare: "mkdir -p /mnt/small && mount -t tmpfs -o size=1m none /mnt/small",
    path: "/mnt/small/cache",
    over: "/mnt/small",
  },
  "may be changed by others": { prepare: "mkdir -p /mnt/open && chmod 777 /mnt/open", path: "/mnt/open" },
  "is no folder": { prepare: "mkfifo /mnt/fifo", path: "/mnt/fifo" },
};

for (const [what, { prepare, path, over }] of Object.entries(wrongPlaces)) {
  Deno.test(`where the cache's folder ${what} the command runs all the same`, async () => {
    await using folder = await makeFolder();
    await using place = await Place.make(files, await configured(folder, `path = ${path}`));
    assert.equal((await host.exec(prepare)).stderr, "");
    for (let i = 0; i < 3; i++) {
      const { stderr } = await asHere(place, ["sh", "tool"]);
      const said = stderr.split("\n").filter((line) => /^outrun: \S/.test(line));
      assert.deepEqual(said, []);
    }
    if (over !== undefined) await host.exec(`umount -l ${over}`);
  });
}

Deno.test("the configuration says where contents are kept, and how many", async (t) => {
  const kept = (path: string) =>
    `find "${path}/blobs" -type f -printf '%s\\n' | awk '{ n++; s += $1 } END { print n+0, s+0 }'`;
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`data${i}`, noise(1 << 20)]));
  const argv = ["sh", "-c", "cat data* | sha256sum"];
  await t.step("in a folder with blanks below the home", async () => {
    await using folder = await makeFolder();
    await using place = await Place.make(files, await configured(folder, "path = ~/a b/c'd"));
    await place.warm(["sh", "tool"]);
    assert.equal((await host.exec('test -d "/root/a b/c\'d/blobs"')).code, 0);
    assert.notEqual((await host.exec(`test -e ${CACHE}`)).code, 0);
  });
  await t.step("so many bytes", async () => {
    await using folder = await makeFolder();
    await using place = await Place.make(many, await configured(folder, "max_size = 4000000"));
    for (let i = 0; i < 3; i++) await asHere(place, argv);
    const [, size] = (await host.exec(kept(CACHE))).stdout.split(" ").map(Number);
    assert.ok(size > 0 && size <= 4_000_000, `${size}`);
  });
  await t.step("so many entries", async () => {
    await using folder = await makeFolder();
    await using place = await Place.make(many, await configured(folder, "max_entries = 5"));
    for (let i = 0; i < 3; i++) await asHere(place, argv);
    const [count] = (await host.exec(kept(CACHE))).stdout.split(" ").map(Number);
    assert.ok(count > 0 && count <= 5, `${count}`);
  });
});

Deno.test("two sessions that fill the same cache at once both find what is right", async () => {
  await using place = await Place.make(files);
  const argv = ["sh", "tool"];
  await place.run(argv);
  await forgetContents();
  await Promise.all([asHere(place, argv), asHere(place, argv), asHere(place, argv)]);
  await place.warm(argv);
});

Deno.test("after kill -9 in the middle of a start the next run finds what is right", async () => {
  await using place = await Place.make({ ...files, "data/huge": noise(20_000_000) });
  const argv = ["sh", "tool"];
  await place.run(argv);
  for (const sign of [/start planned|expected to touch/, /told ahead/, /a chunk|told ahead/]) {
    await forgetContents();
    await using process = place.start(argv);
    await process.complains(sign);
    process.kill("SIGKILL");
    await process.result();
  }
  await waitUntil(async () => (await host.mounts()).length === 0, { failure: "a mount stays" });
  assert.equal((await place.warm(argv)).names.asked, 0);
});
