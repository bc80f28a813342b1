import assert from "node:assert/strict";
import { ProtocolError, type Stream, STREAM_WINDOW } from "../../../lib/rpc/mod.ts";
import { assertSameBytes, concat, connect, connection, drain, hex, output, pattern } from "./pair.ts";

const KIB = 1024;

Deno.test("send() queues bulk data frames, end() follows them", () => {
  const a = connection();
  const stream = a.stream(2, {});
  stream.send(hex("0102"));
  stream.send(hex("03"));
  stream.end();
  assert.equal(stream.queued, 3);
  assert.deepEqual(drain(a), hex("03000000 06 02 0000 02000000 010203 00000000 08 00 0000 02000000"));
  assert.equal(stream.queued, 0);
});

Deno.test("end() waits for data that takes several frames", () => {
  const a = connection();
  const stream = a.stream(2, {});
  stream.send(new Uint8Array(100_000));
  stream.end();
  const sent = drain(a);
  assert.equal(sent.length, 100_000 + 3 * 12);
  assert.deepEqual(sent.subarray(-12), hex("00000000 08 00 0000 02000000"));
});

Deno.test("send() on an interactive stream sends pieces of 4 KiB ahead of bulk data", () => {
  const a = connection();
  a.call(1, new Uint8Array(0), { data: new Uint8Array(10) });
  const stream = a.stream(1, { interactive: true });
  stream.send(new Uint8Array(5000));
  stream.end();
  assert.equal(stream.queued, 5000);
  const sent = drain(a);
  assert.deepEqual(sent.subarray(0, 12), hex("00100000 06 00 0000 01000000"));
  assert.deepEqual(sent.subarray(4108, 4120), hex("88030000 06 00 0000 01000000"));
  assert.deepEqual(sent.subarray(5024, 5036), hex("00000000 08 00 0000 01000000"));
  assert.equal(sent.length, 5036 + 22);
  assert.equal(stream.queued, 0);
});

Deno.test("send() beyond the credit is a RangeError and sends nothing", () => {
  const a = connection();
  const stream = a.stream(1, {});
  stream.send(new Uint8Array(STREAM_WINDOW - 1));
  assert.throws(() => stream.send(new Uint8Array(2)), RangeError);
  assert.equal(stream.credit, 1);
});

for (const interactive of [false, true]) {
  Deno.test(`a ${interactive ? "terminal's" : "bulk"} stream carries more than its window, with an end`, () => {
    const content = pattern(1_000_000);
    const received: Uint8Array[] = [];
    let [ended, at] = [false, 0];
    const { a, b, pump } = connect({});
    const sink: Stream = b.stream(5, {
      onData(bytes) {
        received.push(bytes.slice());
        sink.consumed(bytes.length);
      },
      onEnd: () => void (ended = true),
    });
    const send = () => {
      const count = Math.min(stream.credit, content.length - at, 10_000);
      stream.send(content.subarray(at, at += count));
      if (at === content.length) stream.end();
    };
    const stream = a.stream(5, { interactive, onCredit: send });
    send();
    pump();
    assert(ended);
    assertSameBytes(concat(received), content);
  });
}

Deno.test("consumed() batches credit to 64 KiB", () => {
  const b = connection();
  const stream = b.stream(1, {});
  const frame = new Uint8Array(12 + 65536);
  frame.set(hex("00000100 06 00 0000 01000000"));
  b.receive(frame);
  stream.consumed(65535);
  assert.equal(drain(b).length, 0);
  stream.consumed(1);
  assert.deepEqual(drain(b), hex("04000000 07 00 0000 01000000 00000100"));
  assert.throws(() => stream.consumed(1), RangeError);
});

Deno.test("consumed() gives less where the peer has no credit left", () => {
  const b = connection();
  const stream = b.stream(1, {});
  const frame = new Uint8Array(12 + 65536);
  frame.set(hex("00000100 06 00 0000 01000000"));
  for (let i = 0; i < 4; i++) b.receive(frame);
  stream.consumed(5);
  assert.deepEqual(drain(b), hex("04000000 07 00 0000 01000000 05000000"));
  stream.consumed(5);
  assert.equal(drain(b).length, 0);
});

