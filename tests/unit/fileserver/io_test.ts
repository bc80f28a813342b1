import assert from "node:assert/strict";
import { fromText, Writer } from "../../../lib/bytes/mod.ts";
import { Errno, O_APPEND } from "../../../lib/linux/mod.ts";
import {
  decodeWritten,
  encodeFlush,
  encodeNumber,
  encodeRead,
  encodeSync,
  encodeWrite,
  FileNote,
  FileOp,
  type WriteOut,
} from "../../../lib/protocol/mod.ts";
import { NOT_READY } from "../../../lib/rpc/mod.ts";
import { Fixture, O_RDONLY, O_RDWR, O_WRONLY } from "./fixture.ts";

function writeBody(fh: number, offset: number, data: Uint8Array | string): Uint8Array {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Writer().bytes(encodeWrite({ fh, offset })).bytes(bytes).finish();
}

function write(fixture: Fixture, fh: number, offset: number, data: Uint8Array | string): WriteOut {
  return decodeWritten(fixture.ask(FileOp.WRITE, writeBody(fh, offset, data)));
}

/** Bytes that differ at every place of a piece and from piece to piece. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 16) * 3 + (i >> 8)) & 255);
}

/** A server of /proc: its files cannot be read without waiting (EOPNOTSUPP), so every piece goes to a thread. */
function procFixture(): Fixture {
  return new Fixture({ root: fromText("/proc") });
}

Deno.test("READ gives the bytes of a range, fewer only at the end", async () => {
  using fixture = new Fixture();
  const content = pattern(300_000);
  Deno.writeFileSync(fixture.at("file"), content);
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  for (const [offset, size] of [[0, 300_000], [1, 10], [65_535, 131_074], [299_999, 100], [100, 0]]) {
    assert.deepEqual(
      await fixture.read(1, offset, size),
      content.slice(offset, offset + size),
    );
  }
  assert.equal((await fixture.read(1, 300_000, 1)).length, 0);
  assert.equal((await fixture.read(1, Number.MAX_SAFE_INTEGER - 1, 1000)).length, 0);
});

Deno.test("READ never gives more than it was asked for, whatever the piece", async () => {
  using fixture = new Fixture();
  Deno.writeFileSync(fixture.at("file"), pattern(1000));
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  for (const piece of [1, 7, 100, 1000]) {
    assert.deepEqual(await fixture.read(1, 10, 100, piece), pattern(1000).slice(10, 110));
  }
});

Deno.test("READ goes in the flow of its handle, and two handles take turns", () => {
  using fixture = new Fixture();
  const content = pattern(4 << 16);
  for (const name of ["a", "b"]) Deno.writeFileSync(fixture.at(name), content);
  fixture.open(1, fixture.ref("a"), O_RDONLY);
  fixture.open(7, fixture.ref("b"), O_RDONLY);
  const first = fixture.source(1, 0, 4 << 16);
  const second = fixture.source(7, 1 << 16, 1 << 16);
  assert.deepEqual([first.flow, second.flow], [1, 7]);
  const into = new Uint8Array(1 << 16);
  assert.equal(first.source.pull(into), 1 << 16);
  assert.deepEqual(into, content.slice(0, 1 << 16));
  assert.equal(second.source.pull(into), 1 << 16);
  assert.deepEqual(into, content.slice(1 << 16, 2 << 16));
  assert.equal(second.source.pull(into), 0);
  assert.equal(first.source.pull(into), 1 << 16);
  assert.deepEqual(into, content.slice(1 << 16, 2 << 16));
  first.source.cancel!();
});

Deno.test("READ gives EBADF without a handle, and when it was opened for writing", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  assert.equal(fixture.errno(FileOp.READ, encodeRead({ fh: 4, offset: 0, size: 1 })), Errno.EBADF);
  fixture.open(1, fixture.ref("file"), O_WRONLY);
  assert.equal(await fixture.readErrno(1), Errno.EBADF);
});

