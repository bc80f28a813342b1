import assert from "node:assert/strict";
import { BlockBuffers } from "../../../lib/agent/block_buffers.ts";

Deno.test("BlockBuffers uses a buffer again when the last of its users is done", () => {
  const buffers = new BlockBuffers(16, 2);
  const block = buffers.take(16);
  const view = block.subarray(4, 8);
  buffers.use(view);
  buffers.release(block);
  assert.notEqual(buffers.take(16).buffer, block.buffer, "somebody looks at the view still");
  buffers.release(view);
  assert.equal(buffers.take(16).buffer, block.buffer);
});

Deno.test("BlockBuffers leaves alone what is not its own, and what was given back", () => {
  const buffers = new BlockBuffers(16, 2);
  const [foreign, short] = [new Uint8Array(16), buffers.take(8)];
  for (const bytes of [foreign, short]) buffers.release(bytes);
  const block = buffers.take(16);
  for (let i = 0; i < 2; i++) buffers.release(block);
  assert.equal(buffers.take(16).buffer, block.buffer);
  const other = buffers.take(16).buffer;
  assert.ok([foreign, short, block].every(({ buffer }) => buffer !== other));
});
