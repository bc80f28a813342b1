import assert from "node:assert/strict";
import {
  type Incoming,
  NOT_READY,
  ProtocolError,
  type ReceiveChannel,
  RpcError,
  type SendChannel,
} from "../../../lib/rpc/mod.ts";
import { assertSameBytes, concat, connect, drain, hex, pattern, sourceOf } from "./pair.ts";

const NOTHING = new Uint8Array(0);
const KIB = 1024;
const room = new Uint8Array(1024 * KIB);

/** A link of which `b` answers by a channel too, and `a` asks. */
function fixture(answer: (request: Incoming) => void, onEnd = () => {}) {
  const pair = connect({ b: { request: answer } });
  let left = 0;
  let pending = 0;
  const sender = pair.b.sendChannel(3, { onPending: () => pending++, onLeft: () => left++ });
  const receiver = pair.a.receiveChannel(3, onEnd);
  return {
    ...pair,
    sender,
    receiver,
    /** What the channel has to say now. */
    spoken: () => spoken(sender),
    get left() {
      return left;
    },
    get pending() {
      return pending;
    },
  };
}

function spoken(sender: SendChannel): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let count = sender.fill(room); count > 0; count = sender.fill(room)) parts.push(room.slice(0, count));
  return concat(parts);
}

/** `bytes` without those at the end that are no whole frame. */
function upTo(receiver: ReceiveChannel, bytes: Uint8Array, count: number): void {
  receiver.receive(bytes.subarray(0, count));
}

function movable(content: Uint8Array, step?: number): (request: Incoming) => void {
  return (request) => request.replyBulk(7, sourceOf(content, step), { isMovable: true });
}

const errno = (expected: number) => (error: unknown) => error instanceof RpcError && error.errno === expected;

Deno.test("a channel takes replies that may move, whole and with their ends, and none that may not", async () => {
  const content = pattern(200 * KIB);
  const answers = [false, true, true].map((isMovable) => (request: Incoming) =>
    request.replyBulk(7, sourceOf(content), { isMovable })
  );
  const link = fixture((request) => answers.shift()!(request));
  const calls = [1, 2, 3].map((op) => link.a.call(op, NOTHING));
  link.b.receive(drain(link.a));
  assert.equal(link.pending, 1);
  const moved = link.spoken();
  assert.equal(moved.length, 2 * (200 * KIB + 5 * 12));
  link.receiver.receive(moved);
  for (const { reply } of calls.slice(1)) assertSameBytes(await reply, content);
  link.pump();
  assertSameBytes(await calls[0].reply, content);
  assert.deepEqual(link.errors, []);
  assert.equal(link.a.statistics.channelIn, moved.length);
  assert.equal(link.b.statistics.channelOut, moved.length);
});

Deno.test("a reply that has begun on the pipe stays there", async () => {
  const content = pattern(2000 * KIB);
  const link = fixture(movable(content));
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  const begun = drain(link.b);
  assert.ok(begun.length > 64 * KIB);
  assert.equal(link.spoken().length, 0);
  link.a.receive(begun);
  link.pump();
  assertSameBytes(await reply, content);
});

Deno.test("the channel has a window of its own, which its acknowledgements open", async () => {
  const content = pattern(4000 * KIB);
  const link = fixture(movable(content));
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  let first = link.spoken();
  assert.ok(first.length <= 1024 * KIB);
  assert.equal(link.sender.inFlight, first.length);
  for (; first.length > 0; first = link.spoken()) {
    link.receiver.receive(first);
    const ack = drain(link.a);
    assert.equal(ack.length, 20);
    link.b.receive(ack);
    assert.equal(link.sender.inFlight, 0);
  }
  assertSameBytes(await reply, content);
});

Deno.test("a source that is not ready is waited for, and a failure goes by the channel behind the pieces", async () => {
  const steps = [NOT_READY, 3, NOT_READY, -5];
  const link = fixture((request) => request.replyBulk(1, { pull: () => steps.shift()! }, { isMovable: true }));
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  assert.equal(link.spoken().length, 0);
  link.b.wake();
  assert.equal(link.spoken().length, 15);
  link.b.wake();
  assert.deepEqual(link.spoken(), hex("00000000 03 00 0500 01000000"));
  link.receiver.receive(hex("00000000 03 00 0500 01000000"));
  await assert.rejects(reply, errno(5));
});

for (const cut of [0, 1, 12, 65536 + 11, 65536 + 12, 65536 + 13, 150_000, 200 * KIB + 59]) {
  Deno.test(`a channel that breaks after ${cut} bytes: the rest goes by the pipe, once`, async () => {
    const content = pattern(900 * KIB);
    const link = fixture(movable(content));
    const calls = [1, 2].map((op) => link.a.call(op, NOTHING));
    link.b.receive(drain(link.a));
    const sent = link.spoken();
    upTo(link.receiver, sent, cut);
    link.receiver.end();
    assert.equal(link.a.channels, 0);
    link.pump();
    assert.equal(link.left, 1);
    assert.equal(link.spoken().length, 0);
    for (const { reply } of calls) assertSameBytes(await reply, content);
    assert.deepEqual(link.errors, []);
  });
}

