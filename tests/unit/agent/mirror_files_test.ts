import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE } from "../../../lib/fuse/mod.ts";
import { Errno, O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import { decodeOpen, encodeWritten, FileNote, FileOp } from "../../../lib/protocol/mod.ts";
import type { Incoming } from "../../../lib/rpc/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;

Deno.test("create(), write(), read() and release() are what they are locally", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR | O_CREAT | O_EXCL);
  assert.equal(fixture.stat("file").mode & 0o7777, 0o644);
  assert.equal(await fixture.write(node, fh, "content"), 7);
  assert.equal(await fixture.write(node, fh, "X", 3), 1);
  assert.equal(await fixture.read(node, { fh }), "conXent");
  await fixture.mirror.flush(node, fh, 1n);
  await fixture.mirror.fsync(node, fh, true, caller);
  fixture.mirror.release(node, fh);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "conXent");
  await fixture.lookup(ROOT, "other");
  assert.equal(fixture.notes.at(-1)?.op, FileNote.RELEASE);
  await fails(Errno.EBADF, () => fixture.read(node, { fh, size: 1 }));
});

Deno.test("write() tells the attributes that come of it", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR);
  await fixture.write(node, fh, "content", 100);
  const before = fixture.count(FileOp.GETATTR);
  const { attr } = await fixture.mirror.getattr(node, fh);
  assert.deepEqual(attr, { ...fixture.stat("file"), xattrNames: "" });
  assert.equal(fixture.count(FileOp.GETATTR), before);
});

Deno.test("write() of what the kernel collected never goes to the end of the file", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const appending = await fixture.open(node, O_WRONLY | O_APPEND);
  const data = new TextEncoder().encode("C");
  const collected = { fh: appending, offset: 0, data, cached: true };
  await fails(Errno.EIO, () => fixture.mirror.write(node, collected, caller));
  await fixture.open(node, O_RDWR);
  await fixture.mirror.write(node, collected, caller);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "Content");
});

Deno.test("read() past the page cache sees what was appended", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR | O_APPEND);
  const reader = await fixture.open(node, O_RDONLY);
  assert.equal(await fixture.read(node, { fh, size: 2 }), "co");
  await fixture.write(node, fh, " and more", 7);
  assert.equal(await fixture.read(node, { fh }), "content and more");
  assert.equal(await fixture.read(node, { fh: reader }), "content and more");
});

Deno.test("a file that was removed while open can be read, written, changed and linked through its handle", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.mirror.unlink(ROOT, b("file"));
  assert.equal(await fixture.read(node, { fh }), "content");
  await fixture.write(node, fh, "C");
  assert.equal(await fixture.read(node, { fh }), "Content");
  assert.equal((await fixture.mirror.getattr(node, undefined)).attr.nlink, 0);
  const { attr } = await fixture.mirror.setattr(node, { size: 3, mode: 0o600, fh, killSuidgid: false }, caller);
  assert.deepEqual([attr.size, attr.mode & 0o7777], [3, 0o600]);
  // As /proc/self/fd/N is opened.
  assert.equal(await fixture.content(node), "Con");
  fixture.mirror.release(node, fh);
  await fails(Errno.ESTALE, () => fixture.open(node));
});

Deno.test("setattr() changes what it is told, and nothing else", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const { mirror } = fixture;
  const before = fixture.stat("file");
  const unchanged = await mirror.setattr(node, { ctime: { sec: 1, nsec: 1 }, killSuidgid: false }, caller);
  assert.deepEqual(unchanged.attr, { ...before, xattrNames: "" });
  assert.equal(fixture.count(FileOp.SETATTR), 0);
  const past = { sec: -2, nsec: 999_999_999 };
  await mirror.setattr(node, { atime: past, mtime: { sec: 5, nsec: 6 }, killSuidgid: false }, caller);
  const { atime, atimeNsec, mtime, mtimeNsec, size, mode } = fixture.stat("file");
  assert.deepEqual([atime, atimeNsec, mtime, mtimeNsec], [-2, 999_999_999, 5, 6]);
  assert.deepEqual([size, mode], [before.size, before.mode]);
  await mirror.setattr(node, { mtime: "now", killSuidgid: false }, caller);
  assert.ok(fixture.stat("file").mtime > 1_700_000_000);
  assert.equal(fixture.stat("file").atime, -2);
});

