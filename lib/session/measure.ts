import { AgentOp, encodeNumber, MAX_TRANSFER } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";

/** Bytes a second, to the other machine and from it. */
export interface Throughput {
  readonly up: number;
  readonly down: number;
}

const ROUND_TRIPS = 5;
/** A slow link is measured by this much. */
const FIRST_BYTES = 64 * 1024;
/** As much as the link is given to carry at once is enough for any link. */
const MOST_BYTES = 32 * 1024 * 1024;
/** A round that takes so long is long enough to tell. */
const ROUND_MS = 500;

/** The shortest time there and back, in ms; the first of them waits for the agent to be loaded. Rejects with RpcError. */
export async function roundTrip(connection: Connection): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < ROUND_TRIPS; i++) least = Math.min(least, await time([measureCall(connection, {})]));
  return least;
}

/** Times growing loads, some seconds at most where the link carries 64 KiB in one. Rejects with RpcError. */
export async function measureThroughput(connection: Connection, rttMs: number): Promise<Throughput> {
  const noise = new Uint8Array(MAX_TRANSFER);
  // All that it does at once.
  for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  const up = await rate((bytes) => measureCall(connection, { data: noise.subarray(0, bytes) }), rttMs);
  const down = await rate((count) => measureCall(connection, { count }), rttMs);
  return { up, down };
}

function measureCall(connection: Connection, { count = 0, data }: { count?: number; data?: Uint8Array }) {
  // Pieces are let go of as they come.
  return () => connection.call(AgentOp.MEASURE, encodeNumber(count), { data, onPiece() {} }).reply;
}

/** Bytes a second of the first round that takes long enough. `move` makes the call that moves so many bytes. */
async function rate(move: (bytes: number) => () => Promise<unknown>, rttMs: number): Promise<number> {
  for (let bytes = FIRST_BYTES;; bytes *= 2) {
    const calls = [];
    for (let left = bytes; left > 0; left -= MAX_TRANSFER) calls.push(move(Math.min(left, MAX_TRANSFER)));
    const ms = await time(calls);
    if (ms >= ROUND_MS + rttMs || bytes >= MOST_BYTES) return bytes / Math.max(ms - rttMs, 1) * 1000;
  }
}

/** ms until all are answered. */
async function time(calls: readonly (() => Promise<unknown>)[]): Promise<number> {
  const began = performance.now();
  await Promise.all(calls.map((call) => call()));
  return performance.now() - began;
}
