import assert from "node:assert/strict";
import { byteString, fromText } from "../../../lib/bytes/mod.ts";
import { Errno, S_IFMT, SEEK_HOLE } from "../../../lib/linux/mod.ts";
import { toCookie, toPosition } from "../../../lib/fileserver/listing.ts";
import {
  decodePage,
  decodePosition,
  type DirPage,
  encodeName,
  encodeNumber,
  encodeReadDir,
  encodeSeek,
  encodeSymlink,
  FileNote,
  FileOp,
  MAX_PAGE,
  type PageEntry,
} from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY } from "./fixture.ts";

async function page(fixture: Fixture, dir: number, cookie = 0n, budget = 4096): Promise<DirPage> {
  return decodePage(await fixture.askLater(FileOp.READDIR, encodeReadDir({ dir, cookie, budget })));
}

/** Follows the cookies to the end; `between` runs after each page. */
async function list(
  fixture: Fixture,
  dir: number,
  budget: number,
  between = (_page: DirPage) => {},
): Promise<PageEntry[]> {
  const entries: PageEntry[] = [];
  for (let cookie = 0n;;) {
    const next = await page(fixture, dir, cookie, budget);
    entries.push(...next.entries);
    between(next);
    if (next.end) return entries;
    cookie = next.entries.at(-1)!.cookie;
  }
}

function fill(fixture: Fixture, count: number): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const name = `file ${i}`;
    Deno.writeTextFileSync(fixture.at(name), "");
    names.add(name);
  }
  return names;
}

Deno.test("READDIR gives names, inodes, types, attributes and targets, without . and ..", async () => {
  using fixture = new Fixture({ waitsHere: false });
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  Deno.mkdirSync(fixture.at("directory"));
  Deno.symlinkSync("file", fixture.at("link"));
  const { entries, end } = await page(fixture, 1);
  assert.equal(end, true);
  const found = Object.fromEntries(entries.map((entry) => [entry.name, entry]));
  assert.deepEqual(Object.keys(found).sort(), ["directory", "file", "link"]);
  assert.deepEqual([found.directory.type, found.file.type, found.link.type], [4, 8, 10]);
  assert.deepEqual([found.directory.target, found.file.target, found.link.target], [undefined, undefined, "file"]);
  for (const entry of entries) {
    // Reading a link's target changes its time of access.
    const untouched = { atime: 0, atimeNsec: 0 };
    assert.deepEqual({ ...entry.stat, ...untouched }, { ...fixture.lookup(1, entry.name), ...untouched });
    assert.equal(entry.ino, entry.stat!.ino);
    assert.equal(entry.type, (entry.stat!.mode & S_IFMT) >> 12);
    assert.notEqual(entry.cookie, 0n);
  }
});

Deno.test("READDIR gives names and targets that are not UTF-8", async () => {
  using fixture = new Fixture({ waitsHere: false });
  const name = byteString(new Uint8Array([0xff, 0xc3, 0x28, 0x0a]));
  const target = byteString(new Uint8Array([0xfe, 0x2f]));
  fixture.ask(FileOp.SYMLINK, encodeSymlink({ dir: 1, name, target }));
  const [entry] = (await page(fixture, 1)).entries;
  assert.deepEqual([entry.name, entry.target], [name, target]);
});

Deno.test("READDIR of an empty directory is one empty last page", async () => {
  using fixture = new Fixture({ waitsHere: false });
  assert.deepEqual(await page(fixture, 1), { entries: [], end: true });
});

Deno.test("READDIR keeps to its budget, but gives one entry at least", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 100);
  for (const budget of [1000, 4096]) {
    const body = encodeReadDir({ dir: 1, cookie: 0n, budget });
    const length = (await fixture.askLater(FileOp.READDIR, body)).length;
    assert.ok(length <= budget && length > budget - 200, `${length} bytes of ${budget}`);
  }
  const { entries, end } = await page(fixture, 1, 0n, 0);
  assert.deepEqual([entries.length, end], [1, false]);
  assert.equal((await list(fixture, 1, 0)).length, 100);
});

