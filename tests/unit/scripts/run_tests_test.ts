import assert from "node:assert/strict";
import { countTests } from "../../../scripts/run_tests.ts";

Deno.test("countTests() reads the last summary and the skipped tests' names", () => {
  const output = [
    "running 3 tests from ./a_test.ts",
    "a() works ... ok (0ms)",
    "b() ... works ... ignored (0ms)",
    "c() works ... FAILED (due to 1 failed step) (0ms)",
    "",
    "FAILED | 1 passed (1 step) | 2 failed (1 step) | 1 ignored (75ms)",
    "",
  ].join("\n");
  assert.deepEqual(countTests(output), { passed: 1, failed: 2, skipped: ["b() ... works"] });
  assert.deepEqual(countTests(`${output}ok | 4 passed | 0 failed (3ms)\n`)?.passed, 4);
});

Deno.test("countTests() finds nothing where no run came to its end", () => {
  assert.equal(
    countTests("running 3 tests from ./a_test.ts\na() works ... ok (0ms)\nok | 1 passed by hand\n"),
    undefined,
  );
});
