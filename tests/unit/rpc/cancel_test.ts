import assert from "node:assert/strict";
import { type Incoming, NOT_READY, RpcError } from "../../../lib/rpc/mod.ts";
import { connect, connection, drain, hex, output } from "./pair.ts";

const NOTHING = new Uint8Array(0);
const KIB = 1024;

function errno(expected: number): (error: unknown) => boolean {
  return (error) => error instanceof RpcError && error.errno === expected;
}

Deno.test("cancel() rejects at once, tells the peer, and aborts its signal", async () => {
  const requests: Incoming[] = [];
  const { a, b, pump } = connect({ b: { request: (request) => void requests.push(request) } });
  const call = a.call(1, NOTHING);
  pump();
  const { signal } = requests[0];
  call.cancel();
  await assert.rejects(call.reply, errno(125));
  assert.equal(signal.aborted, false);
  b.receive(drain(a));
  assert.equal(signal.aborted, true);
  assert.deepEqual(drain(b), hex("00000000 03 00 7d00 01000000"));
  requests[0].reply(hex("01"));
  assert.equal(drain(b).length, 0);
});

Deno.test("cancel() keeps the id until the peer has answered", () => {
  const a = connection();
  const first = a.call(1, NOTHING);
  drain(a);
  first.cancel();
  assert.deepEqual(drain(a), hex("00000000 04 00 0000 01000000"));
  a.receive(hex("01000000 02 00 0000 01000000 07"));
  assert.throws(() => a.receive(hex("01000000 02 00 0000 01000000 07")));
});

Deno.test("cancel() is harmless after the reply, and twice", async () => {
  const a = connection();
  const call = a.call(1, NOTHING);
  drain(a);
  a.receive(hex("00000000 02 00 0000 01000000"));
  call.cancel();
  assert.equal((await call.reply).length, 0);
  assert.equal(drain(a).length, 0);
});

Deno.test("cancel() of a request that has not started sends nothing and frees its id", () => {
  const a = connection();
  const call = a.call(1, NOTHING, { data: hex("01") });
  call.cancel();
  assert.equal(drain(a).length, 0);
  assert.throws(() => a.receive(hex("00000000 03 00 7d00 01000000")));
});

Deno.test("cancel() in the middle of a request's data: no piece follows, the peer forgets and answers", async () => {
  const requests: Incoming[] = [];
  const { a, b, pump } = connect({ b: { request: (request) => void requests.push(request) } });
  const call = a.call(1, NOTHING, { data: new Uint8Array(1024 * KIB), flow: 4 });
  const next = a.call(2, NOTHING, { data: hex("02"), flow: 4 });
  b.receive(output(a, new Uint8Array(128 * KIB)));
  call.cancel();
  const rest = drain(a);
  assert.deepEqual(rest, hex("00000000 04 00 0000 01000000 01000000 01 02 0200 02000000 02"));
  b.receive(rest);
  assert.deepEqual(requests.map(({ op }) => op), [2]);
  requests[0].reply(NOTHING);
  pump();
  await assert.rejects(call.reply, errno(125));
  await next.reply;
});

Deno.test("cancel() drops a bulk reply and lets the next of its flow go on", async () => {
  let cancelled = 0;
  const endless = { pull: (into: Uint8Array) => into.length, cancel: () => void cancelled++ };
  const { a, b, pump } = connect({
    b: { request: (request) => request.replyBulk(0, request.op === 1 ? endless : { pull: () => 0 }) },
  });
  const call = a.call(1, NOTHING, { onPiece: () => {}, maxReply: Infinity });
  const next = a.call(2, NOTHING);
  b.receive(drain(a));
  a.receive(output(b));
  call.cancel();
  pump();
  assert.equal(cancelled, 1);
  await assert.rejects(call.reply, errno(125));
  assert.equal((await next.reply).length, 0);
});

Deno.test("cancel() of a reply that is not ready lets the next of its flow go on", async () => {
  const { a, pump } = connect({
    b: { request: (request) => request.replyBulk(0, { pull: () => request.op === 1 ? NOT_READY : 0 }) },
  });
  const call = a.call(1, NOTHING);
  const next = a.call(2, NOTHING);
  pump();
  call.cancel();
  pump();
  assert.equal((await next.reply).length, 0);
});

Deno.test("cancel() from within onPiece takes no further piece", async () => {
  let pieces = 0;
  const { a, pump } = connect({ b: { request: (request) => request.replyBulk(0, { pull: (into) => into.length }) } });
  const onPiece = () => {
    pieces++;
    call.cancel();
  };
  const call = a.call(1, NOTHING, { onPiece, maxReply: 64 * KIB * 100 });
  pump();
  await assert.rejects(call.reply, errno(125));
  assert.equal(pieces, 1);
});

Deno.test("a cancellation of an unknown request is ignored", () => {
  const b = connection();
  b.receive(hex("00000000 04 00 0000 09000000"));
  assert.equal(drain(b).length, 0);
});

Deno.test("a signal made after the cancellation is aborted", () => {
  const requests: Incoming[] = [];
  const b = connection({ request: (request) => void requests.push(request) });
  b.receive(hex("00000000 01 00 0100 05000000 00000000 04 00 0000 05000000"));
  assert.equal(requests[0].signal.aborted, true);
});

Deno.test("close() fails calls with ENOTCONN, aborts requests, cancels sources and ends streams", async () => {
  const requests: Incoming[] = [];
  let [cancelled, ended] = [0, 0];
  const { a, b, pump } = connect({
    b: {
      request(request) {
        if (request.op === 1) requests.push(request);
        else request.replyBulk(0, { pull: (into) => into.length, cancel: () => void cancelled++ });
      },
    },
  });
  const stream = b.stream(0, { onEnd: () => void ended++ });
  const calls = [a.call(1, NOTHING), a.call(2, NOTHING, { onPiece: () => {}, maxReply: 0x7fff_ffff })];
  b.receive(drain(a));
  output(b);
  const { signal } = requests[0];
  b.close();
  b.close();
  a.close();
  for (const call of calls) await assert.rejects(call.reply, errno(107));
  assert.equal(signal.aborted, true);
  assert.deepEqual([cancelled, ended], [1, 1]);
  requests[0].reply(NOTHING);
  stream.send(hex("01"));
  assert.equal(stream.credit, 0);
  b.notify(1, NOTHING);
  b.wake();
  b.receive(hex("ffffffffffffffffffffffff"));
  pump();
  assert.equal(drain(b).length, 0);
  await assert.rejects(b.call(1, NOTHING).reply, errno(107));
});

Deno.test("close() from within a handler stops the reading of the chunk", () => {
  let count = 0;
  const b = connection({
    notify() {
      count++;
      b.close();
    },
  });
  b.receive(hex("00000000 05 00 0100 00000000 00000000 05 00 0100 00000000"));
  assert.equal(count, 1);
});

Deno.test("close() from within a source's pull() asks no source any more", () => {
  let pulls = 0;
  const pull = (into: Uint8Array) => {
    pulls++;
    b.close();
    return into.length;
  };
  const b = connection({ request: (request) => request.replyBulk(0, { pull }) });
  b.receive(hex("00000000 01 00 0100 05000000 00000000 01 00 0100 06000000"));
  assert.equal(drain(b).length, 0);
  assert.equal(pulls, 1);
});
