import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { rootOverlay } from "../../../lib/agent/root_overlay.ts";
import type { NodeId } from "../../../lib/fuse/mod.ts";
import {
  Errno,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  SEEK_DATA,
  SEEK_HOLE,
} from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";

const b = (name: string) => name as ByteString;
const BLOCK = 64 * 1024;

/** An open file of `blocks` blocks that hold letters: A, B and so on. */
async function letters(fixture: Fixture, name: string, { blocks = 3, flags = O_RDWR } = {}) {
  const content = Uint8Array.from({ length: blocks * BLOCK }, (_, at) => 65 + Math.floor(at / BLOCK));
  fixture.make({ [name]: content });
  const node = await fixture.walk(name);
  return { node, fh: await fixture.open(node, flags) };
}

async function byteAt(fixture: Fixture, { node, fh }: { node: NodeId; fh: number }, offset: number): Promise<string> {
  return await fixture.read(node, { fh, offset, size: 1 });
}

Deno.test("fallocate() changes the local file, and voids what was read ahead of it", async () => {
  using fixture = new Fixture();
  const file = await letters(fixture, "file");
  // A whole block of the reader's, of which a page is handed out.
  assert.equal((await fixture.read(file.node, { ...file, offset: 0, size: 32 * 1024 }))[0], "A");
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  await fixture.mirror.fallocate(file.node, { fh: file.fh, offset: BLOCK, length: BLOCK, mode });
  assert.equal(await byteAt(fixture, file, BLOCK), "\0");
  await fixture.mirror.fallocate(file.node, { fh: file.fh, offset: 0, length: 5 * BLOCK, mode: 0 });
  assert.equal((await fixture.mirror.getattr(file.node, file.fh)).attr.size, 5 * BLOCK);
  assert.equal(fixture.count(FileOp.GETATTR), 0);
  assert.equal(fixture.stat("file").size, 5 * BLOCK);
});

Deno.test("copyFileRange() copies on the local side, and voids what was read ahead of the target", async () => {
  using fixture = new Fixture();
  const source = await letters(fixture, "source", { flags: O_RDONLY });
  const target = await letters(fixture, "target");
  await fixture.read(target.node, { ...target, offset: 0, size: 32 * 1024 });
  const reads = fixture.count(FileOp.READ);
  const to = { nodeId: target.node, fh: target.fh, offset: 0 };
  const copy = { fh: source.fh, offset: 2 * BLOCK, to, length: BLOCK + 1 };
  assert.equal(await fixture.mirror.copyFileRange(source.node, copy), BLOCK);
  assert.equal(fixture.count(FileOp.READ), reads);
  assert.equal(await byteAt(fixture, target, 0), "C");
  assert.equal(await byteAt(fixture, target, BLOCK), "B");
  assert.equal((await fixture.mirror.getattr(target.node, target.fh)).attr.mtime, fixture.stat("target").mtime);
  assert.equal(fixture.count(FileOp.GETATTR), 0);
});

Deno.test("copyFileRange() of a file of the remote machine is left to the kernel", async () => {
  using fixture = new Fixture({ overlay: rootOverlay() });
  fixture.make({ "etc/other": "" });
  const { fh: overlaid } = await fixture.mirror.open(await fixture.walk("etc/hosts"), O_RDONLY, caller);
  const target = await letters(fixture, "target");
  const to = { nodeId: target.node, fh: target.fh, offset: 0 };
  await fails(Errno.EOPNOTSUPP, () => fixture.mirror.copyFileRange(ROOT, { fh: overlaid, offset: 0, to, length: 1 }));
  const into = { nodeId: ROOT, fh: overlaid, offset: 0 };
  const copy = { fh: target.fh, offset: 0, to: into, length: 1 };
  await fails(Errno.EOPNOTSUPP, () => fixture.mirror.copyFileRange(target.node, copy));
});

Deno.test("lseek() finds the local file's data and holes", async () => {
  using fixture = new Fixture();
  const file = await letters(fixture, "file", { flags: O_RDONLY });
  Deno.truncateSync(fixture.at("file"), 2 * BLOCK);
  Deno.truncateSync(fixture.at("file"), 5 * BLOCK);
  const seek = (offset: number, whence: number) => fixture.mirror.lseek(file.node, { fh: file.fh, offset, whence });
  assert.equal(await seek(0, SEEK_HOLE), 2 * BLOCK);
  assert.equal(await seek(5, SEEK_DATA), 5);
  await fails(Errno.ENXIO, () => seek(2 * BLOCK, SEEK_DATA));
});

