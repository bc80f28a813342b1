/** Contents that came whole are kept for the next session. */
import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Keeper } from "../../../lib/agent/keeper.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { content, digestOf, Fixture, has } from "../cache/fixture.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

Deno.test("what was added is in the cache when nothing waits any more, each content once", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const keeper = new Keeper(cache);
  const contents = Array.from({ length: 20 }, (_, i) => content(i, 1000));
  for (const [i, bytes] of [...contents, contents[3]].entries()) keeper.add(fromText(`/file${i}`), bytes);
  let steps = 0;
  for (; keeper.isBusy; steps++) keeper.step();
  assert.ok(steps > 1, "not all in one step");
  await Promise.resolve();
  for (const bytes of contents) assert.ok(has(cache, digestOf(bytes)));
  assert.equal(cache.summary().entries, 20);
  keeper.finish(0);
});

Deno.test("no more waits than there is room for", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const keeper = new Keeper(cache);
  const bytes = content(1, 1 << 20);
  for (let i = 0; i < 40; i++) keeper.add(fromText("/file"), bytes);
  let steps = 0;
  for (; keeper.isBusy; steps++) keeper.step();
  assert.equal(steps, 4, "32 MiB, 8 at a time");
  keeper.add(fromText("/file"), bytes);
  assert.ok(keeper.isBusy, "and then there is room again");
});

Deno.test("what cannot be kept is left out", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ maxSize: 500 });
  const keeper = new Keeper(cache);
  keeper.add(fromText("/file"), content(1, 1000));
  keeper.add(fromText("/small"), content(2, 100));
  keeper.finish(10_000);
  await Promise.resolve();
  assert.ok(!has(cache, digestOf(content(1, 1000))));
  assert.ok(has(cache, digestOf(content(2, 100))));
});
