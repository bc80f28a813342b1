import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/nodes.ts";
import { PageCache } from "../../../lib/agent/page_cache.ts";
import { WriteOut } from "../../../lib/agent/write_out.ts";
import type { Stat } from "../../../lib/linux/mod.ts";

/** A cache whose notifications end when the test says so, and how often it had everything written out. */
function cache() {
  let end = () => {};
  let writeOuts = 0;
  const writeOut = new WriteOut((onEnd) => {
    writeOuts++;
    onEnd();
  });
  const notify = () => new Promise<void>((resolve) => end = resolve);
  const node = new Node(2, { mode: 0o100644, size: 0 } as Stat, 0);
  return { cache: new PageCache({ notify, writeOut }), node, end: () => end(), writeOuts: () => writeOuts };
}

Deno.test("drop() voids what was read ahead before it waits for the kernel", async () => {
  const { cache: pages, node, end } = cache();
  const dropping = pages.drop(node);
  assert.equal(node.writes, 1);
  end();
  await dropping;
});

Deno.test("PageCache has everything written out when many single pages come of dropping a file, once", async () => {
  const { cache: pages, node, end, writeOuts } = cache();
  const wrote = (count: number, length = 4096) => {
    for (let i = 0; i < count; i++) pages.wrote(node, length);
  };
  wrote(100);
  assert.equal(writeOuts(), 0, "nothing is dropped");
  const dropping = pages.drop(node);
  wrote(31);
  wrote(100, 1 << 20);
  assert.equal(writeOuts(), 0);
  wrote(100);
  assert.equal(writeOuts(), 1);
  end();
  await dropping;
  wrote(100);
  assert.equal(writeOuts(), 1);
});
