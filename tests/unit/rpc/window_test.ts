import assert from "node:assert/strict";
import { ProtocolError } from "../../../lib/rpc/mod.ts";
import { LinkWindow } from "../../../lib/rpc/window.ts";
import { Clock, type LinkOptions } from "./link.ts";
import { connection } from "./pair.ts";

const KIB = 1024;
const PROBE_OP = 9;

interface Outcome {
  /** Bytes per ms after the first `warmUp`. */
  readonly rate: number;
  /** Longest time an urgent frame was under way, ms. */
  readonly wait: number;
  readonly window: number;
  readonly minRtt: number;
}

/** How long a simulation lasts, in ms, and how long before it counts. */
interface Course {
  readonly warmUp: number;
  readonly duration: number;
  /** Called every 0.5 ms. */
  readonly onTime?: (time: number) => void;
}

/** Sends bulk without end from one end to the other, and an urgent frame every 10 ms. */
function simulate(link: LinkOptions, { warmUp, duration, onTime }: Course): Outcome {
  const clock = new Clock();
  let [received, before, wait] = [0, 0, 0];
  const now = () => clock.now;
  const sentAt = new Float64Array(1);
  const notify = (_op: number, body: Uint8Array) => {
    const sent = new Float64Array(body.slice().buffer)[0];
    wait = Math.max(wait, clock.now - sent);
  };
  const b = connection({ notify }, { now });
  const a = connection({ request: (request) => request.replyBulk(0, { pull: (into) => into.length }) }, { now });
  const onPiece = (piece: Uint8Array) => {
    if (clock.now < warmUp) before += piece.length;
    received += piece.length;
  };
  b.call(1, new Uint8Array(0), { onPiece, maxReply: Infinity });
  let next = 0;
  clock.run(duration, { a, b, link }, () => {
    onTime?.(clock.now);
    if (clock.now < next) return;
    next += 10;
    sentAt[0] = clock.now;
    a.notify(PROBE_OP, new Uint8Array(sentAt.buffer));
  });
  const { window, minRtt } = a.statistics;
  return { rate: (received - before) / (duration - warmUp), wait, window, minRtt };
}

Deno.test("LinkWindow fills 200 Mbit/s at 20 ms while an urgent frame waits less than 60 ms", () => {
  const outcome = simulate({ bandwidth: 200e6, delay: 10 }, { warmUp: 1000, duration: 5000 });
  assert(outcome.rate > 0.9 * 25_000, `${outcome.rate} bytes per ms`);
  assert(outcome.wait < 60, `${outcome.wait} ms`);
});

Deno.test("LinkWindow fills 1 Gbit/s at 20 ms", () => {
  const outcome = simulate({ bandwidth: 1e9, delay: 10 }, { warmUp: 1000, duration: 3000 });
  assert(outcome.rate > 0.9 * 125_000, `${outcome.rate} bytes per ms`);
});

Deno.test("LinkWindow reaches 4 MiB a round trip at 1 Gbit/s and 100 ms", () => {
  const outcome = simulate({ bandwidth: 1e9, delay: 50 }, { warmUp: 2000, duration: 6000 });
  assert(outcome.rate > 0.9 * 4096 * KIB / 101, `${outcome.rate} bytes per ms`);
  assert.equal(outcome.window, 4096 * KIB);
});

Deno.test("LinkWindow learns that the way has become longer", () => {
  const link = { bandwidth: 200e6, delay: 5 };
  const longer = (time: number) => void (link.delay = time < 2000 ? 5 : 40);
  const outcome = simulate(link, { warmUp: 15_000, duration: 20_000, onTime: longer });
  assert(outcome.minRtt > 80, `${outcome.minRtt} ms`);
  assert(outcome.rate > 0.9 * 25_000, `${outcome.rate} bytes per ms`);
});

Deno.test("LinkWindow does not take its own queue for distance in the long run", () => {
  const outcome = simulate({ bandwidth: 100e6, delay: 10 }, { warmUp: 1000, duration: 45_000 });
  assert(outcome.wait < 60, `${outcome.wait} ms`);
  assert(outcome.minRtt < 35, `${outcome.minRtt} ms`);
  assert(outcome.rate > 0.9 * 12_500, `${outcome.rate} bytes per ms`);
});

/** Sends frames until the window shuts; returns how many bytes. */
function saturate(window: LinkWindow, now: number): number {
  let sent = 0;
  for (; window.open; sent += 65_548) window.sent(65_548, now);
  window.blocked();
  return sent;
}

Deno.test("LinkWindow.open never lets more in flight than the window", () => {
  const window = new LinkWindow();
  saturate(window, 0);
  assert(window.inFlight <= 512 * KIB);
  assert(window.inFlight > 400 * KIB);
});

Deno.test("LinkWindow.acked() grows only a window that was the limit", () => {
  const window = new LinkWindow();
  window.sent(65_548, 0);
  window.acked(65_548, 20);
  assert.equal(window.size, 512 * KIB);
  const total = 65_548 + saturate(window, 20);
  window.acked(total, 40);
  assert(window.size > 512 * KIB);
});

Deno.test("LinkWindow.acked() shrinks once a round trip and not below 128 KiB", () => {
  const window = new LinkWindow();
  window.sent(65_548, 0);
  window.acked(65_548, 20);
  let total = 65_548;
  window.sent(1000, 20);
  window.sent(1000, 20);
  window.acked(total += 1000, 120);
  assert.equal(window.size, Math.round(512 * KIB * 0.85));
  window.acked(total += 1000, 121);
  assert.equal(window.size, Math.round(512 * KIB * 0.85));
  for (let i = 0, now = 200; i < 30; i++, now += 200) {
    window.sent(1000, now);
    window.acked(total += 1000, now + 100);
  }
  assert.equal(window.size, 128 * KIB);
});

Deno.test("LinkWindow.acked() throws on what was not sent, and on going back", () => {
  const window = new LinkWindow();
  window.sent(100, 0);
  assert.throws(() => window.acked(101, 1), ProtocolError);
  window.acked(100, 1);
  assert.throws(() => window.acked(100, 2), ProtocolError);
  assert.throws(() => window.acked(50, 2), ProtocolError);
});
