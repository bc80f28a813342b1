import assert from "node:assert/strict";
import { measure } from "../../../lib/agent/measure.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { AgentOp, encodeNumber, MAX_TRANSFER } from "../../../lib/protocol/mod.ts";
import { RpcError } from "../../../lib/rpc/mod.ts";
import { connect } from "../rpc/pair.ts";

const pair = connect({ b: { request: measure } });

function call(body: Uint8Array, data?: Uint8Array): Promise<Uint8Array> {
  const { reply } = pair.a.call(AgentOp.MEASURE, body, { data });
  pair.pump();
  return reply;
}

Deno.test("measure() answers as many bytes as are wanted, whatever came along", async () => {
  for (const count of [0, 1, 65536, 65537, MAX_TRANSFER]) {
    assert.equal((await call(encodeNumber(count))).length, count);
  }
  assert.equal((await call(encodeNumber(0), new Uint8Array(MAX_TRANSFER))).length, 0);
});

Deno.test("measure() refuses what is no count, or too much", async () => {
  const refuses = (body: Uint8Array, errno: number) =>
    assert.rejects(call(body), (error) => error instanceof RpcError && error.errno === errno);
  await refuses(encodeNumber(MAX_TRANSFER + 1), Errno.EINVAL);
  await refuses(new Uint8Array(3), Errno.EPROTO);
  assert.equal((await call(encodeNumber(5))).length, 5);
});
