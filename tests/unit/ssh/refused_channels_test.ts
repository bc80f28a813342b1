import assert from "node:assert/strict";
import { withoutRefusedChannels } from "../../../lib/ssh/refused_channels.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

Deno.test("withoutRefusedChannels() takes nothing away but what ssh says of channels", () => {
  const refused = "channel 3: open failed: connect failed: open failed\r\n";
  const other = "no channel 3: open failed: x\n\xff Warning\n";
  assert.deepEqual(withoutRefusedChannels(bytes(refused + other + refused)), bytes(other));
  const same = bytes(other);
  assert.equal(withoutRefusedChannels(same), same);
});
