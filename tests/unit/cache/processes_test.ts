import assert from "node:assert/strict";
import { content, Fixture, has, store } from "./fixture.ts";
import { SessionProcess } from "./session_process.ts";

/** Runs so many at once, to the end of each. */
async function atOnce(count: number, run: (number: number) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(Array.from({ length: count }, (_, i) => run(i + 1)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** A session that puts `count` contents into the cache; how many of them it found there. */
async function fill(folder: string, seed: number, count: number): Promise<number> {
  await using session = new SessionProcess(["fill", folder, `${seed}`, `${count}`]);
  return Number((await session.end())[0]);
}

Deno.test("what another process uses is not removed, until it releases it or is killed", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const [one, two] = [await store(cache, content(1)), await store(cache, content(2))];
  await using first = new SessionProcess(["hold", fixture.folder, one]);
  await using second = new SessionProcess(["hold", fixture.folder, two]);
  assert.deepEqual([await first.line(), await second.line()], ["holding", "holding"]);
  assert.deepEqual(cache.clear(), { entries: 0, bytes: 0, inUse: 2 });
  await first.end();
  assert.deepEqual(cache.clear(), { entries: 1, bytes: 1000, inUse: 1 });
  assert(has(cache, two));
  await second.kill();
  assert.deepEqual(cache.clear(), { entries: 1, bytes: 1000, inUse: 0 });
});

Deno.test("what a process writes is left alone while it lives, and removed when it is dead", async () => {
  await using fixture = new Fixture();
  await using writer = new SessionProcess(["begin", fixture.folder]);
  assert.equal(await writer.line(), "writing");
  fixture.open().clear();
  assert.equal(fixture.temporaries().length, 1);
  await writer.kill();
  fixture.open();
  assert.deepEqual(fixture.temporaries(), []);
});

Deno.test("ten processes at once make the cache, and put the same and different contents into it", async () => {
  await using fixture = new Fixture();
  await atOnce(10, async (seed) => void await fill(fixture.folder, seed, 20));
  // Ten contents that are the same, and ten of each session.
  assert.equal(fixture.verify(), 10 + 10 * 10);
  assert.equal(fixture.files().length, 110);
  assert.deepEqual(fixture.temporaries(), []);
  assert.equal(await fill(fixture.folder, 1, 20), 20);
});

Deno.test("ten processes at once replace an index that is damaged", async () => {
  await using fixture = new Fixture();
  fixture.open().close();
  Deno.writeFileSync(fixture.at("index.db"), content(1, 20_000));
  await atOnce(10, async (seed) => void await fill(fixture.folder, seed, 4));
  assert.equal(fixture.verify(), 2 + 2 * 10);
});

Deno.test("kill -9 at any moment leaves a cache that is whole", async () => {
  await using fixture = new Fixture();
  const churn = async (seed: number) => {
    await using session = new SessionProcess(["churn", fixture.folder, `${seed}`]);
    // Some while they start, the others anywhere in what they do over and over, which takes a few ms.
    if (seed % 3 > 0) assert.equal(await session.line(), "churning");
    await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
    await session.kill();
  };
  let found = 0;
  for (let round = 0; round < 8; round++) {
    await atOnce(3, (i) => churn(3 * round + i));
    found += fixture.verify();
    assert.deepEqual(fixture.temporaries(), []);
  }
  assert(found > 0, "they were killed before they did anything");
  const cache = fixture.open();
  cache.clear();
  assert.deepEqual([fixture.files(), cache.summary().entries], [[], 0]);
  assert(has(cache, await store(cache, content(1))));
});
