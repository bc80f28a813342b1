import assert from "node:assert/strict";
import { alternate, median, Series, time } from "../../bench/measure.ts";

const options = { cwd: "/", limitMs: 20_000 };

Deno.test("median() takes the middle, or the mean of the two there", () => {
  assert.equal(median([30, 1, 2]), 2);
  assert.equal(median([4, 1, 30, 2]), 3);
});

Deno.test("time() measures a program to its end", async () => {
  const ms = await time(["sh", "-c", "sleep 0.05; echo unheard"], options);
  assert.ok(typeof ms === "number" && ms >= 50 && ms < 20_000, String(ms));
});

Deno.test("time() says how a program failed, and kills it at its limit", async () => {
  assert.equal(await time(["sh", "-c", "exit 3"], options), "status 3");
  assert.equal(await time(["sleep", "100"], { ...options, limitMs: 100 }), "> 0.1 s");
});

Deno.test("Series has no median once a run failed", () => {
  const series = new Series();
  assert.equal(series.median, undefined);
  series.add(7);
  assert.equal(series.median, 7);
  series.add("status 1");
  series.add("status 2");
  assert.deepEqual([series.median, series.failure], [undefined, "status 1"]);
});

Deno.test("alternate() takes turns, and leaves out what failed or was slow", async () => {
  const calls: string[] = [];
  const variant = (name: string, result: number | string) => () => {
    calls.push(name);
    return Promise.resolve(result);
  };
  const series = await alternate(
    { good: variant("good", 1), bad: variant("bad", "status 1"), slow: variant("slow", 60) },
    { runs: 3, limitMs: 100, onRun: () => {} },
  );
  assert.deepEqual(calls, ["good", "bad", "slow", "good", "slow", "good"]);
  assert.deepEqual([series.good.count, series.bad.failure, series.slow.count], [3, "status 1", 2]);
});
