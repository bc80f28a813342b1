import assert from "node:assert/strict";
import { feed, replay } from "./child.ts";
import { Script } from "./choices.ts";
import { formatInput, parseInput } from "./target.ts";
import { targets } from "./targets.ts";

/** For each target, its start left out; all of them together are done in half a minute. */
const SECONDS = 2;
/** For those whose rounds are long. */
const MORE_SECONDS = 3.5;
const saved = new URL("saved/", import.meta.url);
const isRoot = Deno.uid() === 0;

for (const target of targets) {
  // Only root can become another user.
  const ignore = target.name.endsWith("of a user") && !isRoot;
  Deno.test(`${target.name}: forged messages are refused, and do no harm`, { ignore }, async () => {
    const seed = Date.now() % 1_000_000_000;
    const seconds = /mirror|server/.test(target.name) ? MORE_SECONDS : SECONDS;
    const { success, rounds, output } = await feed(target.name, { seconds, seed });
    assert.ok(success, output);
    console.log(`${target.name}: ${rounds} rounds from seed ${seed}`);
    assert.ok(rounds > 0);
  });
}

for (const { name } of Deno.readDirSync(saved)) {
  Deno.test(`saved input: ${name.replaceAll("_", " ").replace(/\.txt$/, "")}`, async () => {
    const { success, output } = await replay(new URL(name, saved).pathname);
    assert.ok(success, output);
  });
}

Deno.test("parseInput() takes what formatInput() gives, and lines that begin with #", () => {
  const input = [Uint8Array.of(0, 255), new Uint8Array()];
  const text = `# a line about it\n${formatInput(targets[0], input)}`;
  assert.deepEqual(parseInput(text), { name: targets[0].name, input });
});

Deno.test("Script.below() makes decisions of any bytes, and of none", () => {
  const from = new Script(Uint8Array.of(7, 0, 0, 1));
  assert.deepEqual([from.below(5), from.below(1000), from.below(3)], [2, 256, 0]);
});
