import assert from "node:assert/strict";
import { WriteOut } from "../../../lib/agent/write_out.ts";

/** Starts helpers, and ends them when the test says so. */
function helpers() {
  const ends: (() => void)[] = [];
  const done: string[] = [];
  const writeOut = new WriteOut((onEnd) => ends.push(onEnd));
  const request = (name: string) => void writeOut.request().then(() => done.push(name));
  return { writeOut, ends, done, request };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("request() is done when the helper has closed its directory, not when it has ended", async () => {
  const { writeOut, ends, done, request } = helpers();
  request("a");
  writeOut.opened();
  ends[0]();
  await settle();
  assert.deepEqual(done, []);
  writeOut.closed();
  await settle();
  assert.deepEqual(done, ["a"]);
});

Deno.test("request() is done when the helper ends without having come that far", async () => {
  const { ends, done, request } = helpers();
  request("a");
  await settle();
  assert.deepEqual(done, []);
  ends[0]();
  await settle();
  assert.deepEqual(done, ["a"]);
});

Deno.test("requests that come while a helper runs share the next one", async () => {
  const { writeOut, ends, done, request } = helpers();
  request("a");
  writeOut.opened();
  request("b");
  request("c");
  assert.equal(ends.length, 1);
  writeOut.closed();
  await settle();
  assert.deepEqual([ends.length, done], [2, ["a"]]);
  // The first helper's end is none of the second.
  ends[0]();
  await settle();
  assert.deepEqual(done, ["a"]);
  ends[1]();
  await settle();
  assert.deepEqual([ends.length, done], [2, ["a", "b", "c"]]);
});

Deno.test("opened() and closed() of nobody's do nothing", () => {
  const { writeOut, ends } = helpers();
  writeOut.opened();
  writeOut.closed();
  assert.equal(ends.length, 0);
});
