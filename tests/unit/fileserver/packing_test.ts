import assert from "node:assert/strict";
import { loadLz4 } from "../../../lib/compression/mod.ts";
import { Packing } from "../../../lib/fileserver/packing.ts";

const lz4 = await loadLz4();
const block = new Uint8Array(128 * 1024);
const noise = new Uint8Array(128 * 1024);
for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));

/** A clock for which packing a block takes `cost` ms. */
class Clock {
  time = 1000;
  cost = 0;
  /** Packing looks whether it is to be, then before and after: only the last look finds that time has passed. */
  looks = 0;
  readonly now = () => this.time += ++this.looks === 3 ? this.cost : 0;
}

async function prepared(clock: Clock): Promise<Packing> {
  const packing = new Packing(clock.now);
  packing.prepare();
  await loadLz4();
  await Promise.resolve();
  return packing;
}

/** Sends a block every `every` ms for `ms`; how many of them were packed. */
function send(
  packing: Packing,
  clock: Clock,
  { every, ms, cost }: { every: number; ms: number; cost: number },
): number {
  let packed = 0;
  for (const end = clock.time + ms; clock.time < end;) {
    const began = clock.time;
    Object.assign(clock, { cost, looks: 0 });
    const result = packing.pack(block);
    if (result !== undefined) packed++;
    clock.time = Math.max(clock.time, began + every);
    packing.sent(result?.length ?? block.length);
  }
  return packed;
}

Deno.test("Packing packs what gets shorter by a tenth, and nothing before it is prepared", async () => {
  const clock = new Clock();
  assert.equal(new Packing(clock.now).pack(block), undefined);
  const packing = await prepared(clock);
  const packed = packing.pack(block)!;
  assert.ok(packed.length < 2000);
  assert.deepEqual(lz4.decompress(packed, block.length), block);
  assert.equal(packing.pack(noise), undefined);
  const nearly = noise.slice().fill(0, 0, 128 * 1024 * 0.08);
  assert.equal(packing.pack(nearly), undefined, "not worth it");
});

Deno.test("Packing goes on as long as the link waits for nothing", async () => {
  const clock = new Clock();
  const packing = await prepared(clock);
  assert.equal(send(packing, clock, { every: 10, ms: 3000, cost: 0.5 }), 300);
});

Deno.test("Packing stops for 3 s when it takes most of the time, and is tried again then", async () => {
  const clock = new Clock();
  const packing = await prepared(clock);
  send(packing, clock, { every: 3, ms: 250, cost: 2 });
  const fast = { every: 0.4, ms: 2000, cost: 0 };
  assert.equal(send(packing, clock, fast), 0, "the link takes 330 MB/s");
  assert.ok(send(packing, clock, { ...fast, ms: 1200 }) > 0, "3 s are over");
});

Deno.test("Packing goes on at once when the link turns out to be slower than it", async () => {
  const clock = new Clock();
  const packing = await prepared(clock);
  send(packing, clock, { every: 3, ms: 250, cost: 2 });
  assert.equal(send(packing, clock, { every: 10, ms: 120, cost: 0 }), 0);
  assert.ok(send(packing, clock, { every: 10, ms: 300, cost: 0 }) > 5, "13 MB/s");
});

Deno.test("a gap is nobody's slowness: what was measured before it does not count", async () => {
  const clock = new Clock();
  const packing = await prepared(clock);
  for (let i = 0; i < 20; i++) {
    send(packing, clock, { every: 3, ms: 150, cost: 2 });
    clock.time += 60;
  }
  assert.notEqual(packing.pack(block), undefined);
});
