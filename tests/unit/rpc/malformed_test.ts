import assert from "node:assert/strict";
import { type Connection, ProtocolError } from "../../../lib/rpc/mod.ts";
import { connection, drain, hex } from "./pair.ts";

const NOTHING = new Uint8Array(0);
const request = "01000000 01 00 0700 05000000 ff";
const piece = "01000000 01 01 0700 05000000 ff";

const malformed: Record<string, string> = {
  "a reply to no request": "00000000 02 00 0000 05000000",
  "an error to no request": "00000000 03 00 0500 05000000",
  "a request under an id that is under way": request + request,
  "a piece behind the last one": piece + request + piece,
  "a request whose op changes between pieces": piece + "01000000 01 01 0800 05000000 ff",
  "an acknowledgement of what was not sent": "08000000 09 00 0000 00000000 0100000000000000",
  "an acknowledgement of nothing": "08000000 09 00 0000 00000000 0000000000000000",
  "an acknowledgement of 2^64 - 1": "08000000 09 00 0000 00000000 ffffffffffffffff",
};

for (const [what, bytes] of Object.entries(malformed)) {
  Deno.test(`receive() refuses ${what}`, () => {
    const b = connection({ request: () => {} });
    assert.throws(() => b.receive(hex(bytes)), ProtocolError);
  });
}

Deno.test("receive() throws the same again after a ProtocolError; fill() and close() go on", () => {
  const b = connection();
  b.notify(1, NOTHING);
  assert.throws(() => b.receive(hex("00000000 63 00 0000 00000000")), ProtocolError);
  assert.throws(() => b.receive(hex("00000000 05 00 0100 00000000")), ProtocolError);
  assert.equal(drain(b).length, 12);
  b.close();
  b.receive(hex("00"));
});

Deno.test("receive() refuses an answer to a request that is not sent yet", () => {
  const a = connection();
  a.call(1, NOTHING, { data: new Uint8Array(1024 * 1024) });
  a.fill(new Uint8Array(131072));
  assert.throws(() => a.receive(hex("00000000 02 00 0000 01000000")), ProtocolError);
});

Deno.test("receive() refuses a reply that is longer than was asked for, and close() fails the call", async () => {
  const a = connection();
  const { reply } = a.call(1, NOTHING, { maxReply: 3 });
  drain(a);
  a.receive(hex("02000000 02 01 0000 01000000 0102"));
  assert.throws(() => a.receive(hex("02000000 02 00 0000 01000000 0304")), ProtocolError);
  a.close();
  await assert.rejects(reply);
});

/** A frame of 64 KiB that begins or continues request `id`. */
function requestPiece(id: number): Uint8Array {
  const frame = new Uint8Array(12 + 65536);
  frame.set(hex("00000100 01 01 0700"));
  new DataView(frame.buffer).setUint32(8, id, true);
  return frame;
}

/** How many frames `b` takes before it throws ProtocolError. */
function accepted(b: Connection, frame: (index: number) => Uint8Array): number {
  for (let index = 0; index < 100_000; index++) {
    try {
      b.receive(frame(index));
    } catch (error) {
      assert(error instanceof ProtocolError);
      return index;
    }
  }
  throw new Error("Cannot find the limit");
}

Deno.test("receive() refuses a request beyond 4 MiB + 64 KiB", () => {
  assert.equal(accepted(connection(), () => requestPiece(1)), 65);
});

Deno.test("receive() refuses more than 64 MiB of requests, unfinished or unanswered", () => {
  assert.equal(accepted(connection(), requestPiece), 1024);
  const whole = (id: number) => {
    const frame = requestPiece(id);
    frame[5] = 0;
    return frame;
  };
  assert.equal(accepted(connection({ request: () => {} }), whole), 1024);
});

Deno.test("receive() takes any number of requests that are answered or cancelled", () => {
  const b = connection({ request: (request) => request.op === 7 ? request.reply(NOTHING) : undefined });
  const frame = requestPiece(3);
  const cancel = hex("00000000 04 00 0000 03000000");
  for (let i = 0; i < 3000; i++) {
    frame[5] = i % 3 === 0 ? 1 : 0;
    frame[6] = i % 3 === 1 ? 8 : 7;
    b.receive(frame);
    if (i % 3 < 2) b.receive(cancel);
  }
  assert.equal(b.statistics.callsIn, 2000);
});

Deno.test("receive() refuses more than 65536 requests under way", () => {
  const frame = hex("00000000 01 00 0700 00000000");
  const next = (id: number) => {
    new DataView(frame.buffer).setUint32(8, id, true);
    return frame;
  };
  assert.equal(accepted(connection({ request: () => {} }), next), 65536);
});
