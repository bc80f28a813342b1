import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { bindNow, NO_BIRTH, type Stat } from "../../../lib/linux/mod.ts";
import { DigestTable } from "../../../lib/prefetch/digest_table.ts";
import { chunkOf, digestOf, statOf } from "./digest_writer.ts";
import { ProgramSession } from "./trace_sessions.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

const SETS = 6250;
const TABLE_BYTES = SETS * 4096;

/** A table in a folder of its own. */
class Fixture {
  readonly top = Deno.makeTempDirSync();
  readonly path = `${this.top}/digests`;
  table = new DigestTable(this.path);

  [Symbol.dispose](): void {
    this.table.close();
    Deno.removeSync(this.top, { recursive: true });
  }

  reopen(): void {
    this.table.close();
    this.table = new DigestTable(this.path);
  }

  put(ino: number, day = 1): void {
    this.table.put(chunkOf(ino), { digest: digestOf(ino), day });
  }

  has(ino: number, day = 1): boolean {
    const found = this.table.find(chunkOf(ino), day);
    assert.ok(found === undefined || found === digestOf(ino));
    return found !== undefined;
  }
}

Deno.test("DigestTable finds what was put, also later and through another descriptor", () => {
  using fixture = new Fixture();
  assert.equal(fixture.has(1), false);
  const other = new DigestTable(fixture.path);
  fixture.put(1);
  assert.equal(fixture.has(1), true);
  assert.equal(other.find(chunkOf(1), 1), digestOf(1));
  other.close();
  fixture.reopen();
  assert.equal(fixture.has(1), true);
  assert.equal(fixture.has(2), false);
});

Deno.test("DigestTable goes by every identifying attribute to the last digit, and by no other", () => {
  using fixture = new Fixture();
  const stat = statOf(1, { ino: 2n ** 64n - 1n, size: 2 ** 53 - 1, mtime: -1, btime: NO_BIRTH });
  fixture.table.put({ stat, chunk: 1 }, { digest: digestOf(1), day: 1 });
  const others: Partial<Stat>[] = [
    { dev: stat.dev + 1 },
    { ino: stat.ino - 1n },
    { size: stat.size - 1 },
    { mtime: 0 },
    { mtimeNsec: 5 },
    { ctime: 6 },
    { ctimeNsec: 7 },
    { btime: 0 },
    { btimeNsec: 9 },
  ];
  for (const other of others) {
    assert.equal(fixture.table.find({ stat: { ...stat, ...other }, chunk: 1 }, 1), undefined, Object.keys(other)[0]);
  }
  assert.equal(fixture.table.find({ stat, chunk: 0 }, 1), undefined, "chunk");
  const same = { ...stat, mode: 1, nlink: 2, uid: 3, gid: 4, atime: 5 };
  assert.equal(fixture.table.find({ stat: same, chunk: 1 }, 1), digestOf(1));
});

Deno.test("DigestTable holds one digest of a chunk, the last, and those of others", () => {
  using fixture = new Fixture();
  fixture.put(1);
  fixture.table.put(chunkOf(1, { size: 7 }), { digest: digestOf(7), day: 1 });
  assert.equal(fixture.has(1), false);
  const other = { ...chunkOf(1, { size: 7 }), chunk: 1 };
  fixture.table.put(other, { digest: digestOf(8), day: 1 });
  assert.equal(fixture.table.find(chunkOf(1, { size: 7 }), 1), digestOf(7));
  assert.equal(fixture.table.find(other, 1), digestOf(8));
});

/** Inode numbers of files whose first chunks share a set: its number is the CRC-32 of u64 ino, u64 dev, and u32 chunk. */
function neighbours(count: number): number[] {
  const bytes = new Uint8Array(20);
  const fields = new DataView(bytes.buffer);
  fields.setBigUint64(8, BigInt(statOf(0).dev), true);
  const found: number[] = [];
  for (let ino = 1; found.length < count; ino++) {
    fields.setUint32(0, ino, true);
    if (crc32(bytes) % SETS === 0) found.push(ino);
  }
  return found;
}