Deno.test("with write-back a file that is opened for writing alone is opened for reading too", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const { flags } = await fixture.mirror.open(node, O_WRONLY, caller);
  assert.equal(flags, FOPEN_KEEP_CACHE);
  assert.deepEqual(opens(fixture), [O_RDWR]);
});

for (const writeBack of [true, false]) {
  Deno.test(`appending ${writeBack ? "with" : "without"} write-back goes to where the end is locally`, async () => {
    using fixture = new Fixture({ writeBack });
    fixture.make({ file: "content" });
    const node = await fixture.walk("file");
    const { fh, flags } = await fixture.mirror.open(node, O_WRONLY | O_APPEND, caller);
    assert.deepEqual(opens(fixture), [O_WRONLY | O_APPEND]);
    assert.equal((flags & FOPEN_DIRECT_IO) !== 0, writeBack);
    Deno.writeTextFileSync(fixture.at("file"), " more", { append: true });
    await fixture.write(node, fh, "!", 7);
    assert.equal(Deno.readTextFileSync(fixture.at("file")), "content more!");
  });
}

Deno.test("a file that may be written and not read is opened for that, past the page cache", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  fixture.intercept = (incoming) => {
    const refused = incoming.op === FileOp.OPEN && (decodeOpen(incoming.body).flags & 3) !== O_WRONLY;
    if (refused) incoming.fail(Errno.EACCES);
    return refused;
  };
  const { fh, flags } = await fixture.mirror.open(node, O_WRONLY, caller);
  assert.equal(flags, FOPEN_DIRECT_IO);
  await fixture.write(node, fh, "C");
  await fails(Errno.EACCES, () => fixture.open(node, O_RDONLY));
  await fails(Errno.EACCES, () => fixture.open(node, O_RDWR));
});

function opens(fixture: Fixture): number[] {
  return fixture.requests.filter(({ op }) => op === FileOp.OPEN).map(({ body }) => decodeOpen(body).flags);
}

Deno.test("open() with O_TRUNC empties the file, and is no change by somebody else", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const reader = await fixture.open(node);
  assert.equal(await fixture.read(node, { fh: reader }), "content");
  const fh = await fixture.open(node, O_RDWR | O_TRUNC);
  assert.equal(await fixture.read(node, { fh: reader }), "");
  await fixture.write(node, fh, "new");
  assert.equal(await fixture.read(node, { fh: reader }), "new");
  fixture.mirror.release(node, fh);
  assert.equal(await fixture.walk("file"), node);
});

Deno.test("open() of what is no regular file fails with the local errno, and again later", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  Deno.symlinkSync("file", fixture.at("link"));
  const link = await fixture.walk("link");
  await fails(Errno.ELOOP, () => fixture.open(link));
  await fails(Errno.ELOOP, () => fixture.open(link));
  assert.equal(await fixture.cat("file"), "content");
});

Deno.test("handles are used again, and never two files at a time have one", async () => {
  using fixture = new Fixture();
  fixture.make({ a: "a", b: "b", c: "c" });
  const nodes = [await fixture.walk("a"), await fixture.walk("b"), await fixture.walk("c")];
  for (let round = 0; round < 3; round++) {
    const handles = await Promise.all(nodes.map((node) => fixture.open(node)));
    assert.equal(new Set(handles).size, 3);
    assert.ok(Math.max(...handles) <= 3);
    for (const [index, fh] of handles.entries()) {
      assert.equal(await fixture.read(nodes[index], { fh }), "abc"[index]);
      fixture.mirror.release(nodes[index], fh);
    }
  }
});

