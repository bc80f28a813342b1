import assert from "node:assert/strict";
import { content, digestOf, Fixture, has, store } from "./fixture.ts";
import { SessionProcess } from "./session_process.ts";

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
  const fill = async (seed: number) => {
    await using session = new SessionProcess(["fill", fixture.folder, `${seed}`, "20"]);
    return Number((await session.end())[0]);
  };
  await Promise.all(Array.from({ length: 10 }, (_, seed) => fill(seed + 1)));
  // All but the empty one of ten contents that are the same, and ten of each session.
  assert.equal(fixture.verify(), 10 + 10 * 10);
  assert.equal(fixture.files().length, 110);
  assert.deepEqual(fixture.temporaries(), []);
  assert.equal(await fill(1), 20);
});

Deno.test("ten processes at once replace an index that is damaged", async () => {
  await using fixture = new Fixture();
  await store(fixture.open(), content(1));
  fixture.open().close();
  await using damaged = new Fixture();
  damaged.open().close();
  Deno.writeFileSync(damaged.at("index.db"), content(1, 20_000));
  const fill = async (seed: number) => {
    await using session = new SessionProcess(["fill", damaged.folder, `${seed}`, "4"]);
    await session.end();
  };
  await Promise.all(Array.from({ length: 10 }, (_, seed) => fill(seed + 1)));
  assert.equal(damaged.verify(), 2 + 2 * 10);
});

Deno.test("kill -9 at any moment leaves a cache that is whole", async () => {
  await using fixture = new Fixture();
  const churn = async (seed: number) => {
    await using session = new SessionProcess(["churn", fixture.folder, `${seed}`]);
    assert.equal(await session.line(), "churning");
    // Anywhere in what it does, over and over: that takes it a few ms.
    await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
    await session.kill();
  };
  let found = 0;
  for (let round = 0; round < 8; round++) {
    await Promise.all([1, 2, 3].map((i) => churn(3 * round + i)));
    found += fixture.verify();
    assert.deepEqual(fixture.temporaries(), []);
  }
  assert(found > 0, "it was killed before it did anything");
  const cache = fixture.open();
  cache.clear();
  assert.deepEqual([fixture.files(), cache.summary().entries], [[], 0]);
  assert(has(cache, await store(cache, content(1))));
  assert.equal(digestOf(content(1)), fixture.files()[0]);
});
