/** Two connections back to back in memory: what the rpc layer itself costs. */
import { type Connection, createConnection, type Handler } from "../../lib/rpc/mod.ts";

const BUFFER = 1024 * 1024;
const SECONDS = 2;

interface Pair {
  readonly caller: Connection;
  readonly answerer: Connection;
  /** Moves bytes both ways until nothing is left to move. */
  pump(): void;
}

function connect(handler: Partial<Handler>): Pair {
  const none: Handler = { request: (request) => request.fail(38), notify: () => {} };
  const caller = createConnection({ handler: none, onPending: () => {} });
  const answerer = createConnection({ handler: { ...none, ...handler }, onPending: () => {} });
  const buffer = new Uint8Array(BUFFER);
  const move = (from: Connection, to: Connection) => {
    const count = from.fill(buffer);
    if (count > 0) to.receive(buffer.subarray(0, count));
    return count;
  };
  const pump = () => {
    while (move(caller, answerer) + move(answerer, caller) > 0);
  };
  return { caller, answerer, pump };
}

/** Small calls, `depth` at once; returns calls per second. */
async function smallCalls(depth: number): Promise<number> {
  const body = new Uint8Array(64);
  const { caller, pump } = connect({ request: (request) => request.reply(request.body) });
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < SECONDS * 1000) {
    const replies = [];
    for (let i = 0; i < depth; i++) replies.push(caller.call(1, body).reply);
    pump();
    for (const reply of replies) await reply;
    calls += depth;
  }
  return calls / (performance.now() - start) * 1000;
}

/** Bulk replies of 256 KiB taken piece by piece, 8 at once; returns MB per second. */
async function bulkReplies(): Promise<number> {
  const size = 256 * 1024;
  const content = new Uint8Array(64 * 1024).fill(7);
  const { caller, pump } = connect({
    request: (request) => {
      let left = size;
      request.replyBulk(request.op, {
        pull(into) {
          const count = Math.min(left, into.length);
          into.set(content.subarray(0, count));
          left -= count;
          return count;
        },
      });
    },
  });
  const empty = new Uint8Array(0);
  let bytes = 0;
  const onPiece = (piece: Uint8Array) => void (bytes += piece.length);
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    const replies = Array.from({ length: 8 }, (_, flow) => caller.call(flow, empty, { onPiece }).reply);
    pump();
    await Promise.all(replies);
  }
  return bytes / (performance.now() - start) / 1000;
}

/** Requests with `size` bytes of data, 8 at once; returns MB per second. */
async function bulkRequests(size: number): Promise<number> {
  const empty = new Uint8Array(0);
  const { caller, pump } = connect({ request: (request) => request.reply(empty) });
  const data = new Uint8Array(size);
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    const replies = Array.from({ length: 8 }, (_, flow) => caller.call(1, empty, { data, flow }).reply);
    pump();
    await Promise.all(replies);
    bytes += size * 8;
  }
  return bytes / (performance.now() - start) / 1000;
}

for (const depth of [1, 32, 1024]) {
  console.log(`small calls, ${depth} at once: ${Math.round(await smallCalls(depth))} calls/s (two frames each)`);
}
console.log(`bulk replies of 256 KiB: ${Math.round(await bulkReplies())} MB/s`);
console.log(`requests with 64 KiB of data: ${Math.round(await bulkRequests(64 * 1024))} MB/s`);
console.log(`requests with 1 MiB of data: ${Math.round(await bulkRequests(1024 * 1024))} MB/s`);