Deno.test("a channel that its sender leaves: what was under way is told once, and the other end closed", async () => {
  const content = pattern(300 * KIB);
  let ended = 0;
  const link = fixture(movable(content), () => ended++);
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  const sent = link.spoken();
  link.sender.leave();
  link.sender.leave();
  // It was on its way when the word of the leaving overtook it.
  upTo(link.receiver, sent, 100_000);
  link.pump();
  assert.deepEqual([ended, link.left], [1, 1]);
  link.receiver.receive(sent.subarray(100_000));
  assertSameBytes(await reply, content);
});

Deno.test("both ends give a channel up at once", async () => {
  const content = pattern(300 * KIB);
  const link = fixture(movable(content));
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  link.spoken();
  link.sender.leave();
  link.receiver.end();
  link.pump();
  assert.equal(link.left, 1);
  assertSameBytes(await reply, content);
});

Deno.test("cancel() of a reply on a channel: its error comes behind its pieces, and the channel goes on", async () => {
  const content = pattern(200 * KIB);
  let cancelled = 0;
  const link = fixture((request) =>
    request.replyBulk(7, { ...sourceOf(content, 1000), cancel: () => cancelled++ }, { isMovable: true })
  );
  const first = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  const begun = room.slice(0, link.sender.fill(room.subarray(0, 128 * KIB)));
  first.cancel();
  await assert.rejects(first.reply, errno(125));
  const second = link.a.call(2, NOTHING);
  link.b.receive(drain(link.a));
  assert.equal(cancelled, 1);
  const rest = link.spoken();
  assert.deepEqual(rest.subarray(0, 12), hex("00000000 03 00 7d00 01000000"));
  link.receiver.receive(begun);
  link.receiver.receive(rest);
  assertSameBytes(await second.reply, content);
});

for (const when of ["before", "after"]) {
  Deno.test(`cancel() ${when} a channel's end is told of: the error follows what is sent again`, async () => {
    const link = fixture(movable(pattern(2000 * KIB)));
    const call = link.a.call(1, NOTHING);
    link.b.receive(drain(link.a));
    link.spoken();
    link.sender.leave();
    if (when === "before") {
      call.cancel();
      link.b.receive(drain(link.a));
    }
    link.receiver.end();
    if (when === "after") {
      link.b.receive(drain(link.a));
      call.cancel();
    }
    link.pump();
    await assert.rejects(call.reply, errno(125));
    // The id is free again on both ends.
    const next = link.a.call(2, NOTHING);
    link.pump();
    assertSameBytes(await next.reply, pattern(2000 * KIB));
  });
}

const hostile: readonly [string, string][] = [
  ["a request", "00000000 01 00 0100 01000000"],
  ["a cancel", "00000000 04 00 0000 01000000"],
  ["a note", "00000000 05 00 0100 00000000"],
  ["data", "01000000 06 02 0000 00000000 aa"],
  ["credit", "04000000 07 00 0000 00000000 01000000"],
  ["an ack", "08000000 09 00 0000 00000000 0100000000000000"],
  ["left", "08000000 0b 00 0000 03000000 0000000000000000"],
  ["a reply that nobody waits for", "00000000 02 00 0000 63000000"],
  ["no frame", "ffffffff 02 00 0000 01000000"],
];
for (const [what, bytes] of hostile) {
  Deno.test(`a channel that brings ${what} breaks the link`, () => {
    const link = fixture(() => {});
    assert.throws(() => link.receiver.receive(hex(bytes)), ProtocolError);
    assert.throws(() => link.a.receive(NOTHING), ProtocolError);
  });
}

Deno.test("a peer that says of a channel what cannot be breaks the link", () => {
  const says = (bytes: string) => {
    const link = fixture(movable(pattern(1000)));
    link.a.call(1, NOTHING);
    link.b.receive(drain(link.a));
    assert.equal(link.spoken().length, 1024);
    assert.throws(() => link.b.receive(hex(bytes)), ProtocolError, bytes);
  };
  says("08000000 09 00 0000 03000000 0104000000000000"); // acknowledges 1025 bytes
  says("08000000 09 00 0000 03000000 0000000000000000"); // acknowledges none
  says("08000000 09 00 0000 04000000 0004000000000000"); // of another channel
  says("08000000 0b 00 0000 03000000 0104000000000000"); // has had 1025 bytes
  says("08000000 0b 00 0000 04000000 0000000000000000"); // of another channel
  says("00000000 0a 00 0000 03000000"); // leaves one that it has not
  says("08000000 0b 00 0000 00010000 0000000000000000"); // there is no such id
});

Deno.test("sendChannel() and receiveChannel() take an id once", () => {
  const { a } = fixture(() => {});
  assert.throws(() => a.receiveChannel(3, () => {}), RangeError);
  assert.throws(() => a.receiveChannel(0, () => {}), RangeError);
  assert.throws(() => a.receiveChannel(256, () => {}), RangeError);
  a.sendChannel(3, { onPending() {}, onLeft() {} });
});

Deno.test("close() ends channels", () => {
  let ended = 0;
  const link = fixture(movable(pattern(1000)), () => ended++);
  const { reply } = link.a.call(1, NOTHING);
  link.b.receive(drain(link.a));
  link.b.close();
  link.a.close();
  assert.equal(link.spoken().length, 0);
  assert.deepEqual([ended, link.a.channels, link.left], [1, 0, 0]);
  return assert.rejects(reply, errno(107));
});
