import assert from "node:assert/strict";
import { DecodeError } from "../../../lib/bytes/mod.ts";
import { type BulkSource, type CallOptions, type Incoming, RpcError } from "../../../lib/rpc/mod.ts";
import { assertSameBytes, connect, connection, drain, hex, pattern, sourceOf } from "./pair.ts";

const NOTHING = new Uint8Array(0);
const KIB = 1024;

/** What a call to a peer that answers with `answer` comes to. */
async function answerOf(answer: (request: Incoming) => void | Promise<void>, options?: CallOptions) {
  const { a, errors, pump } = connect({ b: { request: answer } });
  const { reply } = a.call(7, hex("010203"), options);
  pump();
  await Promise.resolve();
  pump();
  return { reply: await reply, errors };
}

function errno(expected: number): (error: unknown) => boolean {
  return (error) => error instanceof RpcError && error.errno === expected;
}

Deno.test("call() sends a request frame and takes the reply's bytes", async () => {
  const a = connection();
  const { reply } = a.call(0x0102, hex("aabb"));
  assert.deepEqual(drain(a), hex("02000000 01 00 0201 01000000 aabb"));
  a.receive(hex("03000000 02 00 0000 01000000 112233"));
  assert.deepEqual(await reply, hex("112233"));
});

Deno.test("call() rejects with the errno of an error frame", async () => {
  const a = connection();
  const { reply } = a.call(1, NOTHING);
  a.receive(hex("00000000 03 00 0200 01000000"));
  await assert.rejects(reply, errno(2));
});

Deno.test("call() hands op and body to the peer's handler", async () => {
  const { reply } = await answerOf((request) => {
    assert.equal(request.op, 7);
    request.reply(request.body);
  });
  assert.deepEqual(reply, hex("010203"));
});

Deno.test("call() works in both directions with the same ids", async () => {
  const echo = { request: (request: Incoming) => request.reply(request.body) };
  const { a, b, pump } = connect({ a: echo, b: echo });
  const replies = [a.call(1, hex("0a")).reply, b.call(1, hex("0b")).reply];
  pump();
  assert.deepEqual(await Promise.all(replies), [hex("0a"), hex("0b")]);
});

for (const length of [0, 1, 65536, 69632, 69633, 1024 * KIB + 64 * KIB]) {
  Deno.test(`call() and reply() carry ${length} bytes ahead of bulk data`, async () => {
    const body = pattern(length);
    const { a, pump } = connect({ b: { request: (request) => request.reply(request.body) } });
    const { reply } = a.call(1, body);
    pump();
    assertSameBytes(await reply, body);
  });

  Deno.test(`call() and replyBulk() carry ${length} bytes as bulk data`, async () => {
    const data = pattern(length).subarray(0, 1024 * KIB);
    const { a, pump } = connect({ b: { request: (request) => request.replyBulk(3, sourceOf(request.body.slice())) } });
    const { reply } = a.call(1, hex("1f"), { data, flow: 3 });
    pump();
    assertSameBytes((await reply).subarray(1), data);
  });
}

Deno.test("call() sends bulk data behind the body in one frame where it fits", () => {
  const a = connection();
  a.call(9, hex("aa"), { data: hex("bbcc"), flow: 1 });
  assert.deepEqual(drain(a), hex("03000000 01 02 0900 01000000 aabbcc"));
});

Deno.test("call() refuses what the peer would not hold, with E2BIG", async () => {
  const a = connection();
  await assert.rejects(a.call(1, NOTHING, { data: new Uint8Array(4160 * KIB + 1) }).reply, errno(7));
  assert.equal(drain(a).length, 0);
});

Deno.test("call() refuses a call beyond 65536 under way, with EAGAIN", async () => {
  const a = connection();
  for (let i = 0; i < 65536; i++) a.call(1, NOTHING);
  await assert.rejects(a.call(1, NOTHING).reply, errno(11));
});

Deno.test("call() holds bulk requests back while the peer has 48 MiB of them unanswered", async () => {
  const waiting: Incoming[] = [];
  const { a, pump } = connect({ b: { request: (request) => void waiting.push(request) } });
  const data = new Uint8Array(1024 * KIB);
  const replies = Array.from({ length: 60 }, (_, flow) => a.call(1, NOTHING, { data, flow }).reply);
  pump();
  assert.equal(waiting.length, 48);
  while (waiting.length > 0) {
    for (const request of waiting.splice(0)) request.reply(NOTHING);
    pump();
  }
  assert.equal((await Promise.all(replies)).length, 60);
});

