import assert from "node:assert/strict";
import { usesTable } from "../../e2e/uses_table.ts";

Deno.test("usesTable() has a row for each host and result, of medians", () => {
  const lines = [
    { host: "a", result: "runs", first: { ms: 1000, bytes: 34_567_890 }, reuse: { ms: 400, bytes: 0 } },
    { host: "a", result: "runs", first: { ms: 9000, bytes: 34_567_890 }, reuse: { ms: 300, bytes: 0 } },
    {
      ...{ host: "a", result: "runs", first: { ms: 2000, bytes: 34_567_890 }, reuse: { ms: 200, bytes: 0 } },
      update: { ms: 500, bytes: 612_345 },
    },
    { host: "b", result: "refused", first: { ms: 250 } },
  ];
  const expected = [
    "| host | result  | first use, s | reuse, s | MB at first | at an update | at reuse |",
    "| ---- | ------- | -----------: | -------: | ----------: | -----------: | -------: |",
    "| a    | runs    |         2.00 |    0.300 |       34.57 |         0.61 |        0 |",
    "| b    | refused |        0.250 |          |             |              |          |",
  ];
  assert.equal(usesTable(lines.map((line) => `${JSON.stringify(line)}\n`).join("")), expected.join("\n"));
});