Deno.test("DigestTable forgets what was used least recently where a set is full", () => {
  using fixture = new Fixture();
  const [first, second, third, ...others] = neighbours(34);
  for (const ino of [first, second, third]) fixture.put(ino, 5);
  for (const ino of others.slice(0, 29)) fixture.put(ino, 6);
  assert.equal(fixture.has(first, 7), true, "used again");
  const [last, next] = others.slice(29);
  fixture.put(last, 7);
  fixture.put(next, 7);
  assert.deepEqual([first, second, third, ...others].filter((ino) => !fixture.has(ino, 7)), [second, third]);
});

Deno.test("DigestTable takes a damaged slot for a free one", () => {
  using fixture = new Fixture();
  fixture.put(1);
  const start = Deno.readFileSync(fixture.path).findIndex((byte) => byte !== 0);
  using file = Deno.openSync(fixture.path, { read: true, write: true });
  const flip = (at: number) => {
    const byte = new Uint8Array(1);
    file.seekSync(at, Deno.SeekMode.Start);
    file.readSync(byte);
    byte[0] ^= 0x10;
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(byte);
  };
  let sensitive = 0;
  for (let at = start; at < start + 128; at++) {
    flip(at);
    if (!fixture.has(1)) sensitive++;
    flip(at);
    // A lookup on another day writes the slot, as it then was.
    fixture.put(1);
  }
  assert.equal(sensitive, 100, "all but the day of the last use and what is not in use");
});

Deno.test("DigestTable makes do with whatever the file is", () => {
  using fixture = new Fixture();
  const rubbish = new Uint8Array(100_000).map((_, i) => (i * 7919) % 251);
  const ways: Record<string, () => void> = {
    rubbish: () => Deno.writeFileSync(fixture.path, rubbish),
    ones: () => Deno.writeFileSync(fixture.path, new Uint8Array(TABLE_BYTES).fill(0xff)),
    empty: () => Deno.truncateSync(fixture.path, 0),
    cut: () => Deno.truncateSync(fixture.path, TABLE_BYTES / 2 + 77),
  };
  for (const [name, damage] of Object.entries(ways)) {
    damage();
    fixture.has(1);
    fixture.put(1);
    assert.equal(fixture.has(1), true, name);
  }
  Deno.truncateSync(fixture.path, 2 ** 40);
  fixture.reopen();
  assert.equal(Deno.statSync(fixture.path).size, TABLE_BYTES);
  assert.equal(fixture.has(1), true);
});

Deno.test("DigestTable opens neither links nor folders, and nothing once it is closed", () => {
  using fixture = new Fixture();
  Deno.symlinkSync(fixture.path, `${fixture.top}/link`);
  assert.throws(() => new DigestTable(`${fixture.top}/link`), /ELOOP/);
  assert.throws(() => new DigestTable(fixture.top), /EISDIR/);
  fixture.put(1);
  fixture.table.close();
  // It gets the descriptor's number.
  using other = Deno.createSync(`${fixture.top}/other`);
  assert.equal(fixture.has(1), false);
  fixture.put(2);
  assert.equal(other.statSync().size, 0);
});

Deno.test("DigestTable makes its file for the user alone", () => {
  const umask = Deno.umask(0);
  using fixture = new Fixture();
  Deno.umask(umask);
  assert.equal(Deno.statSync(fixture.path).mode! & 0o777, 0o600);
});

Deno.test("DigestTable gives sessions that write at once, and are killed, no wrong digest", async () => {
  using fixture = new Fixture();
  await using sessions = new AsyncDisposableStack();
  const [one, other, killed] = [200, 200, 1e9].map((rounds) =>
    sessions.use(new ProgramSession("digest_writer.ts", [fixture.path, String(rounds)]))
  );
  await killed.lines(1);
  assert.deepEqual([await one.end(), await other.end()], [0, 0]);
  await killed.kill();
  for (let ino = 1; ino <= 50; ino++) fixture.has(ino);
  fixture.put(51);
  assert.equal(fixture.has(51), true);
});
