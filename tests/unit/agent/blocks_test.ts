import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Blocks } from "../../../lib/agent/blocks.ts";
import { loadLz4 } from "../../../lib/compression/mod.ts";
import { encodeBlockHeader } from "../../../lib/protocol/mod.ts";

const lz4 = await loadLz4();

function block(content: Uint8Array, packed = false): Uint8Array {
  const body = packed ? lz4.compress(content) : content;
  return Buffer.concat([encodeBlockHeader(content.length, body.length), body]);
}

/** What comes out of these pieces. */
function unpacked(pieces: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const blocks = new Blocks(lz4, (bytes) => parts.push(bytes));
  for (const piece of pieces) blocks.take(piece);
  return Buffer.concat(parts);
}

const text = Buffer.from("abcdefgh".repeat(40));
const noise = Uint8Array.from({ length: 50 }, (_, index) => (index * 151 + 7) & 255);
const whole = Buffer.concat([block(text, true), block(noise), block(text.subarray(0, 1)), block(text, true)]);
const content = Buffer.concat([text, noise, text.subarray(0, 1), text]);

Deno.test("Blocks puts packed and plain blocks together, in pieces that are cut anywhere", () => {
  for (let first = 0; first <= whole.length; first++) {
    for (const second of [first, first + 1, first + 9, whole.length]) {
      const pieces = [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)];
      assert.deepEqual(Buffer.from(unpacked(pieces)), content, `cut at ${first} and ${second}`);
    }
  }
  assert.deepEqual(Buffer.from(unpacked(Array.from(whole, (byte) => Uint8Array.of(byte)))), content);
});

Deno.test("Blocks gives bytes that are the caller's own", () => {
  const piece = Uint8Array.from(block(noise));
  const parts: Uint8Array[] = [];
  new Blocks(lz4, (bytes) => parts.push(bytes)).take(piece);
  piece.fill(0);
  assert.deepEqual(parts, [noise]);
});

Deno.test("Blocks throws an Error for what is no block", () => {
  const packed = block(text, true);
  const headed = (length: number, body: Uint8Array) => Buffer.concat([encodeBlockHeader(length, body.length), body]);
  const body = packed.subarray(8);
  const forged: Record<string, Uint8Array> = {
    "an empty one": encodeBlockHeader(0, 0),
    "one without bytes": encodeBlockHeader(5, 0),
    "one that is longer packed": encodeBlockHeader(5, 6),
    "one that is too long": encodeBlockHeader(128 * 1024 + 1, 5),
    "one of four billion bytes": encodeBlockHeader(0xffff_ffff, 0xffff_ffff),
    "one that stands for more": headed(text.length - 1, body),
    "one that stands for less": headed(text.length + 1, body),
    "one that is cut": headed(text.length, body.subarray(0, -1)),
    "noise": headed(1000, noise),
  };
  for (const [what, bytes] of Object.entries(forged)) assert.throws(() => unpacked([bytes]), Error, what);
});