Deno.test("READ waits for the disk off the thread when the page cache has nothing", async () => {
  using fixture = new Fixture();
  const content = pattern(200_000);
  Deno.writeFileSync(fixture.at("file"), content);
  // Writes it out and drops it from the page cache, where the file system is on a disk.
  new Deno.Command("dd", {
    args: [`of=${fixture.at("file")}`, "conv=notrunc,fsync", "oflag=nocache", "count=0", "status=none"],
  }).outputSync();
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  assert.deepEqual(await fixture.read(1, 0, 1 << 20), content);
});

Deno.test("READ goes off the thread where a file system cannot say what would wait", async () => {
  using fixture = procFixture();
  const expected = Deno.readFileSync("/proc/kallsyms").subarray(0, 150_000);
  fixture.open(1, fixture.ref("kallsyms"), O_RDONLY);
  assert.deepEqual(await fixture.read(1, 0, 150_000), expected);
  assert.ok(fixture.server.statistics.diskReads >= 3);
  // Smaller pieces than what the thread has read.
  const { source } = fixture.source(1, 0, 3000);
  const before = fixture.server.statistics.diskReads;
  const woken = fixture.woken;
  assert.equal(source.pull(new Uint8Array(2000)), NOT_READY);
  assert.equal(source.pull(new Uint8Array(2000)), NOT_READY);
  await woken;
  assert.deepEqual((await fixture.drain(source, 100)).bytes, expected.subarray(0, 3000));
  assert.equal(fixture.server.statistics.diskReads, before + 1);
});

Deno.test("READ reports what a thread failed with", async () => {
  using fixture = procFixture();
  fixture.bind(2, "self");
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE, "a link of /proc is not followed");
  fixture.bind(3, String(Deno.pid));
  // Address 0 is mapped nowhere.
  fixture.open(1, fixture.ref("mem", 3), O_RDONLY);
  assert.equal(await fixture.readErrno(1), Errno.EIO);
});

Deno.test("a read under way keeps its file open after RELEASE", async () => {
  using fixture = procFixture();
  fixture.open(1, fixture.ref("version"), O_RDONLY);
  const { source } = fixture.source(1, 0, 1000);
  const woken = fixture.woken;
  assert.equal(source.pull(new Uint8Array(1000)), NOT_READY);
  fixture.notify(FileNote.RELEASE, encodeNumber(1));
  assert.equal(fixture.errno(FileOp.READ, encodeRead({ fh: 1, offset: 0, size: 1 })), Errno.EBADF);
  await woken;
  const text = new TextDecoder().decode((await fixture.drain(source)).bytes);
  assert.equal(text, Deno.readTextFileSync("/proc/version"));
  assert.equal(fixture.descriptors(), 1);
});

Deno.test("cancel() while a thread reads lets go of the file when the thread is done", async () => {
  using fixture = procFixture();
  fixture.open(1, fixture.ref("version"), O_RDONLY);
  const { source } = fixture.source(1, 0, 1000);
  assert.equal(source.pull(new Uint8Array(1000)), NOT_READY);
  source.cancel!();
  fixture.notify(FileNote.RELEASE, encodeNumber(1));
  assert.equal(fixture.descriptors(), 2, "the thread is reading");
  for (let i = 0; i < 5000 && fixture.descriptors() > 1; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(fixture.descriptors(), 1);
  assert.equal(source.pull(new Uint8Array(1000)), 0);
});

Deno.test("cancel() before the end lets go of the file", () => {
  using fixture = new Fixture();
  Deno.writeFileSync(fixture.at("file"), pattern(1000));
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  const { source } = fixture.source(1, 0, 1000);
  source.pull(new Uint8Array(10));
  fixture.notify(FileNote.RELEASE, encodeNumber(1));
  assert.equal(fixture.descriptors(), 2);
  source.cancel!();
  source.cancel!();
  assert.equal(fixture.descriptors(), 1);
});

Deno.test("WRITE answers the bytes written and the attributes after it", () => {
  using fixture = new Fixture();
  fixture.create(1, "file");
  assert.equal(write(fixture, 1, 0, "hello").stat.size, 5);
  const { written, stat } = write(fixture, 1, 3, pattern(1 << 20));
  assert.deepEqual([written, stat.size], [1 << 20, 3 + (1 << 20)]);
  assert.deepEqual(Deno.readFileSync(fixture.at("file")).slice(3), pattern(1 << 20));
  assert.equal(write(fixture, 1, 0, "").written, 0);
});

Deno.test("WRITE and READ work beyond 4 GiB", async () => {
  using fixture = new Fixture();
  fixture.create(1, "file");
  const far = 5 * 2 ** 30 + 3;
  assert.equal(write(fixture, 1, far, "there").stat.size, far + 5);
  assert.equal(new TextDecoder().decode(await fixture.read(1, far - 2, 100)), "\0\0there");
  assert.equal(fixture.lookup(1, "file").blocks < 1000, true, "the file is sparse");
});

Deno.test("WRITE through a handle opened with O_APPEND appends whatever the offset", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("log"), "one\n");
  fixture.open(1, fixture.ref("log"), O_WRONLY | O_APPEND);
  assert.equal(write(fixture, 1, 0, "two\n").stat.size, 8);
  Deno.writeTextFileSync(fixture.at("log"), "local\n", { append: true });
  write(fixture, 1, 4, "three\n");
  assert.equal(Deno.readTextFileSync(fixture.at("log")), "one\ntwo\nlocal\nthree\n");
});

