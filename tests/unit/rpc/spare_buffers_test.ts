import assert from "node:assert/strict";
import { SpareBuffers } from "../../../lib/rpc/spare_buffers.ts";

const MIB = 1 << 20;

Deno.test("SpareBuffers gives a buffer again to who needs no more than it has, and to one at a time", () => {
  const buffers = new SpareBuffers();
  const large = buffers.take(2 * MIB);
  buffers.give(large);
  assert.notEqual(buffers.take(3 * MIB), large);
  assert.equal(buffers.take(MIB), large);
  assert.notEqual(buffers.take(MIB), large);
});

Deno.test("SpareBuffers keeps few buffers, none that is small, and none that is larger than any request", () => {
  const buffers = new SpareBuffers();
  const given = Array.from({ length: 10 }, () => new Uint8Array(MIB));
  for (const buffer of [new Uint8Array(1000), new Uint8Array(16 * MIB), ...given]) buffers.give(buffer);
  const kept = Array.from({ length: 10 }, () => buffers.take(1)).filter((buffer) => given.includes(buffer));
  assert.equal(kept.length, 4);
});
