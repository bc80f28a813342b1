import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { heldBytes } from "../../../lib/agent/read_ahead.ts";
import { Errno, O_RDWR, O_TRUNC } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, fails, Fixture } from "./mirror_fixture.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const BLOCK = 256 * KiB;
/** What the kernel asks for at a time when a program reads on and on. */
const REQUEST = 128 * KiB;

/** `length` bytes that tell their own position. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return new Uint8Array(words.buffer, 0, length);
}

function assertSame(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  assert.equal(actual.length, expected.length, what);
  assert.equal(Buffer.compare(actual, expected), 0, `${what}: not the bytes of the file`);
}

/** A file, open for reading. */
class Reader {
  readonly fixture: Fixture;
  readonly node: number;
  readonly fh: number;

  private constructor(fixture: Fixture, node: number, fh: number) {
    this.fixture = fixture;
    this.node = node;
    this.fh = fh;
  }

  static async open(fixture: Fixture, content: Uint8Array | string, flags?: number): Promise<Reader> {
    fixture.make({ file: content });
    const node = await fixture.walk("file");
    return new Reader(fixture, node, await fixture.open(node, flags));
  }

  async at(offset: number, size: number, signal = caller.signal): Promise<Uint8Array> {
    const data = await this.fixture.mirror.read(this.node, { fh: this.fh, offset, size }, { ...caller, signal });
    return data.slice();
  }

  /** Reads from the start to the end, as a program does, and compares. */
  async all(expected: Uint8Array, size = REQUEST): Promise<void> {
    let offset = 0;
    for (;;) {
      const data = await this.at(offset, size);
      assertSame(data, expected.subarray(offset, offset + size), `at ${offset}`);
      offset += data.length;
      if (data.length < size) break;
    }
    assert.equal(offset, expected.length);
  }