Deno.test("WRITE answers an errno: no handle, opened for reading, too far", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  fixture.open(2, fixture.ref("file"), O_RDWR);
  assert.equal(fixture.errno(FileOp.WRITE, writeBody(9, 0, "x")), Errno.EBADF);
  assert.equal(fixture.errno(FileOp.WRITE, writeBody(1, 0, "x")), Errno.EBADF);
  const errno = fixture.errno(FileOp.WRITE, writeBody(2, Number.MAX_SAFE_INTEGER - 1, "x"));
  assert.equal(errno, Errno.EFBIG);
});

Deno.test("FLUSH, FSYNC and FSYNCDIR succeed on what is open, and give EBADF otherwise", async () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d"));
  fixture.bind(2, "d");
  fixture.create(1, "file");
  write(fixture, 1, 0, "12345");
  const before = fixture.descriptors();
  assert.equal(fixture.errno(FileOp.FLUSH, encodeFlush({ fh: 1, owner: 1n })), 0);
  for (const dataOnly of [true, false]) {
    assert.equal(await fixture.errnoLater(FileOp.FSYNC, encodeSync({ id: 1, dataOnly })), 0);
    assert.equal(await fixture.errnoLater(FileOp.FSYNCDIR, encodeSync({ id: 2, dataOnly })), 0);
    assert.equal(await fixture.errnoLater(FileOp.FSYNC, encodeSync({ id: 9, dataOnly })), Errno.EBADF);
    assert.equal(await fixture.errnoLater(FileOp.FSYNCDIR, encodeSync({ id: 9, dataOnly })), Errno.EBADF);
  }
  assert.equal(fixture.errno(FileOp.FLUSH, encodeFlush({ fh: 9, owner: 1n })), Errno.EBADF);
  assert.equal(fixture.descriptors(), before);
});

Deno.test("FSYNC reports what a file cannot do", async () => {
  using fixture = procFixture();
  fixture.open(1, fixture.ref("version"), O_RDONLY);
  assert.equal(await fixture.errnoLater(FileOp.FSYNC, encodeSync({ id: 1, dataOnly: false })), Errno.EINVAL);
});

Deno.test("FSYNC under way keeps its file open after RELEASE", async () => {
  using fixture = new Fixture();
  fixture.create(1, "file");
  write(fixture, 1, 0, pattern(1 << 20));
  const syncing = fixture.errnoLater(FileOp.FSYNC, encodeSync({ id: 1, dataOnly: false }));
  fixture.notify(FileNote.RELEASE, encodeNumber(1));
  assert.equal(fixture.descriptors(), 2, "the thread is syncing");
  assert.equal(await syncing, 0);
  assert.equal(fixture.descriptors(), 1);
});
