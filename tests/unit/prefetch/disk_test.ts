import assert from "node:assert/strict";
import { type ByteString, byteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { CachedDisk } from "../../../lib/prefetch/cached_disk.ts";
import { LocalDisk } from "../../../lib/prefetch/local_disk.ts";
import { bytesAsText } from "../../../lib/prefetch/text.ts";
import { MemoryDisk } from "./memory_disk.ts";

// Loaded once for the process: no leak of a test's.
bindNow();

Deno.test("CachedDisk asks each thing once, also about what is not there", () => {
  const memory = new MemoryDisk().file("/a", "text").link("/l", "a").directory("/d");
  const disk = new CachedDisk(memory);
  for (let i = 0; i < 3; i++) {
    assert.equal(disk.stat(fromText("/a"))?.size, 4);
    assert.equal(disk.stat(fromText("/gone")), undefined);
    assert.equal(disk.lstat(fromText("/l"))?.type, "link");
    assert.equal(disk.readLink(fromText("/l")), "a");
    assert.deepEqual(disk.list(fromText("/d")), []);
    assert.equal(disk.list(fromText("/gone")), undefined);
  }
  assert.equal(new Set(memory.asked).size, memory.asked.length);
});

Deno.test("CachedDisk.read() asks for nothing beyond the end of a file", () => {
  const disk = new CachedDisk(new MemoryDisk().file("/a", "text"));
  const read = (offset: number, length: number) => byteString(disk.read(fromText("/a"), { offset, length })!);
  assert.equal(read(1, 2), "ex");
  assert.equal(read(3, 1e12), "t");
  assert.equal(read(4, 1), "");
  assert.equal(read(2 ** 60, 1), "");
  assert.equal(read(NaN, 1), "");
  assert.equal(disk.read(fromText("/gone"), { offset: 0, length: 1 }), undefined);
});

Deno.test("CachedDisk.realPath() follows links on the way and at the end, and gives up in circles", () => {
  const disk = new CachedDisk(
    new MemoryDisk().file("/usr/bin/p3").link("/usr/bin/p", "p3").link("/bin", "usr/bin").link("/up", "/bin/../bin/p")
      .link("/one", "/two").link("/two", "/one").link("/dangling", "/nowhere/at/all"),
  );
  const real = (path: string) => disk.realPath(fromText(path));
  assert.equal(real("/bin/p"), "/usr/bin/p3");
  assert.equal(real("/up"), "/usr/bin/p3");
  assert.equal(real("/"), "/");
  assert.equal(real("/../.."), "/");
  assert.equal(real("/one"), undefined);
  assert.equal(real("/dangling"), undefined);
});

Deno.test("LocalDisk sees files, links and directories, and names that are not UTF-8", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const odd = `${folder}/` + "\xff\xfe.txt" as ByteString;
    Deno.writeTextFileSync(`${folder}/a`, "content");
    Deno.chmodSync(`${folder}/a`, 0o755);
    Deno.symlinkSync("a", `${folder}/link`);
    Deno.mkdirSync(`${folder}/d`);
    // A shell makes the name: the runtime cannot.
    new Deno.Command("sh", { args: ["-c", `printf odd > "$(printf '%s/\\377\\376.txt' ${folder})"`] }).outputSync();
    using disk = new LocalDisk();
    const at = (name: string) => fromText(`${folder}/${name}`);
    assert.equal(disk.stat(at("link"))?.type, "file");
    assert.equal(disk.stat(at("link"))?.executable, true);
    assert.equal(disk.stat(at("link"))?.id, disk.lstat(at("a"))?.id);
    assert.equal(disk.lstat(at("link"))?.type, "link");
    assert.equal(disk.readLink(at("link")), "a");
    assert.equal(disk.readLink(at("a")), undefined);
    assert.equal(disk.stat(at("gone")), undefined);
    assert.equal(byteString(disk.read(at("a"), { offset: 3, length: 100 })!), "tent");
    assert.equal(byteString(disk.read(odd, { offset: 0, length: 100 })!), "odd");
    assert.equal(byteString(disk.read(at("a"), { offset: 0, length: 1 })!), "c");
    assert.equal(disk.read(at("gone"), { offset: 0, length: 1 }), undefined);
    assert.deepEqual([...disk.list(fromText(folder))!].sort(), ["a", "d", "link", "\xff\xfe.txt"]);
    assert.equal(disk.list(at("a")), undefined);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("LocalDisk.read() does not wait for the other end of a fifo", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.ok(new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync().success);
    using disk = new LocalDisk();
    assert.equal(disk.stat(fromText(`${folder}/fifo`))?.type, "other");
    disk.read(fromText(`${folder}/fifo`), { offset: 0, length: 1 });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("bytesAsText() keeps every byte", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(toBytes(bytesAsText(all)), all);
  const plain = Uint8Array.of(0x41, 0x81, 0x8d, 0x8f, 0x90, 0x9d, 0xa0, 0xff);
  assert.deepEqual(toBytes(bytesAsText(plain)), plain);
});