Deno.test("onCredit tells of room in the queue and of credit", () => {
  const a = connection();
  let calls = 0;
  const stream = a.stream(1, { onCredit: () => void calls++ });
  stream.send(hex("010203"));
  drain(a);
  assert.equal(calls, 1);
  a.receive(hex("04000000 07 00 0000 01000000 03000000"));
  assert.equal(calls, 2);
  assert.equal(stream.credit, STREAM_WINDOW);
});

Deno.test("a stream takes turns with bulk requests", () => {
  const a = connection();
  a.call(1, new Uint8Array(0), { data: new Uint8Array(256 * KIB) });
  const stream = a.stream(1, {});
  stream.send(new Uint8Array(128 * KIB));
  const kinds = [];
  const sent = output(a);
  for (let at = 0; at < sent.length; at += 12 + sent[at] + sent[at + 1] * 256 + sent[at + 2] * 65536) {
    kinds.push(sent[at + 4]);
  }
  assert.deepEqual(kinds, [1, 6, 1, 6, 1, 1]);
});

Deno.test("end() leaves the other direction open, and is sent once", () => {
  const got: number[] = [];
  const { a, b, pump } = connect({});
  const stream = a.stream(1, { onData: (bytes) => void got.push(...bytes) });
  const other = b.stream(1, {});
  stream.end();
  stream.end();
  stream.send(hex("01"));
  pump();
  other.send(hex("09"));
  pump();
  assert.deepEqual(got, [9]);
  assert.equal(a.statistics.bytesOut, 12);
});

Deno.test("a callback that throws is reported and the connection goes on", () => {
  const { a, b, errors, pump } = connect({});
  const onData = () => {
    throw new Error("Cannot");
  };
  b.stream(1, { onData });
  const stream = a.stream(1, {});
  stream.send(hex("01"));
  pump();
  stream.send(hex("02"));
  pump();
  assert.equal(errors.length, 2);
});

Deno.test("stream() refuses an id that was opened before", () => {
  const a = connection();
  a.stream(1, {});
  assert.throws(() => a.stream(1, {}), RangeError);
});

const data = "01000000 06 00 0000 01000000 ff";
const end = "00000000 08 00 0000 01000000";
const malformed: Record<string, string> = {
  "data on a stream that is not open": "01000000 06 00 0000 02000000 ff",
  "an end of a stream that is not open": "00000000 08 00 0000 02000000",
  "credit for a stream that is not open": "04000000 07 00 0000 02000000 01000000",
  "data after the end": end + data,
  "a second end": end + end,
  "credit for nothing": "04000000 07 00 0000 01000000 00000000",
  "credit for more than was sent": "04000000 07 00 0000 01000000 01000000",
  "credit of 2^32 - 1": "04000000 07 00 0000 01000000 ffffffff",
};

for (const [what, bytes] of Object.entries(malformed)) {
  Deno.test(`receive() refuses ${what}`, () => {
    const a = connection();
    a.stream(1, {});
    assert.throws(() => a.receive(hex(bytes)), ProtocolError);
  });
}

Deno.test("receive() refuses credit for bytes that are still queued", () => {
  const a = connection();
  a.stream(1, {}).send(hex("01"));
  assert.throws(() => a.receive(hex("04000000 07 00 0000 01000000 01000000")), ProtocolError);
});

Deno.test("receive() refuses data beyond the credit", () => {
  const a = connection();
  a.stream(1, {});
  const frame = new Uint8Array(12 + 65536);
  frame.set(hex("00000100 06 00 0000 01000000"));
  for (let i = 0; i < 4; i++) a.receive(frame);
  assert.throws(() => a.receive(hex(data)), ProtocolError);
});
