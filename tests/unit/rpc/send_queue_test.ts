import assert from "node:assert/strict";
import { NOT_READY } from "../../../lib/rpc/mod.ts";
import { connect, connection, drain, hex, output, sourceOf } from "./pair.ts";

const NOTHING = new Uint8Array(0);
const KIB = 1024;

Deno.test("wake() asks a source again that was not ready, others go on meanwhile", async () => {
  let ready = false;
  let left = 1;
  const late = { pull: () => ready ? left-- : NOT_READY };
  const sources = [late, sourceOf(hex("22"))];
  const { a, b, pump } = connect({ b: { request: (request) => request.replyBulk(request.op, sources[request.op]) } });
  const first = a.call(0, NOTHING).reply;
  const second = a.call(1, NOTHING).reply;
  pump();
  assert.deepEqual(await second, hex("22"));
  ready = true;
  pump();
  assert.equal(b.fill(new Uint8Array(131072)), 0);
  b.wake();
  pump();
  assert.equal((await first).length, 1);
});

Deno.test("wake() from within pull() is not lost", () => {
  let [pulls, pending] = [0, 0];
  const pull = () => {
    if (++pulls > 1) return 0;
    b.wake();
    return NOT_READY;
  };
  const b = connection({ request: (request) => request.replyBulk(0, { pull }) }, { onPending: () => void pending++ });
  b.receive(hex("00000000 01 00 0100 05000000"));
  assert.deepEqual([drain(b).length, pending], [0, 2]);
  assert.deepEqual(drain(b), hex("00000000 02 00 0000 05000000"));
});

Deno.test("fill() asks a source that is not ready once, whatever joins its flow", () => {
  let pulls = 0;
  const pull = () => {
    if (++pulls < 3) b.call(1, NOTHING, { data: hex("01") });
    return NOT_READY;
  };
  const b = connection({ request: (request) => request.replyBulk(0, { pull }) });
  b.receive(hex("00000000 01 00 0100 05000000"));
  drain(b);
  assert.equal(pulls, 1);
  b.receive(hex("00000000 01 00 0100 06000000"));
  drain(b);
  assert.equal(pulls, 1);
});

Deno.test("fill() keeps requests of one flow in order and lets flows take turns", () => {
  const a = connection();
  const data = new Uint8Array(150_000);
  a.call(1, NOTHING, { data, flow: 1 });
  a.call(2, NOTHING, { data: hex("02"), flow: 1 });
  a.call(3, NOTHING, { data: hex("03"), flow: 2 });
  const sent = drain(a);
  const ops = [];
  for (let at = 0; at < sent.length; at += 12 + sent[at] + sent[at + 1] * 256 + sent[at + 2] * 65536) {
    ops.push(sent[at + 6]);
  }
  assert.deepEqual(ops, [1, 3, 1, 1, 2]);
});

Deno.test("fill() sends small messages ahead of bulk data that was queued before", () => {
  const a = connection();
  a.call(1, NOTHING, { data: new Uint8Array(500_000) });
  const room = new Uint8Array(131072);
  output(a, room);
  a.notify(5, hex("77"));
  assert.deepEqual(output(a, room).subarray(0, 13), hex("01000000 05 00 0500 00000000 77"));
});

Deno.test("fill() stops at the link window and goes on after an acknowledgement", () => {
  let pending = 0;
  const b = connection({ request: (request) => request.replyBulk(0, { pull: (into) => into.length }) }, {
    onPending: () => void pending++,
  });
  b.receive(hex("00000000 01 00 0100 05000000"));
  const sent = drain(b).length;
  assert(sent > 400 * KIB && sent <= 512 * KIB, `${sent}`);
  assert.equal(pending, 1);
  // The first two frames of 65536 + 12 bytes have arrived.
  b.receive(hex("08000000 09 00 0000 00000000 1800020000000000"));
  assert.equal(pending, 2);
  // Two frames of room, and the growth: half of what was acknowledged.
  assert.equal(drain(b).length, 3 * 65548);
});

Deno.test("receive() acknowledges bulk bytes, headers included, from 32 KiB on", () => {
  const b = connection({ request: () => {} });
  const frame = new Uint8Array(12 + 16384);
  frame.set(hex("00400000 01 03 0100 05000000"));
  b.receive(frame);
  assert.equal(drain(b).length, 0);
  b.receive(frame);
  assert.deepEqual(drain(b), hex("08000000 09 00 0000 00000000 1880000000000000"));
});

Deno.test("onPending is called once until fill() has returned 0", () => {
  let pending = 0;
  const a = connection({}, { onPending: () => void pending++ });
  a.notify(1, NOTHING);
  a.notify(1, NOTHING);
  assert.equal(pending, 1);
  const room = new Uint8Array(131072);
  assert.equal(a.fill(room), 24);
  a.notify(1, NOTHING);
  assert.equal(pending, 1);
  assert.equal(a.fill(room), 12);
  assert.equal(a.fill(room), 0);
  a.notify(1, NOTHING);
  assert.equal(pending, 2);
});

Deno.test("notify() arrives in order with calls", () => {
  const seen: number[] = [];
  const { a, pump } = connect({
    b: { request: (request) => void seen.push(request.op), notify: (op) => void seen.push(op) },
  });
  a.notify(1, NOTHING);
  a.call(2, new Uint8Array(200_000));
  a.notify(3, NOTHING);
  pump();
  assert.deepEqual(seen, [1, 2, 3]);
  assert.throws(() => a.notify(1, new Uint8Array(69_633)), RangeError);
});

Deno.test("a notification whose handler throws is reported and the connection goes on", () => {
  const notify = () => {
    throw new Error("Cannot");
  };
  const { a, errors, pump } = connect({ b: { notify } });
  a.notify(1, NOTHING);
  a.notify(1, NOTHING);
  pump();
  assert.equal(errors.length, 2);
});
