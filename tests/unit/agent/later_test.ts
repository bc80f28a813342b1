import assert from "node:assert/strict";
import { Later } from "../../../lib/agent/later.ts";

Deno.test("Later does nothing before its time, then all that has gathered, and waits for no time where nothing does", () => {
  const { now } = performance;
  let at = 1000;
  performance.now = () => at;
  try {
    const later = new Later();
    const done: string[] = [];
    assert.equal(later.waitMs, -1);
    later.add(() => done.push("a"));
    const wait = later.waitMs;
    assert.ok(wait > 0);
    at += wait - 1;
    later.add(() => {
      done.push("b");
      later.add(() => done.push("c"));
    });
    later.run();
    assert.deepEqual(done, []);
    at += 1;
    assert.equal(later.waitMs, 0);
    later.run();
    assert.deepEqual(done, ["a", "b"]);
    // What an action adds has a time of its own.
    assert.equal(later.waitMs, wait);
    at += wait;
    later.run();
    assert.deepEqual([done, later.waitMs], [["a", "b", "c"], -1]);
  } finally {
    performance.now = now;
  }
});
