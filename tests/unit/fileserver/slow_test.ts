import assert from "node:assert/strict";
import { Mounted } from "../fuse/mounted.ts";

/** How many files of which the kernel does not know yet are in the listing. */
const LATE = 5;

Deno.test("what waits for a slow disk keeps nothing else waiting", { ignore: Deno.uid() !== 0 }, async () => {
  await using mounted = await Mounted.start({ late: 2 + LATE, readdirplus: false, lifetime: 60_000 });
  const program = new URL("./slow_files.ts", import.meta.url).pathname;
  const command = `"${Deno.execPath()}" run --quiet --no-check -A ${program} "$PWD"`;
  const { code, stdout, stderr } = await mounted.run(command);
  assert.equal(code, 0, stderr);
  const { lookups, lookupsPending, list, listPending, writes } = JSON.parse(stdout);
  assert.deepEqual([lookups[0], [...lookups].sort()], ["root", ["late0", "late1", "root"]]);
  assert.deepEqual(list, ["root", "listing"]);
  assert.deepEqual(writes.toSorted(), ["root", "write", "write behind"]);
  assert.equal(writes[0], "root");
  assert.deepEqual([lookupsPending, listPending], [2, LATE], "they are asked side by side");
});
