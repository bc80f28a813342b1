import assert from "node:assert/strict";
import { FrameReader } from "../../../lib/rpc/frame_reader.ts";
import { ProtocolError } from "../../../lib/rpc/mod.ts";
import { hex } from "./pair.ts";

const frames = hex(`
  03000000 05 00 0700 00000000 616263
  00000000 08 00 0000 02000000
  01000000 06 02 0000 03000000 78`);
const seen = ["5:7:0:97,98,99", "8:0:2:", "6:0:3:120"];

/** A reader, and what it has delivered as `kind:code:id:payload`. */
function reading(): { reader: FrameReader; delivered: string[] } {
  const delivered: string[] = [];
  const reader = new FrameReader(({ kind, code, id }, payload) => {
    delivered.push(`${kind}:${code}:${id}:${payload}`);
    return true;
  });
  return { reader, delivered };
}

Deno.test("FrameReader.read() delivers the frames of one chunk as views of it", () => {
  let views = 0;
  const reader = new FrameReader((_header, payload) => {
    if (payload.buffer === frames.buffer) views++;
    return true;
  });
  reader.read(frames);
  assert.equal(views, 3);
});

Deno.test("FrameReader.read() delivers the same for every way to cut the bytes in two or to single bytes", () => {
  for (let cut = 0; cut <= frames.length; cut++) {
    const { reader, delivered } = reading();
    reader.read(frames.slice(0, cut));
    reader.read(frames.slice(cut));
    assert.deepEqual(delivered, seen, `cut at ${cut}`);
  }
  const { reader, delivered } = reading();
  for (const byte of frames) reader.read(Uint8Array.of(byte));
  assert.deepEqual(delivered, seen);
});

Deno.test("FrameReader.read() refuses a header before its payload has come", () => {
  const { reader } = reading();
  reader.read(hex("ffffffff 01 00 0000 010000"));
  assert.throws(() => reader.read(hex("00")), ProtocolError);
});

Deno.test("FrameReader.read() stops when the sink says so", () => {
  let count = 0;
  const reader = new FrameReader(() => ++count < 2);
  reader.read(frames);
  assert.equal(count, 2);
});