Deno.test("the handle of an open that failed is used again", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  fixture.intercept = (incoming) => (incoming.fail(Errno.EMFILE), true);
  for (let i = 0; i < 5; i++) await fails(Errno.EMFILE, () => fixture.open(node));
  for (let i = 0; i < 5; i++) await fails(Errno.EMFILE, () => fixture.create(ROOT, "new", O_RDWR));
  fixture.intercept = () => false;
  assert.equal(await fixture.open(node), 1);
});

Deno.test("flush() asks nobody about a handle since whose last flush nothing was written", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const [reader, one, other] = [
    await fixture.open(node),
    await fixture.open(node, O_RDWR),
    await fixture.open(node, O_RDWR),
  ];
  const flush = (fh: number) => fixture.mirror.flush(node, fh, 1n);
  for (const fh of [reader, one, other]) await flush(fh);
  assert.equal(fixture.count(FileOp.FLUSH), 0);
  await fixture.write(node, one, "x");
  for (const fh of [reader, one, other, one, other]) await flush(fh);
  assert.equal(fixture.count(FileOp.FLUSH), 2);
  await fixture.write(node, one, "y");
  await flush(one);
  assert.equal(fixture.count(FileOp.FLUSH), 3);
});

Deno.test("flush() of a written file gives the local error", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.write(node, fh, "x");
  fixture.intercept = (incoming) => (incoming.fail(Errno.EDQUOT), true);
  // As often as it is asked.
  for (let i = 0; i < 2; i++) await fails(Errno.EDQUOT, () => Promise.resolve(fixture.mirror.flush(node, fh, 1n)));
  await fails(Errno.EDQUOT, () => fixture.write(node, fh, "x"));
  await fails(Errno.EDQUOT, () => fixture.mirror.fsync(node, fh, false, caller));
});

Deno.test("write() of what was collected goes on where the local side took a part, and gives the error in its way", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR);
  const write = (cached: boolean) =>
    fixture.mirror.write(node, { fh, offset: 0, data: new TextEncoder().encode("content"), cached }, caller);
  const partly = (then: (incoming: Incoming) => boolean) => {
    fixture.intercept = (incoming) => {
      incoming.reply(encodeWritten({ written: 3, stat: fixture.stat("file") }));
      fixture.intercept = then;
      return true;
    };
  };
  partly(() => false);
  assert.equal(await write(true), 7);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "\0\0\0tent");
  partly((incoming) => (incoming.fail(Errno.ENOSPC), true));
  await fails(Errno.ENOSPC, () => write(true));
  assert.equal(fixture.mirror.lostWrite?.errno, Errno.ENOSPC);
  partly(() => false);
  // A program's own write(2) is told of the part.
  assert.equal(await write(false), 3);
});

Deno.test("fsync() ends when its caller gives up", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR);
  fixture.intercept = () => true;
  const giveUp = new AbortController();
  const syncing = fixture.mirror.fsync(node, fh, false, { ...caller, signal: giveUp.signal });
  giveUp.abort();
  await fails(Errno.ECANCELED, () => syncing);
});

Deno.test("a write of the largest size arrives byte for byte", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "file", O_RDWR);
  const data = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  assert.equal(await fixture.mirror.write(node, { fh, offset: 3, data }, caller), data.length);
  assert.equal(Buffer.compare(Deno.readFileSync(fixture.at("file")).subarray(3), data), 0);
});

Deno.test("a local change while an open for writing is under way gives ESTALE, not the old content", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const node = await fixture.walk("file");
  fixture.make({ file: "new content" });
  // A lookup by somebody else is answered while the opening is.
  const opening = fixture.open(node, O_RDWR);
  const looking = fixture.lookup(ROOT, "file");
  await fails(Errno.ESTALE, () => opening);
  assert.notEqual((await looking).nodeId, node);
});
