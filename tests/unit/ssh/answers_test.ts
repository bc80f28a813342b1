import assert from "node:assert/strict";
import { Answers } from "../../../lib/ssh/answers.ts";
import type { Transport } from "../../../lib/ssh/transport.ts";

/** Answers of a machine that says these pieces, one after the other. */
function answersOf(...pieces: (string | Uint8Array)[]): Answers {
  const encoder = new TextEncoder();
  const left = pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  const transport: Transport = {
    read: () => Promise.resolve(left.shift()),
    write: () => Promise.resolve(),
    closeWrite: () => {},
    kill: () => {},
    status: Promise.resolve({ code: 0 }),
  };
  return new Answers(transport, "nonce");
}

Deno.test("next() gives the words of our lines, however they are cut, and rest() what comes behind", async () => {
  const answers = answersOf("welcome\nbehind it no", "nce a b\r\nnonce c\nbin\0ary");
  assert.deepEqual(await answers.next(), ["a", "b"]);
  assert.deepEqual(await answers.next(), ["c"]);
  assert.deepEqual(answers.noise, ["welcome"]);
  assert.equal(new TextDecoder().decode(answers.rest()), "bin\0ary");
});

Deno.test("next() and noise have no control characters, neither of ASCII nor U+0080 to U+009F", async () => {
  const answers = answersOf("a\x1b[2Jb\u009b2Jc\x7fd\nnonce err e\x1b]0;f\u0090g\n");
  assert.deepEqual(await answers.next(), ["err", "e", "]0;f", "g"]);
  assert.deepEqual(answers.noise, ["a [2Jb 2Jc d"]);
});

Deno.test("next() gets through a flood of empty lines in time that grows with its length", async () => {
  const answers = answersOf(new Uint8Array(1 << 20).fill(0x0a), "nonce end\n");
  const start = performance.now();
  assert.deepEqual(await answers.next(), ["end"]);
  assert.ok(performance.now() - start < 30_000);
});

Deno.test("noise keeps little of a line without end", async () => {
  const pieces = Array.from({ length: 20 }, () => new Uint8Array(1 << 18).fill(0x41));
  const answers = answersOf(...pieces);
  assert.equal(await answers.next(), undefined);
  assert.deepEqual(answers.noise, ["A".repeat(200)]);
});
