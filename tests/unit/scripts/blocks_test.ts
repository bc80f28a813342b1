import assert from "node:assert/strict";
import { Blocks } from "../../../scripts/blocks.ts";

/** Blocks, and what they have shown, by piece. */
function make() {
  const shown: string[] = [];
  return { blocks: new Blocks((text) => shown.push(text)), shown: () => shown.splice(0).join("") };
}

Deno.test("Blocks shows the oldest block as it comes, and the next one when that has ended", () => {
  const { blocks, shown } = make();
  const [one, two] = [blocks.begin(), blocks.begin()];
  one.say("1a ");
  two.say("2a ");
  assert.equal(shown(), "1a ");
  two.say("2b ");
  one.say("1b ");
  assert.equal(shown(), "1b ");
  one.end();
  assert.equal(shown(), "2a 2b ");
  two.say("2c ");
  assert.equal(shown(), "2c ");
});

Deno.test("Blocks shows what has ended meanwhile before what still goes on, each in one piece", () => {
  const { blocks, shown } = make();
  const [one, two, three, four] = [1, 2, 3, 4].map(() => blocks.begin());
  for (const block of [two, four, three, two, three]) block.say(`${[one, two, three, four].indexOf(block) + 1} `);
  three.end();
  assert.equal(shown(), "");
  one.say("1 ");
  one.end();
  assert.equal(shown(), "1 3 3 2 2 ");
  two.say("2 ");
  four.end();
  assert.equal(shown(), "2 ");
  two.end();
  assert.equal(shown(), "4 ");
  const five = blocks.begin();
  five.say("5 ");
  assert.equal(shown(), "5 ");
});
