import assert from "node:assert/strict";
import type { BlobCache, Digest } from "../../../lib/cache/mod.ts";
import { content, contentOf, digestOf, Fixture, has, type Limits, nextMs, path, store } from "./fixture.ts";

/** Stores contents one after the other, each a ms later. */
async function storeAll(cache: BlobCache, numbers: Iterable<number>, size = 1000): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const number of numbers) {
    digests.push(await store(cache, content(number, size)));
    nextMs();
  }
  return digests;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const found = (cache: BlobCache, digests: Digest[]) => digests.map((digest) => has(cache, digest));

/** Which of ten contents of 1000 bytes are left under limits, when the first was used again before the tenth came. */
async function leftOfTen(limits: Limits): Promise<number[]> {
  await using fixture = new Fixture();
  const cache = fixture.open(limits);
  const digests = await storeAll(cache, upTo(9));
  assert(has(cache, digests[0]));
  nextMs();
  digests.push(...await storeAll(cache, [9]));
  const files = fixture.files();
  assert.equal(cache.summary().entries, files.length);
  assert.equal(cache.summary().bytes, 1000 * files.length);
  assert.deepEqual(found(cache, digests), digests.map((digest) => files.includes(digest)));
  return upTo(10).filter((i) => files.includes(digests[i]));
}

Deno.test("BlobCache evicts the least recently used, to nine tenths of its limits", async () => {
  assert.deepEqual(await leftOfTen({ maxEntries: 10 }), upTo(10));
  assert.deepEqual(await leftOfTen({ maxEntries: 9 }), [0, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(await leftOfTen({ maxSize: 10_000 }), upTo(10));
  assert.deepEqual(await leftOfTen({ maxSize: 9999 }), [0, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("BlobCache.create() takes nothing that is larger than the whole cache", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ maxSize: 1000 });
  const large = content(1, 1001);
  assert.equal(cache.create(digestOf(large), { size: 1001, path: path("x") }), undefined);
  await store(cache, content(2, 1000));
});

Deno.test("BlobCache keeps its limits with a thousand contents at once, when it is closed at the latest", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ maxEntries: 100 });
  // None is removed while it is in use.
  await Promise.all(upTo(500).map((i) => store(cache, content(i, 10))));
  assert.equal(cache.summary().entries, 500);
  for (const i of upTo(1000).slice(500)) await store(cache, content(i, 10));
  const { entries } = cache.summary();
  assert(entries <= 200, `${entries}, a batch for each`);
  cache.close();
  assert.equal(fixture.files().length, fixture.verify());
  assert(fixture.files().length <= 100);
});

Deno.test("BlobCache evicts a piece at a time for a large content, and the rest when it is closed", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ maxSize: 10_000 });
  await storeAll(cache, upTo(100), 100);
  const large = await store(cache, content(1000, 5000));
  assert(cache.summary().bytes > 10_000);
  cache.close();
  const files = fixture.files();
  assert(files.includes(large));
  assert.equal(files.length, 41);
  assert.equal(fixture.verify(), 41);
});

Deno.test("BlobCache notes uses when it is closed, and of many blobs", async () => {
  await using fixture = new Fixture();
  const first = fixture.open();
  await Promise.all(upTo(300).map((i) => store(first, content(i))));
  first.close();
  nextMs();
  const second = fixture.open();
  const used = upTo(250).map((i) => digestOf(content(i)));
  assert(found(second, used).every(Boolean));
  second.close();
  const third = fixture.open();
  third.prune({ maxEntries: 250 });
  assert.deepEqual(fixture.files(), used.toSorted());
});

Deno.test("BlobCache.prune() and clear() leave what is in use, and say so", async () => {
  await using fixture = new Fixture();
  const [cache, other] = [fixture.open(), fixture.open()];
  const digests = await storeAll(cache, upTo(5));
  const held = cache.find(digests[1])!;
  nextMs();
  assert.deepEqual(other.prune({ maxEntries: 2 }), { entries: 3, bytes: 3000, inUse: 1 });
  assert.deepEqual(found(other, digests), [false, true, false, false, true]);
  assert.deepEqual(other.clear(), { entries: 1, bytes: 1000, inUse: 1 });
  assert.deepEqual(contentOf(held), content(1));
  held.release();
  assert.deepEqual(other.clear(), { entries: 1, bytes: 1000, inUse: 0 });
  assert.deepEqual(fixture.files(), []);
});

Deno.test("BlobCache evicts past many that are in use", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ maxEntries: 100 });
  const held = (await storeAll(cache, upTo(90), 10)).map((digest) => cache.find(digest)!);
  await storeAll(cache, [90, 91, 92], 10);
  const evictions = upTo(20).map((i) => 100 + i);
  await storeAll(cache, evictions, 10);
  assert(cache.summary().entries <= 100);
  for (const [i, blob] of held.entries()) {
    assert(has(cache, digestOf(content(i, 10))));
    blob.release();
  }
});

Deno.test("BlobCache.prune() removes what was not used for days, and keeps to the limits that are given", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digests = await storeAll(cache, upTo(6));
  const daysAgo = (days: number) => Date.now() - days * 86_400_000;
  for (const [i, days] of [10, 5, 4, 2, 1, 0].entries()) {
    fixture.sql(`UPDATE blob SET used = ${daysAgo(days)} WHERE digest = unhex('${digests[i]}')`);
  }
  assert.deepEqual(cache.prune({}), { entries: 0, bytes: 0, inUse: 0 });
  assert.deepEqual(cache.prune({ olderThanDays: 4.5 }), { entries: 2, bytes: 2000, inUse: 0 });
  assert.deepEqual(cache.prune({ maxSize: 3500 }), { entries: 1, bytes: 1000, inUse: 0 });
  assert.deepEqual(cache.prune({ maxEntries: 2, olderThanDays: 0.5 }), { entries: 2, bytes: 2000, inUse: 0 });
  assert.deepEqual(fixture.files(), [digests[5]]);
  assert.deepEqual(cache.summary(), { entries: 1, bytes: 1000, maxEntries: 1000, maxSize: 100 << 20 });
});
