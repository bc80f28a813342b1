import assert from "node:assert/strict";
import { Errno, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, SEEK_DATA, SEEK_HOLE } from "../../../lib/linux/mod.ts";
import {
  decodeCopied,
  decodePosition,
  decodeStat,
  encodeAllocate,
  encodeCopy,
  encodeNumber,
  encodeSeek,
  FileNote,
  FileOp,
} from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

const BLOCK = 64 * 1024;

/** A file of four blocks that is open under a handle. */
function withFile(fixture: Fixture, fh: number, flags = O_RDWR): string {
  const name = `file${fh}`;
  Deno.writeFileSync(fixture.at(name), new Uint8Array(4 * BLOCK).fill(fh));
  fixture.open(fh, fixture.ref(name), flags);
  return fixture.at(name);
}

Deno.test("FALLOCATE makes room and holes, and tells the attributes that come of it", async () => {
  using fixture = new Fixture();
  const path = withFile(fixture, 3);
  const allocate = async (offset: number, length: number, mode: number) =>
    decodeStat(await fixture.askLater(FileOp.FALLOCATE, encodeAllocate({ fh: 3, offset, length, mode })));
  assert.equal((await allocate(0, 5 * BLOCK, 0)).size, 5 * BLOCK);
  assert.equal((await allocate(0, 8 * BLOCK, FALLOC_FL_KEEP_SIZE)).size, 5 * BLOCK);
  const { blocks } = await allocate(BLOCK, BLOCK, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE);
  assert.equal(Deno.statSync(path).blocks, blocks);
  const content = Deno.readFileSync(path);
  assert.deepEqual([content[0], content[BLOCK], content[2 * BLOCK - 1], content[2 * BLOCK]], [3, 0, 0, 3]);
});

Deno.test("SEEK finds data and holes, and ENXIO behind the end", async () => {
  using fixture = new Fixture();
  withFile(fixture, 3);
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  await fixture.askLater(FileOp.FALLOCATE, encodeAllocate({ fh: 3, offset: BLOCK, length: BLOCK, mode }));
  const seek = (offset: number, whence: number) =>
    decodePosition(fixture.ask(FileOp.SEEK, encodeSeek({ fh: 3, offset, whence })));
  assert.deepEqual([seek(0, SEEK_HOLE), seek(BLOCK, SEEK_DATA), seek(2 * BLOCK, SEEK_HOLE)], [
    BLOCK,
    2 * BLOCK,
    4 * BLOCK,
  ]);
  for (const whence of [SEEK_DATA, SEEK_HOLE]) {
    assert.equal(fixture.errno(FileOp.SEEK, encodeSeek({ fh: 3, offset: 4 * BLOCK, whence })), Errno.ENXIO);
  }
});

Deno.test("COPY copies what there is from one open file to another, and within one", async () => {
  using fixture = new Fixture();
  withFile(fixture, 3, O_RDONLY);
  const target = withFile(fixture, 4);
  const copy = async (from: number, fromOffset: number, toOffset: number, length: number) =>
    decodeCopied(await fixture.askLater(FileOp.COPY, encodeCopy({ from, fromOffset, to: 4, toOffset, length })));
  const { copied, stat } = await copy(3, 1, 4 * BLOCK - 10, 20);
  assert.deepEqual([copied, stat.size], [20, 4 * BLOCK + 10]);
  assert.equal((await copy(3, 4 * BLOCK - 5, 0, Number.MAX_SAFE_INTEGER)).copied, 5);
  assert.equal((await copy(3, 4 * BLOCK, 0, 10)).copied, 0);
  assert.equal((await copy(4, 0, 10, 5)).copied, 5);
  const content = Deno.readFileSync(target);
  assert.deepEqual([...content.subarray(0, 16)], [3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 4]);
  assert.deepEqual([...content.subarray(4 * BLOCK - 11)], [4, ...new Array(20).fill(3)]);
});

Deno.test({
  name: "COPY goes between file systems",
  ignore: Deno.uid() !== 0,
  fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const probe = new URL("./copied_files.ts", import.meta.url).pathname;
      const mount = 'mkdir "$1/other" && mount -t tmpfs none "$1/other" && shift && exec "$@"';
      const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", probe, folder];
      const args = ["--mount", "--propagation", "private", "sh", "-c", mount, "sh", folder, ...deno];
      const { stdout, stderr } = new Deno.Command("unshare", { args }).outputSync();
      assert.equal(new TextDecoder().decode(stderr), "");
      assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), { copied: (3 << 20) - 1, same: true });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test("operations on ranges of what is not open fail with EBADF, and of what is not open so with the local errno", async () => {
  using fixture = new Fixture();
  withFile(fixture, 3, O_RDONLY);
  const allocate = (fh: number, length: number) => encodeAllocate({ fh, offset: 0, length, mode: 0 });
  assert.equal(await fixture.errnoLater(FileOp.FALLOCATE, allocate(9, 1)), Errno.EBADF);
  assert.equal(await fixture.errnoLater(FileOp.FALLOCATE, allocate(3, 1)), Errno.EBADF);
  assert.equal(fixture.errno(FileOp.SEEK, encodeSeek({ fh: 9, offset: 0, whence: SEEK_DATA })), Errno.EBADF);
  for (const [from, to] of [[3, 9], [9, 3], [3, 3]]) {
    const body = encodeCopy({ from, fromOffset: 0, to, toOffset: BLOCK, length: 1 });
    assert.equal(await fixture.errnoLater(FileOp.COPY, body), Errno.EBADF);
  }
});

Deno.test("a file that is closed while it is copied stays open until that is done", async () => {
  using fixture = new Fixture();
  const before = fixture.descriptors();
  withFile(fixture, 3, O_RDONLY);
  const target = withFile(fixture, 4);
  const body = encodeCopy({ from: 3, fromOffset: 0, to: 4, toOffset: BLOCK, length: BLOCK });
  const reply = fixture.askLater(FileOp.COPY, body);
  for (const fh of [3, 4]) fixture.notify(FileNote.RELEASE, encodeNumber(fh));
  assert.equal(decodeCopied(await reply).copied, BLOCK);
  assert.equal(Deno.readFileSync(target)[BLOCK], 3);
  assert.equal(fixture.descriptors(), before);
});
