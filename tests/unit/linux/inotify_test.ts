import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { decodeEvents, IN_CREATE, IN_MODIFY, IN_Q_OVERFLOW } from "../../../lib/linux/mod.ts";

Deno.test("decodeEvents() takes names without their padding, and events without a name", () => {
  const bytes = Uint8Array.from([
    ...[1, 0, 0, 0, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0x61, 0xff, 0, 0, 0, 0, 0, 0],
    ...[2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0xff, 0xff, 0xff, 0xff, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[3, 0, 0, 0, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x66, 0x75, 0x6c, 0x6c],
  ]);
  assert.deepEqual(decodeEvents(bytes), [
    { watch: 1, mask: IN_CREATE, name: "a\xff" },
    { watch: 2, mask: IN_MODIFY, name: "" },
    { watch: -1, mask: IN_Q_OVERFLOW, name: "" },
    { watch: 3, mask: IN_CREATE, name: fromText("full") },
  ]);
});