Deno.test("onPiece takes a bulk reply piece by piece with offsets", async () => {
  const content = pattern(150_000);
  const taken = new Uint8Array(150_000);
  const offsets: number[] = [];
  const onPiece = (piece: Uint8Array, offset: number) => {
    taken.set(piece, offset);
    offsets.push(offset);
  };
  const { reply } = await answerOf((request) => request.replyBulk(0, sourceOf(content)), { onPiece });
  assert.equal(reply.length, 0);
  assertSameBytes(taken, content);
  assert.deepEqual(offsets, [0, 65536, 131072]);
});

Deno.test("onPiece that throws cancels the call and fails it with EIO", async () => {
  let cancelled = 0;
  const source = { pull: (into: Uint8Array) => into.length, cancel: () => void cancelled++ };
  const { a, errors, pump } = connect({ b: { request: (request) => request.replyBulk(0, source) } });
  const onPiece = () => {
    throw new Error("Cannot take a piece");
  };
  const { reply } = a.call(1, NOTHING, { onPiece });
  pump();
  await assert.rejects(reply, errno(5));
  assert.equal(errors.length, 1);
  assert.equal(cancelled, 1);
});

Deno.test("replyBulk() sends pieces with MORE and an empty last frame", () => {
  const b = connection({ request: (request) => request.replyBulk(0, sourceOf(hex("010203"), 2)) });
  b.receive(hex("00000000 01 00 0100 05000000"));
  assert.deepEqual(
    drain(b),
    hex(`
      02000000 02 03 0000 05000000 0102
      01000000 02 03 0000 05000000 03
      00000000 02 00 0000 05000000`),
  );
});

Deno.test("replyBulk() ends the call with an error frame when the source fails midway", async () => {
  let pulls = 0;
  const { a, pump } = connect({
    b: { request: (request) => request.replyBulk(0, { pull: () => ++pulls < 3 ? 9 : -5 }) },
  });
  const { reply } = a.call(1, NOTHING);
  pump();
  await assert.rejects(reply, errno(5));
});

const faults: Record<string, BulkSource["pull"]> = {
  "throws": () => raise(),
  "returns too much": () => 70_000,
  "returns NaN": () => NaN,
};

for (const [what, pull] of Object.entries(faults)) {
  Deno.test(`replyBulk() fails the call with EIO when the source ${what}`, async () => {
    const { a, errors, pump } = connect({ b: { request: (request) => request.replyBulk(0, { pull }) } });
    const { reply } = a.call(1, NOTHING);
    pump();
    await assert.rejects(reply, errno(5));
    assert.equal(errors.length, 1);
  });
}

function raise(): never {
  throw new Error("Cannot go on");
}

Deno.test("a handler's exception is the call's errno, and the connection goes on", async () => {
  const thrown = [new Error("Cannot"), new DecodeError("Cannot"), new RpcError(2)];
  for (const asynchronous of [false, true]) {
    const { a, errors, pump } = connect({
      b: {
        request(request) {
          if (request.op > 2) return request.reply(NOTHING);
          if (asynchronous) return Promise.reject(thrown[request.op]);
          throw thrown[request.op];
        },
      },
    });
    const calls = [0, 1, 2, 3].map((op) => a.call(op, NOTHING).reply);
    const settled = Promise.allSettled(calls);
    pump();
    await new Promise((resolve) => setTimeout(resolve, 0));
    pump();
    const errnos = (await settled).map((result) => result.status === "rejected" ? result.reason.errno : 0);
    assert.deepEqual(errnos, [5, 71, 2, 0]);
    assert.deepEqual(errors, thrown.slice(0, 2));
  }
});

Deno.test("a second answer is ignored, and its source cancelled", async () => {
  let cancelled = 0;
  const { reply } = await answerOf((request) => {
    request.reply(hex("01"));
    request.reply(hex("02"));
    request.fail(5);
    request.replyBulk(0, { pull: () => 0, cancel: () => void cancelled++ });
  });
  assert.deepEqual(reply, hex("01"));
  assert.equal(cancelled, 1);
});

Deno.test("the reply belongs to the caller, not to the chunk that it came in", async () => {
  const a = connection();
  const { reply } = a.call(1, NOTHING);
  const chunk = hex("02000000 02 00 0000 01000000 1122");
  a.receive(chunk);
  chunk.fill(0);
  assert.deepEqual(await reply, hex("1122"));
});

Deno.test("the body of a request outlives the chunk that it came in", () => {
  const requests: Incoming[] = [];
  const b = connection({ request: (request) => void requests.push(request) });
  const chunk = hex("02000000 01 00 0100 05000000 1122");
  b.receive(chunk);
  chunk.fill(0);
  assert.deepEqual(requests[0].body, hex("1122"));
});