  release(): void {
    this.fixture.mirror.release(this.node, this.fh);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

for (
  const [what, slice, size] of [["at once", Infinity, 4 * MiB], ["slowly, in odd pieces", 50_021, 20 * MiB]] as const
) {
  Deno.test(`a sequential reader gets the file byte for byte, with pieces that arrive ${what}`, async () => {
    using fixture = new Fixture();
    const content = pattern(size + 12_345);
    using reader = await Reader.open(fixture, content);
    fixture.bridge.throttle(slice);
    await reader.all(content);
    const reads = fixture.reads();
    // Each block once, and nothing twice.
    assert.equal(reads.length, Math.ceil(content.length / BLOCK));
    assert.ok(reads.every(({ offset }) => offset % BLOCK === 0));
    reader.release();
    assert.equal(heldBytes(), 0);
  });
}

Deno.test("a sequential reader has blocks asked for ahead of it, 2 MiB at most", async () => {
  using fixture = new Fixture();
  const content = pattern(8 * MiB);
  using reader = await Reader.open(fixture, content);
  let furthest = 0;
  for (let offset = 0; offset < 4 * MiB; offset += REQUEST) {
    await reader.at(offset, REQUEST);
    furthest = Math.max(...fixture.reads().map((read) => read.offset + read.size));
    assert.ok(furthest <= offset + REQUEST + 2 * MiB + BLOCK, `${furthest} at ${offset}`);
  }
  assert.ok(furthest >= 5.5 * MiB, `${furthest}`);
});

Deno.test("the first block comes with the opening, and is a small file whole", async () => {
  using fixture = new Fixture();
  using reader = await Reader.open(fixture, "content");
  const asked = fixture.requests.length;
  assert.deepEqual(fixture.reads(), [{ fh: reader.fh, offset: 0, size: 7 }]);
  assert.equal(Buffer.from(await reader.at(0, 4096)).toString(), "content");
  assert.equal(fixture.requests.length, asked);
});

Deno.test("what was handed out is not held any longer", async () => {
  using fixture = new Fixture();
  const content = pattern(12 * MiB);
  using reader = await Reader.open(fixture, content);
  // Small pieces: a block's last bytes come before its end is told.
  fixture.bridge.throttle(20_000);
  for (let offset = 0; offset < content.length; offset += REQUEST) {
    await reader.at(offset, REQUEST);
    assert.ok(heldBytes() <= 2 * MiB + 2 * BLOCK, `${heldBytes()} bytes held at ${offset}`);
  }
  reader.release();
  assert.equal(heldBytes(), 0);
});

Deno.test("a file that is read again and again holds no more than one that is read once", async () => {
  using fixture = new Fixture();
  const content = pattern(6 * MiB);
  using reader = await Reader.open(fixture, content);
  for (let round = 0; round < 4; round++) {
    await reader.all(content);
    assert.ok(heldBytes() <= 2 * MiB + 2 * BLOCK, `${heldBytes()} bytes held`);
  }
});

Deno.test("random reads of any size get the right bytes", async () => {
  using fixture = new Fixture();
  const content = pattern(5 * MiB + 777);
  using reader = await Reader.open(fixture, content);
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fff_ffff) % below;
  for (let i = 0; i < 300; i++) {
    const [offset, size] = [random(content.length + 1000), 1 + random(i % 3 === 0 ? MiB : 70_000)];
    assertSame(await reader.at(offset, size), content.subarray(offset, offset + size), `${size} at ${offset}`);
  }
  reader.release();
  assert.equal(heldBytes(), 0);
});

Deno.test("small random reads ask for what they need and no more", async () => {
  using fixture = new Fixture();
  const content = pattern(64 * MiB);
  using reader = await Reader.open(fixture, content);
  for (const offset of [40, 3, 60, 20, 50, 10]) await reader.at(offset * MiB, 4096);
  const asked = fixture.reads().slice(1).reduce((sum, { size }) => sum + size, 0);
  assert.equal(asked, 6 * 4096);
});

Deno.test("requests of one reader that come out of order, several at a time, are right", async () => {
  using fixture = new Fixture();
  const content = pattern(6 * MiB);
  using reader = await Reader.open(fixture, content);
  fixture.bridge.throttle(100_003);
  for (let offset = 0; offset < content.length; offset += 4 * REQUEST) {
    const offsets = [1, 0, 3, 2].map((i) => offset + i * REQUEST);
    const parts = await Promise.all(offsets.map((at) => reader.at(at, REQUEST)));
    for (const [i, at] of offsets.entries()) assertSame(parts[i], content.subarray(at, at + REQUEST), `at ${at}`);
  }
});

Deno.test("reads at and beyond the end are short and empty", async () => {
  using fixture = new Fixture();
  const content = pattern(BLOCK + 100);
  using reader = await Reader.open(fixture, content);
  assertSame(await reader.at(BLOCK + 90, 4096), content.subarray(BLOCK + 90));
  assert.equal((await reader.at(BLOCK + 100, 4096)).length, 0);
  assert.equal((await reader.at(10 * MiB, REQUEST)).length, 0);
  assertSame(await reader.at(0, 1 * MiB), content);
});

Deno.test("an empty file is empty, and is not asked for with the opening", async () => {
  using fixture = new Fixture();
  using reader = await Reader.open(fixture, "");
  assert.equal(fixture.reads().length, 0);
  assert.equal((await reader.at(0, REQUEST)).length, 0);
});

Deno.test("a write is never followed by data that was read ahead of it", async () => {
  using fixture = new Fixture();
  const content = pattern(3 * MiB);
  using reader = await Reader.open(fixture, content, O_RDWR);
  await reader.at(0, REQUEST);
  await reader.at(REQUEST, REQUEST);
  assert.ok(fixture.reads().some(({ offset }) => offset >= BLOCK), "something is read ahead");
  const patch = new Uint8Array(1000).fill(0xaa);
  for (const offset of [BLOCK + 5, 2 * BLOCK - 500]) {
    content.set(patch, offset);
    assert.equal(await fixture.mirror.write(reader.node, { fh: reader.fh, offset, data: patch }, caller), 1000);
    for (let at = BLOCK; at < 3 * BLOCK; at += REQUEST) {
      assertSame(await reader.at(at, REQUEST), content.subarray(at, at + REQUEST), `at ${at}`);
    }
  }
});

Deno.test("what was written or cut off through another handle is read at once", async () => {
  using fixture = new Fixture();
  const content = pattern(2 * MiB);
  using reader = await Reader.open(fixture, content);
  const other = await fixture.open(reader.node, O_RDWR);
  await reader.at(0, REQUEST);
  await fixture.write(reader.node, other, "new", BLOCK);
  assert.equal(Buffer.from(await reader.at(BLOCK, 3)).toString(), "new");
  await reader.at(REQUEST, REQUEST);
  await fixture.mirror.setattr(reader.node, { size: BLOCK + 2, killSuidgid: false }, caller);
  assert.equal(Buffer.from(await reader.at(BLOCK, 4096)).toString(), "ne");
});

Deno.test("what was read ahead of an open that empties the file is not given out after it", async () => {
  using fixture = new Fixture();
  using reader = await Reader.open(fixture, pattern(2 * MiB));
  await reader.at(0, REQUEST);
  await fixture.open(reader.node, O_RDWR | O_TRUNC);
  assert.equal((await reader.at(REQUEST, REQUEST)).length, 0);
});

Deno.test("a read that waits while the file is written gets its bytes all the same", async () => {
  using fixture = new Fixture();
  const content = pattern(2 * MiB);
  using reader = await Reader.open(fixture, content, O_RDWR);
  fixture.bridge.throttle(0);
  const waiting = reader.at(2 * BLOCK, REQUEST);
  const writing = fixture.write(reader.node, reader.fh, "x", MiB);
  // This one finds the block of the first outdated.
  const second = reader.at(2 * BLOCK, REQUEST);
  fixture.bridge.throttle(Infinity);
  assertSame(await waiting, content.subarray(2 * BLOCK, 2 * BLOCK + REQUEST));
  assertSame(await second, content.subarray(2 * BLOCK, 2 * BLOCK + REQUEST));
  await writing;
});

Deno.test("a reader with its file at a standstill sees what is appended locally once it is told the size", async () => {
  using fixture = new Fixture({ writeBack: false });
  using reader = await Reader.open(fixture, "one\n", O_RDWR);
  assert.equal(Buffer.from(await reader.at(0, 4096)).toString(), "one\n");
  Deno.writeTextFileSync(fixture.at("file"), "two\n", { append: true });
  fixture.pass();
  const { attr } = await fixture.mirror.getattr(reader.node, reader.fh);
  assert.equal(attr.size, 8);
  assert.equal(Buffer.from(await reader.at(0, 4096)).toString(), "one\ntwo\n");
  assert.equal(Buffer.from(await reader.at(4, 4096)).toString(), "two\n");
});

Deno.test("a file that is cut off locally while it is read ahead ends where it ends", async () => {
  using fixture = new Fixture();
  const content = pattern(2 * MiB);
  using reader = await Reader.open(fixture, content);
  await reader.at(0, REQUEST);
  Deno.truncateSync(fixture.at("file"), BLOCK + 10);
  fixture.pass(1001);
  assertSame(await reader.at(BLOCK, REQUEST), content.subarray(BLOCK, BLOCK + 10));
  assert.equal((await reader.at(BLOCK + REQUEST, REQUEST)).length, 0);
});

Deno.test("what was read ahead is not believed for longer than attributes are, but for a program's", async () => {
  for (const [start, expected] of [["text", "new"], ["\x7fELF", "old"]]) {
    using fixture = new Fixture();
    using reader = await Reader.open(fixture, `${start} old`);
    await reader.at(0, 4);
    Deno.writeTextFileSync(fixture.at("file"), `${start} new`);
    fixture.pass(1001);
    assert.equal(Buffer.from(await reader.at(5, 3)).toString(), expected);
  }
});

Deno.test("a read that nobody waits for any more is cancelled", async () => {
  using fixture = new Fixture();
  using reader = await Reader.open(fixture, pattern(32 * MiB));
  let cancelled = 0;
  fixture.intercept = (incoming) => {
    incoming.signal.addEventListener("abort", () => cancelled++);
    return incoming.op === FileOp.READ;
  };
  const giveUp = new AbortController();
  const reading = reader.at(20 * MiB, 4096, giveUp.signal);
  await Promise.resolve();
  giveUp.abort();
  await fails(Errno.ECANCELED, () => reading);
  fixture.intercept = () => false;
  await reader.at(0, 4096);
  assert.equal(cancelled, 1);
});

Deno.test("a local error is the reader's errno, and the next read works", async () => {
  for (const [offset, size] of [[0, REQUEST], [3 * MiB, 4096], [BLOCK - 4096, 2 * BLOCK]]) {
    using fixture = new Fixture();
    const content = pattern(4 * MiB);
    using reader = await Reader.open(fixture, content, O_RDWR);
    fixture.intercept = (incoming) => {
      if (incoming.op === FileOp.READ) incoming.fail(Errno.EIO);
      return incoming.op === FileOp.READ;
    };
    await fails(Errno.EIO, () => reader.at(offset, size));
    fixture.intercept = () => false;
    assertSame(await reader.at(offset, size), content.subarray(offset, offset + size));
    reader.release();
    assert.equal(heldBytes(), 0);
  }
});

Deno.test("an error in what was read ahead does not spoil what came before it", async () => {
  using fixture = new Fixture();
  const content = pattern(2 * MiB);
  using reader = await Reader.open(fixture, content);
  fixture.intercept = (incoming) => {
    const ahead = incoming.op === FileOp.READ && fixture.reads().at(-1)!.offset >= 2 * BLOCK;
    if (ahead) incoming.fail(Errno.EIO);
    return ahead;
  };
  for (let at = 0; at < 2 * BLOCK; at += REQUEST) {
    assertSame(await reader.at(at, REQUEST), content.subarray(at, at + REQUEST));
  }
  await fails(Errno.EIO, () => reader.at(2 * BLOCK, REQUEST));
});

Deno.test("a handle that is released while blocks are on their way holds nothing, and cancels them", async () => {
  using fixture = new Fixture();
  const content = pattern(4 * MiB);
  using reader = await Reader.open(fixture, content);
  fixture.bridge.throttle(0);
  const waiting = reader.at(2 * BLOCK, REQUEST);
  waiting.catch(() => {});
  assert.ok(heldBytes() > 0);
  reader.release();
  assert.equal(heldBytes(), 0);
  fixture.bridge.throttle(Infinity);
  await fails(Errno.ECANCELED, () => waiting);
  assert.equal(heldBytes(), 0);
  // The same handle is another file's now.
  fixture.make({ other: "other" });
  assert.equal(await fixture.cat("other"), "other");
});

Deno.test("an open that fails holds nothing", async () => {
  using fixture = new Fixture();
  fixture.make({ file: pattern(MiB) });
  const node = await fixture.walk("file");
  fixture.make({ file: "changed" });
  await fails(Errno.ESTALE, () => fixture.open(node));
  assert.equal(heldBytes(), 0);
});

Deno.test("all files together hold 64 MiB at most, and go on without more", async () => {
  using fixture = new Fixture();
  const content = pattern(BLOCK + REQUEST);
  const readers: { node: number; fh: number }[] = [];
  for (let i = 0; i < 300; i++) fixture.make({ [`file${i}`]: content });
  for (let i = 0; i < 300; i++) {
    const node = await fixture.walk(`file${i}`);
    const fh = await fixture.open(node);
    readers.push({ node, fh });
    assert.ok(heldBytes() <= 64 * MiB, `${heldBytes()} bytes held`);
  }
  assert.ok(heldBytes() > 60 * MiB);
  for (const { node, fh } of readers) {
    const data = await fixture.mirror.read(node, { fh, offset: 0, size: REQUEST }, caller);
    assertSame(data, content.subarray(0, REQUEST));
    assert.ok(heldBytes() <= 64 * MiB);
    fixture.mirror.release(node, fh);
  }
  assert.equal(heldBytes(), 0);
});
