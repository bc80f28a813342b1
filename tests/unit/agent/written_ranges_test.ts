/** What was written to a file since it was empty. */
import assert from "node:assert/strict";
import { WrittenRanges } from "../../../lib/agent/written_ranges.ts";
import type { Stat } from "../../../lib/linux/mod.ts";
import { Random } from "../../fuzz/choices.ts";

function state(mtimeNsec: number, changes: Partial<Stat> = {}): Stat {
  const times = { atime: 1, mtime: 1, ctime: 1, btime: 1, atimeNsec: 0, mtimeNsec, ctimeNsec: mtimeNsec, btimeNsec: 0 };
  const rest = { nlink: 1, uid: 0, gid: 0, rdev: 0, size: 1, blocks: 8, blksize: 4096 };
  return { dev: 1, ino: 2n, mode: 0o100644, ...times, ...rest, ...changes };
}

Deno.test("touches() is exact to the byte", () => {
  const written = new WrittenRanges(state(0));
  assert.equal(written.touches(0, 1 << 30), false);
  written.add(10, 20);
  written.add(30, 40);
  const cases = [[0, 10], [0, 11], [9, 10], [10, 11], [19, 20], [20, 30], [20, 31], [39, 50], [40, 50]];
  const touched = cases.map(([start, end]) => written.touches(start, end));
  assert.deepEqual(touched, [false, true, false, true, true, false, true, true, false]);
});

Deno.test("any order of writes and cuts is as a map of the bytes", () => {
  const random = new Random(1);
  const SIZE = 64;
  for (let round = 0; round < 200; round++) {
    const written = new WrittenRanges(state(0));
    const bytes = new Uint8Array(SIZE);
    for (let step = 0; step < 40; step++) {
      const start = random.below(SIZE);
      const end = start + random.below(SIZE - start + 1);
      if (random.below(4) === 0) {
        written.cut(start);
        bytes.fill(0, start);
      } else {
        written.add(start, end);
        bytes.fill(1, start, end);
      }
      for (let at = 0; at < SIZE; at++) assert.equal(written.touches(at, at + 1), bytes[at] === 1, `byte ${at}`);
      const [from, to] = [random.below(SIZE), SIZE];
      assert.equal(written.touches(from, to), bytes.subarray(from, to).includes(1));
    }
  }
});

Deno.test("add() joins what is adjacent, and says when there are too many ranges to keep", () => {
  const written = new WrittenRanges(state(0));
  for (let i = 0; i < 10_000; i++) assert.equal(written.add(i * 10, i * 10 + 10), true);
  written.cut(0);
  for (let i = 0; i < 1024; i++) assert.equal(written.add(i * 10, i * 10 + 1), true);
  assert.equal(written.add(5, 6), false);
});

Deno.test("cut() to nothing begins anew", async () => {
  const written = new WrittenRanges(state(0));
  const { since } = written;
  await new Promise((resolve) => setTimeout(resolve, 2));
  written.cut(1);
  assert.equal(written.since, since);
  written.cut(0);
  assert.ok(written.since > since);
});

Deno.test("isOurs() knows the states that were left last, by size and times", () => {
  const written = new WrittenRanges(state(0));
  assert.ok(written.isOurs(state(0)));
  written.left(state(1));
  written.left(state(2));
  assert.ok(written.isOurs(state(1, { atime: 9, blocks: 9 })));
  for (const change of [{ size: 2 }, { mtime: 2 }, { mtimeNsec: 9 }, { ctime: 2 }, { ctimeNsec: 9 }]) {
    assert.ok(!written.isOurs(state(1, change)), JSON.stringify(change));
  }
  for (let i = 3; i < 1000; i++) written.left(state(i));
  assert.ok(written.isOurs(state(999)) && written.isOurs(state(950)));
  assert.ok(!written.isOurs(state(1)));
});