Deno.test("READDIR says the end with the last entry when all fit", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 3);
  const all = await page(fixture, 1, 0n, MAX_PAGE);
  assert.deepEqual([all.entries.length, all.end], [3, true]);
});

Deno.test("READDIR lists 5000 entries once each while others are created and removed", async () => {
  using fixture = new Fixture({ waitsHere: false });
  const names = fill(fixture, 5000);
  let turn = 0;
  const listed = await list(fixture, 1, 16_384, () => {
    for (let i = 0; i < 20; i++) {
      Deno.writeTextFileSync(fixture.at(`new ${turn} ${i}`), "");
      const doomed = `file ${(turn * 20 + i) * 2}`;
      if (names.delete(doomed)) Deno.removeSync(fixture.at(doomed));
    }
    turn++;
  });
  const seen = listed.map((entry) => entry.name as string);
  assert.ok(turn > 30);
  assert.equal(new Set(seen).size, seen.length, "no name comes twice");
  const missing = [...names].filter((name) => !seen.includes(name));
  assert.deepEqual(missing, [], "every name that was there all the time comes");
});

Deno.test("READDIR goes on at any cookie it gave, in any order", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 300);
  const all = await list(fixture, 1, 8192);
  assert.equal(all.length, 300);
  for (const index of [250, 0, 120, 298, 120]) {
    const rest = await page(fixture, 1, all[index].cookie, MAX_PAGE);
    assert.deepEqual(rest.entries.map((entry) => entry.name), all.slice(index + 1).map((entry) => entry.name));
  }
});

Deno.test("READDIR keeps streams that go on, up to a limit, and none that ended", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 300);
  const before = fixture.descriptors();
  const { cookie } = (await page(fixture, 1)).entries.at(-1)!;
  assert.equal(fixture.descriptors(), before + 1);
  await page(fixture, 1);
  assert.equal(fixture.descriptors(), before + 1, "two listings at one place share a stream");
  await page(fixture, 1, cookie);
  assert.equal(fixture.descriptors(), before + 1, "the stream moved on");
  await list(fixture, 1, 4096, () => {});
  for (let budget = 300; budget < 300 + 130 * 100; budget += 130) await page(fixture, 1, 0n, budget);
  assert.equal(fixture.descriptors(), before + 32);
});

Deno.test("READDIR goes on after its stream was given up", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 300);
  const first = (await page(fixture, 1, 0n, 2000)).entries;
  for (let budget = 3000; budget < 3000 + 130 * 50; budget += 130) await page(fixture, 1, 0n, budget);
  const rest = await page(fixture, 1, first.at(-1)!.cookie, MAX_PAGE);
  assert.equal(rest.end, true);
  assert.equal(new Set([...first, ...rest.entries].map((entry) => entry.name)).size, 300);
});

Deno.test("READDIR of a number bound anew does not go on in the former directory", async () => {
  using fixture = new Fixture({ waitsHere: false });
  for (const dir of ["a", "b"]) {
    Deno.mkdirSync(fixture.at(dir));
    for (let i = 0; i < 100; i++) Deno.writeTextFileSync(fixture.at(`${dir}/${dir}${i}`), "");
  }
  fixture.bind(2, "a");
  const { cookie } = (await page(fixture, 2, 0n, 1000)).entries.at(-1)!;
  fixture.notify(FileNote.UNBIND, encodeNumber(2));
  fixture.bind(2, "b");
  assert.deepEqual((await page(fixture, 2, cookie)).entries.filter((entry) => entry.name.startsWith("a")), []);
});

