/** What a cut of power can leave: rows whose contents did not get to the disk. */
import assert from "node:assert/strict";
import { stampOf as stamp } from "../../../lib/cache/blob.ts";
import { type Stat, statPath } from "../../../lib/linux/mod.ts";
import { content, digestOf, Fixture, has, path, store } from "./fixture.ts";

const stampOf = (file: string) => stamp(statPath(path(file)) as Stat);

const ONE = content(1);
const TWO = content(2);

Deno.test("Blob.isSound() hashes what was stored in another boot, once", async () => {
  await using fixture = new Fixture();
  const before = fixture.open({ boot: "before" });
  const digest = await store(before, ONE);
  before.close();
  const after = fixture.open({ boot: "after" });
  assert(has(after, digest));
  after.close();
  assert.deepEqual(fixture.sql("SELECT boot FROM blob").map(({ boot }) => boot), ["after"]);
});

Deno.test("Blob.isSound() drops what did not get to the disk, though the index takes it for what it was", async () => {
  await using fixture = new Fixture();
  const before = fixture.open({ boot: "before" });
  const [lost, kept] = [await store(before, ONE), await store(before, TWO)];
  before.close();
  // As ext4 may leave it: all as it was, but for the content.
  Deno.writeFileSync(fixture.blobAt(lost), new Uint8Array(ONE.length));
  fixture.sql(`UPDATE blob SET stamp = '${stampOf(fixture.blobAt(lost))}' WHERE digest = unhex('${lost}')`);
  const after = fixture.open({ boot: "after" });
  assert.equal(has(after, lost), false);
  assert(has(after, kept));
  assert.deepEqual(fixture.files(), [kept]);
  assert.equal(await store(after, ONE), digestOf(ONE));
  assert(has(after, lost));
});

Deno.test("Blob.isSound() notices what was done to the file since it was found", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const blob = cache.find(digest)!;
  Deno.writeFileSync(fixture.blobAt(digest), new Uint8Array(ONE.length));
  assert.equal(blob.isSound(), false);
  blob.release();
  assert.equal(cache.find(digest), undefined);
});

Deno.test("Blob.isSound() believes within one boot what a hash would not", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open({ boot: "this" });
  const digest = await store(cache, ONE);
  Deno.writeFileSync(fixture.blobAt(digest), new Uint8Array(ONE.length));
  fixture.sql(`UPDATE blob SET stamp = '${stampOf(fixture.blobAt(digest))}'`);
  // Which is why everything hangs on the stamp.
  assert.equal(cache.find(digest)?.isSound(), true);
});
