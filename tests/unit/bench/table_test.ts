import assert from "node:assert/strict";
import { ratio, seconds, table } from "../../bench/table.ts";

Deno.test("table() aligns its columns", () => {
  const text = [
    "|        |    s |",
    "| ------ | ---: |",
    "| `true` | 0.12 |",
    "| a      |    7 |",
  ];
  assert.equal(table(["", "s"], [["`true`", "0.12"], ["a", "7"]]), text.join("\n"));
});

Deno.test("seconds() and ratio() keep about three digits", () => {
  assert.deepEqual([4, 365, 3473, 91_520, 123_400].map(seconds), ["0.004", "0.365", "3.47", "91.5", "123"]);
  assert.deepEqual([0.4567, 2.083, 87.46, 5420.4].map(ratio), ["0.46", "2.08", "87.5", "5420"]);
});
