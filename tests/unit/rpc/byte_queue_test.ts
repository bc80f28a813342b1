import assert from "node:assert/strict";
import { ByteQueue } from "../../../lib/rpc/byte_queue.ts";
import { assertSameBytes, concat, pattern } from "./pair.ts";

Deno.test("ByteQueue.take() gives back in order what was appended, across growth and wrapping", () => {
  const content = pattern(300_000);
  const queue = new ByteQueue();
  const taken: Uint8Array[] = [];
  let [at, room] = [0, 1];
  while (at < content.length || queue.length > 0) {
    const piece = content.subarray(at, at += 1 + (at * 13) % 5000);
    queue.append(piece);
    room = 1 + (room * 31) % 4093;
    const into = new Uint8Array(room);
    taken.push(into.slice(0, queue.take(into)));
  }
  assertSameBytes(concat(taken), content);
});

Deno.test("ByteQueue.take() takes nothing from an empty queue", () => {
  const queue = new ByteQueue();
  assert.equal(queue.take(new Uint8Array(10)), 0);
  queue.append(pattern(5));
  queue.clear();
  assert.equal(queue.take(new Uint8Array(10)), 0);
});

Deno.test("ByteQueue gives a large buffer back when it is empty", () => {
  const queue = new ByteQueue();
  queue.append(new Uint8Array(3_000_000));
  assert(queue.data.length >= 3_000_000);
  queue.take(new Uint8Array(3_000_000));
  assert(queue.data.length < 10_000);
});