Deno.test("what was asked of a number that is given up meanwhile is answered all the same", async () => {
  using fixture = new Fixture({ waitsHere: false });
  Deno.mkdirSync(fixture.at("a"));
  Deno.writeTextFileSync(fixture.at("a/file"), "");
  fixture.bind(2, "a");
  const before = fixture.descriptors();
  const listing = page(fixture, 2);
  const missing = fixture.errnoLater(FileOp.LOOKUP, encodeName({ dir: 2, name: fromText("never looked for") }));
  fixture.notify(FileNote.UNBIND, encodeNumber(2));
  assert.deepEqual((await listing).entries.map(({ name }) => name), ["file"]);
  assert.equal(await missing, Errno.ENOENT);
  assert.equal(fixture.descriptors(), before - 1);
});

Deno.test("READDIR gives an entry without attributes when it is gone before it could be looked at", async () => {
  using fixture = new Fixture({ waitsHere: false });
  fill(fixture, 50);
  const first = (await page(fixture, 1, 0n, 1000)).entries;
  const names = new Set([...Deno.readDirSync(fixture.path)].map((entry) => entry.name));
  for (const { name } of first) names.delete(name);
  for (const name of names) Deno.removeSync(fixture.at(name));
  const rest = (await page(fixture, 1, first.at(-1)!.cookie, MAX_PAGE)).entries;
  assert.equal(rest.length, 50 - first.length, "they had been read from the directory already");
  assert.deepEqual(rest.filter((entry) => entry.stat !== undefined), []);
});

Deno.test("READDIR of a removed directory is empty", async () => {
  using fixture = new Fixture({ waitsHere: false });
  Deno.mkdirSync(fixture.at("d"));
  fixture.bind(2, "d");
  Deno.removeSync(fixture.at("d"));
  assert.deepEqual(await page(fixture, 2), { entries: [], end: true });
});

Deno.test("READDIR answers an errno to numbers and cookies that are none", async () => {
  using fixture = new Fixture({ waitsHere: false });
  const body = (dir: number, cookie: bigint) => encodeReadDir({ dir, cookie, budget: 4096 });
  assert.equal(await fixture.errnoLater(FileOp.READDIR, body(9, 0n)), Errno.EBADF);
  assert.equal(await fixture.errnoLater(FileOp.READDIR, body(1, 1n << 63n)), Errno.EINVAL);
  assert.equal(fixture.descriptors(), 1);
});

Deno.test("toCookie() never gives 0, and toPosition() takes it back", () => {
  for (const position of [0n, 1n, -1n, 0x7fff_ffff_ffff_ffffn, -0x8000_0000_0000_0000n]) {
    assert.notEqual(toCookie(position), 0n);
    assert.ok(toCookie(position) > 0n);
    assert.equal(toPosition(toCookie(position)), position);
  }
});

Deno.test("a file of 2^53 bytes or a time beyond 2^53 seconds is told as the last that a message can hold", async () => {
  // Of a file system that takes them.
  const path = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "outrun_fileserver_" });
  try {
    using fixture = new Fixture({ root: fromText(path) });
    const run = (program: string, ...args: string[]) =>
      assert.ok(new Deno.Command(program, { args: [...args, fixture.at("far")] }).outputSync().success);
    run("truncate", "-s", "9007199254740999");
    run("touch", "-d", "@9223372036854775800");
    const [{ stat }] = (await page(fixture, 1)).entries;
    assert.deepEqual([stat?.size, stat?.mtime], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    run("touch", "-d", "@-9223372036854775800");
    fixture.open(3, fixture.ref("far"), O_RDONLY);
    assert.equal(fixture.lookup(1, "far").mtime, -Number.MAX_SAFE_INTEGER);
    const seek = encodeSeek({ fh: 3, offset: 0, whence: SEEK_HOLE });
    assert.equal(decodePosition(fixture.ask(FileOp.SEEK, seek)), 0);
    const beyond = encodeSeek({ fh: 3, offset: Number.MAX_SAFE_INTEGER, whence: SEEK_HOLE });
    assert.equal(decodePosition(fixture.ask(FileOp.SEEK, beyond)), Number.MAX_SAFE_INTEGER);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});