Deno.test("lseek() in a file that is being written waits for the writes that the kernel has collected", async () => {
  const helpers: (() => void)[] = [];
  using fixture = new Fixture({ syncFiles: (onEnd) => helpers.push(onEnd) });
  const { node, fh } = await letters(fixture, "file", { flags: O_RDWR | O_TRUNC });
  const stranger = { ...caller, pid: 0 };
  const found = fixture.mirror.lseek(node, { fh, offset: 0, whence: SEEK_HOLE });
  const { fh: directory } = await fixture.mirror.opendir(ROOT, stranger);
  const written = fixture.write(node, fh, "collected");
  fixture.mirror.releasedir(ROOT, directory);
  assert.equal(await found, 9);
  assert.equal(await written, 9);
  const order = fixture.requests.map(({ op }) => op).filter((op) => op === FileOp.WRITE || op === FileOp.SEEK);
  assert.deepEqual([order, helpers.length], [[FileOp.WRITE, FileOp.SEEK], 1]);
});

Deno.test("lseek() in a file that is only read asks at once", async () => {
  using fixture = new Fixture({ syncFiles: () => assert.fail("a helper was started") });
  const { node, fh } = await letters(fixture, "file", { flags: O_RDONLY });
  assert.equal(await fixture.mirror.lseek(node, { fh, offset: 0, whence: SEEK_DATA }), 0);
});

Deno.test("lseek() in a file of the remote machine finds data to its end", async () => {
  using fixture = new Fixture({ overlay: rootOverlay() });
  fixture.make({ "etc/other": "" });
  const node = await fixture.walk("etc/hosts");
  const { attr: { size } } = await fixture.mirror.getattr(node, undefined);
  const seek = (offset: number, whence: number) => fixture.mirror.lseek(node, { fh: 0, offset, whence });
  assert.deepEqual([await seek(1, SEEK_DATA), await seek(1, SEEK_HOLE)], [1, size]);
  await fails(Errno.ENXIO, () => seek(size, SEEK_DATA));
});

Deno.test("tmpfile() makes a file without a name, which link() gives one", async () => {
  using fixture = new Fixture();
  fixture.make({ "d/other": "" });
  const dir = await fixture.walk("d");
  const { entry, opened } = await fixture.mirror.tmpfile(dir, { flags: O_RDWR, mode: 0o666, umask: 0o27 }, caller);
  assert.deepEqual([entry.attr.nlink, entry.attr.mode & 0o777], [0, 0o640]);
  await fixture.write(entry.nodeId, opened.fh, "text");
  assert.deepEqual([...Deno.readDirSync(fixture.at("d"))].map(({ name }) => name), ["other"]);
  assert.equal((await fixture.mirror.getattr(entry.nodeId, undefined)).attr.size, 4);
  const linked = await fixture.mirror.link(entry.nodeId, dir, b("name"), caller);
  assert.deepEqual([linked.nodeId, linked.attr.nlink], [entry.nodeId, 1]);
  fixture.mirror.release(entry.nodeId, opened.fh);
  assert.equal(await fixture.cat("d/name"), "text");
});

Deno.test("tmpfile() and what is done without a handle fail with an errno", async () => {
  using fixture = new Fixture({ overlay: rootOverlay() });
  const how = { flags: O_RDWR, mode: 0o666, umask: 0 };
  const proc = await fixture.walk("proc");
  await fails(Errno.EROFS, () => fixture.mirror.tmpfile(proc, how, caller));
  await fails(Errno.EINVAL, () => fixture.mirror.tmpfile(ROOT, { ...how, flags: O_RDONLY }, caller));
  await fails(Errno.EBADF, () => fixture.mirror.fallocate(ROOT, { fh: 9, offset: 0, length: 1, mode: 0 }));
  await fails(Errno.EBADF, () => fixture.mirror.lseek(ROOT, { fh: 9, offset: 0, whence: SEEK_DATA }));
});

Deno.test("statx() tells when a file was made", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  const { attr } = await fixture.mirror.statx(node, undefined);
  const { btime, btimeNsec } = fixture.stat("file");
  assert.deepEqual([attr.btime, attr.btimeNsec], [btime, btimeNsec]);
  assert.equal(fixture.count(FileOp.GETATTR), 0);
});
