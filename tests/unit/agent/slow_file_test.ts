/** A file whose bytes do not come: nobody but its readers waits. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { O_RDWR } from "../../../lib/linux/mod.ts";
import { decodeRead, FileOp } from "../../../lib/protocol/mod.ts";
import { NOT_READY } from "../../../lib/rpc/mod.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

const LENGTH = 3_000_000;
const STEP = 128 * 1024;

/** Reads a file from one end to the other, as the kernel does. */
async function readAll(fixture: Fixture, node: number, fh: number): Promise<number> {
  let length = 0;
  for (;;) {
    const data = await fixture.mirror.read(node, { fh, offset: length, size: STEP }, caller);
    length += data.length;
    if (data.length < STEP) return length;
  }
}

Deno.test("a file that is slow to read delays neither readers and writers of others nor names", async () => {
  using fixture = new Fixture();
  fixture.make({ slow: "s".repeat(LENGTH), one: "1".repeat(LENGTH), other: "2".repeat(LENGTH) });
  const [slow, one, other] = [await fixture.walk("slow"), await fixture.walk("one"), await fixture.walk("other")];
  const { node: written, fh: writer } = await fixture.create(ROOT, "written", O_RDWR);
  // The handle that is opened next: its pieces, first in line, are not ready until the disk is.
  let isReady = false;
  const slowHandle = writer + 1;
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.READ || decodeRead(incoming.body).fh !== slowHandle) return false;
    let left = decodeRead(incoming.body).size;
    const pull = (into: Uint8Array) => {
      if (!isReady) return NOT_READY;
      const count = Math.min(left, into.length);
      left -= count;
      into.fill("s".charCodeAt(0), 0, count);
      return count;
    };
    incoming.replyBulk(slowHandle, { pull });
    return true;
  };
  assert.equal(await fixture.open(slow), slowHandle);
  let isRead = false;
  const reading = fixture.read(slow, { fh: slowHandle, size: STEP }).then((text) => (isRead = true, text));
  const [oneHandle, otherHandle] = [await fixture.open(one), await fixture.open(other)];
  const data = new Uint8Array(1 << 20);
  const results = await Promise.all([
    readAll(fixture, one, oneHandle),
    readAll(fixture, other, otherHandle),
    fixture.mirror.write(written, { fh: writer, offset: 0, data }, caller),
    Promise.resolve(fixture.mirror.lookup(ROOT, "nothing" as ByteString)).then(({ nodeId }) => nodeId),
  ]);
  assert.deepEqual(results, [LENGTH, LENGTH, data.length, 0]);
  assert.equal(isRead, false);
  isReady = true;
  fixture.bridge.local.wake();
  assert.equal(await reading, "s".repeat(STEP));
});
