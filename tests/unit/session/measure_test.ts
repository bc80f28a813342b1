import assert from "node:assert/strict";
import { measure } from "../../../lib/agent/measure.ts";
import { measureThroughput, roundTrip } from "../../../lib/session/measure.ts";
import { type Connection, createConnection, RpcError } from "../../../lib/rpc/mod.ts";

/** Two ends, joined so that each piece takes `ms` to cross. */
function join(ms: number): { local: Connection; stop: () => void } {
  const buffer = new Uint8Array(1024 * 1024);
  const make = () => createConnection({ handler: { request: measure, notify() {} }, onPending() {} });
  const [local, agent] = [make(), make()];
  const underway = new Set<number>();
  const timer = setInterval(() => {
    for (const [from, to] of [[local, agent], [agent, local]]) {
      const bytes = buffer.slice(0, from.fill(buffer.subarray(0, 128 * 1024)));
      if (bytes.length === 0) continue;
      const crossing = setTimeout(() => {
        underway.delete(crossing);
        to.receive(bytes);
      }, ms);
      underway.add(crossing);
    }
  }, 1);
  return { local, stop: () => [timer, ...underway].forEach(clearTimeout) };
}

Deno.test("roundTrip() and measureThroughput() time the link", async () => {
  const { local, stop } = join(10);
  const rttMs = await roundTrip(local);
  assert.ok(rttMs >= 20, `${rttMs} ms`);
  const { up, down } = await measureThroughput(local, rttMs);
  stop();
  // 128 KiB a ms at most; how little it is depends on the machine.
  for (const rate of [up, down]) assert.ok(rate > 0 && rate <= 140e6, `${rate} bytes a second`);
});

Deno.test("roundTrip() fails when the link ends", async () => {
  const { local, stop } = join(10);
  const timing = roundTrip(local);
  local.close();
  stop();
  await assert.rejects(timing, RpcError);
});
