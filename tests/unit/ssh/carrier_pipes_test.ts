import assert from "node:assert/strict";
import { bindNow } from "../../../lib/linux/mod.ts";
import { startTransport, type Transport } from "../../../lib/ssh/transport.ts";

// Loaded here, not in a test, where it would count as a leak.
bindNow();

function start(...argv: string[]): Transport {
  return startTransport({ argv, target: "h", asksUser: false });
}

/** All that comes; undefined: it is not what `expected` says from its first byte on. */
async function count(transport: Transport, expected: (at: number) => number): Promise<number | undefined> {
  let total = 0;
  for (let bytes = await transport.read(); bytes !== undefined; bytes = await transport.read()) {
    const from = total;
    if (!bytes.every((byte, index) => byte === expected(from + index))) return undefined;
    total += bytes.length;
  }
  return total;
}

Deno.test("the transport moves more than the pipes hold, both ways at once, and tells the end", async () => {
  const transport = start("cat");
  const sent = Uint8Array.from({ length: 5_000_003 }, (_, index) => index % 251);
  const counted = count(transport, (at) => at % 251);
  await transport.write(sent.subarray(0, 3_000_000));
  await transport.write(sent.subarray(3_000_000));
  transport.closeWrite();
  assert.equal(await counted, sent.length);
  assert.equal(await transport.read(), undefined);
  assert.equal((await transport.status).code, 0);
});

Deno.test("the transport gives the runtime its turns while there is always something to read", async () => {
  const transport = start("cat", "/dev/zero");
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 1);
  let isDue = false;
  promise.then(() => isDue = true);
  while (!isDue) assert.notEqual(await transport.read(), undefined);
  transport.kill();
  assert.equal(await transport.read(), undefined);
  await transport.status;
});

Deno.test("the transport refuses to write when the carrier has ended, and wakes who waits for room", async () => {
  const transport = start("sh", "-c", "echo; exec sleep 0.2");
  await assert.rejects(transport.write(new Uint8Array(8_000_000)), /Cannot write to the carrier/);
  assert.equal(await count(transport, () => 10), 1);
  await transport.status;
  await assert.rejects(transport.write(new Uint8Array(1)), /Cannot write to the carrier/);
});

// The thread that waits for the pipe sees its end after the carrier's: that call may outlive the test.
Deno.test("the transport ends a read under way when it is killed", { sanitizeOps: false }, async () => {
  const transport = start("sleep", "60");
  const read = transport.read();
  // Long enough for the wait to be on another thread.
  await new Promise((resolve) => setTimeout(resolve, 50));
  transport.kill();
  assert.equal(await read, undefined);
  await transport.status;
});
