import assert from "node:assert/strict";
import { readBudget } from "../../suites/support/budget.ts";
import { formatChecks, readExcluded } from "../../suites/support/excluded.ts";
import { Random } from "../../fuzz/choices.ts";
import { readTap } from "../../suites/support/tap.ts";

Deno.test("readTap() tells failed checks and those that were not made, by file", () => {
  const output = [
    "# file a/00.t",
    "1..5",
    "ok 1",
    "not ok 2 - tried 'x', expected 0, got EPERM",
    "not ok 3 # TODO later",
    "ok 4 # TODO later",
    "# file b.t",
    "# file c.t",
    "1..1",
    "ok 1",
  ].join("\n");
  assert.deepEqual(readTap(output), [
    { name: "a/00.t", planned: 5, failed: [2, 5] },
    { name: "b.t", planned: 0, failed: [] },
    { name: "c.t", planned: 1, failed: [] },
  ]);
  assert.deepEqual(readTap("nothing of the kind"), []);
});

Deno.test("readExcluded() gives each entry the reason above it", () => {
  const entries = readExcluded("# comment\nreason: one\na/00.t 1,4-6,\n  9\n\nreason: two\nb.t 2\n");
  assert.deepEqual(entries.map(({ name, checks, reason }) => [name, formatChecks([...checks]), reason]), [
    ["a/00.t", "1,4-6,9", "one"],
    ["b.t", "2", "two"],
  ]);
});

Deno.test("readExcluded() refuses entries without a reason, and lines that are none", () => {
  for (const text of ["a.t 1", "reason: \na.t 1", "reason: x\na.t", "reason: x\na.t one"]) {
    assert.throws(() => readExcluded(text), /Cannot use the exclusion/, text);
  }
});

Deno.test("the list of what pjdfstest is known to fail can be read", async () => {
  const text = await Deno.readTextFile(new URL("../../suites/excluded/pjdfstest.txt", import.meta.url));
  assert.ok(readExcluded(text).every(({ checks }) => checks.size > 0));
});

Deno.test("readBudget() refuses what is no number above 0", () => {
  const read = (values: Record<string, string>) => readBudget((name) => values[name]);
  assert.deepEqual(read({}).seeds, [1]);
  assert.deepEqual(read({ SUITE_SEEDS: "3,14", SUITE_SECONDS: "600" }), { ...read({}), seeds: [3, 14], seconds: 600 });
  for (const text of ["", "0", "-1", "ten", "1e3"]) {
    assert.throws(() => read({ SUITE_OPERATIONS: text }), /Cannot use SUITE_OPERATIONS/);
  }
});

Deno.test("Random gives the same numbers for a seed, and others for another", () => {
  const some = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 100 }, () => random.below(10));
  };
  assert.deepEqual(some(1), some(1));
  assert.notDeepEqual(some(1), some(2));
  assert.equal(new Set(some(1)).size, 10);
  assert.ok(some(3).every((number) => number >= 0 && number < 10));
});
