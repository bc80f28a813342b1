import assert from "node:assert/strict";
import { IdMap } from "../../../lib/agent/command/id_map.ts";

Deno.test("IdMap shifts ordinary ids and maps larger ones singly", () => {
  const map = new IdMap([1000, 268_369_920, 4_000_000_000, 268_369_920]);
  assert.equal(map.text, "0 1879048192 268369920\n268369920 2147418112 1\n4000000000 2147418113 1\n");
  assert.equal(map.user(0), 1_879_048_192);
  assert.equal(map.user(1000), 1_879_049_192);
  assert.equal(map.user(4_000_000_000), 2_147_418_113);
  assert.equal(map.user(300_000_000), undefined);
});

Deno.test("IdMap refuses more large ids than the kernel takes", () => {
  const ids = Array.from({ length: 340 }, (_, index) => 1_000_000_000 + index);
  assert.equal(new IdMap(ids.slice(1)).text.split("\n").length, 341);
  assert.throws(() => new IdMap(ids), /Cannot map 340 ids above 268369919: the kernel takes 339/);
});

Deno.test("IdMap.fits() tells whether a user namespace has the ids it goes to", () => {
  const map = new IdMap([1_000_000_000]);
  assert.equal(map.fits("         0          0 4294967295\n"), true);
  assert.equal(map.fits("         0       1000          1\n         1     100000      65536\n"), false);
  // One short.
  assert.equal(map.fits("         0          0 2147418112\n"), false);
  assert.equal(map.fits("         0          0 2147418113\n"), true);
});
