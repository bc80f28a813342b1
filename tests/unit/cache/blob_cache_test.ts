import assert from "node:assert/strict";
import { type BlobCache, CacheError } from "../../../lib/cache/mod.ts";
import { readAt } from "../../../lib/linux/mod.ts";
import { begin, content, contentOf, digestOf, Fixture, has, path, store } from "./fixture.ts";

const ONE = content(1);

Deno.test("BlobCache.find() finds what was committed, in this session, in others and in later ones", async () => {
  await using fixture = new Fixture();
  const [cache, other] = [fixture.open(), fixture.open()];
  const digest = digestOf(ONE);
  assert.equal(cache.find(digest), undefined);
  assert.equal(await store(cache, ONE), digest);
  assert(has(cache, digest));
  assert(has(other, digest));
  cache.close();
  other.close();
  assert(has(fixture.open(), digest));
});

Deno.test("BlobCache.find() gives blobs that can be read after their file is gone and the cache is closed", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const blob = cache.find(digest)!;
  Deno.removeSync(fixture.blobAt(digest));
  cache.close();
  assert.deepEqual(contentOf(blob), ONE);
  blob.release();
  await cache.idle();
});

Deno.test("Blob.release() twice does not close what has got the descriptor since", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const created = begin(cache, ONE);
  await created.commit();
  const found = cache.find(digestOf(ONE))!;
  for (const blob of [created, found]) {
    blob.release();
    const others = [cache.find(digestOf(ONE))!];
    // The lowest number that is free comes next.
    while (others[0].fd < blob.fd) others.unshift(cache.find(digestOf(ONE))!);
    assert.equal(others[0].fd, blob.fd);
    blob.release();
    assert.deepEqual(contentOf(others[0]), ONE);
    for (const other of others) other.release();
  }
});

Deno.test("BlobCache takes nothing for a digest that is none, as it becomes the name of a file", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const strange = ["", "..", digest.toUpperCase(), `${digest}\n`, digest.slice(1), `../${digest.slice(3)}`];
  for (const text of strange) {
    assert.equal(cache.find(text), undefined);
    assert.equal(cache.create(text, { size: 1, path: path("x") }), undefined);
  }
});

Deno.test("NewBlob can be read while it grows, and is found only when it is committed", async () => {
  await using fixture = new Fixture();
  const [cache, other] = [fixture.open(), fixture.open()];
  const digest = digestOf(ONE);
  const blob = cache.create(digest, { size: ONE.length, path: path("x") })!;
  blob.write(ONE.subarray(0, 600));
  const read = new Uint8Array(1000);
  assert.equal(readAt(blob.fd, read, 0), 600);
  assert.deepEqual(read.subarray(0, 600), ONE.subarray(0, 600));
  assert.equal(blob.written, 600);
  blob.write(ONE.subarray(600));
  assert.equal(cache.find(digest), undefined);
  const committed = blob.commit();
  // Before the disk has it, this session alone.
  assert(has(cache, digest));
  assert.equal(other.find(digest), undefined);
  await committed;
  assert(has(other, digest));
  assert.deepEqual(contentOf(blob), ONE);
  blob.release();
  assert.deepEqual(fixture.temporaries(), []);
});

Deno.test("NewBlob.commit() refuses what is not what its digest says, and nothing is left", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const other = content(2);
  const blob = cache.create(digestOf(ONE), { size: ONE.length, path: path("x") })!;
  blob.write(other);
  assert.throws(
    () => blob.commit(),
    new CacheError(`Cannot commit the blob "${digestOf(ONE)}": its content has another digest`),
  );
  assert.throws(() => blob.write(other), CacheError);
  assert.throws(() => blob.commit(), CacheError);
  for (const digest of [ONE, other].map(digestOf)) assert.equal(cache.find(digest), undefined);
  assert.deepEqual([fixture.temporaries(), fixture.files(), cache.summary().entries], [[], [], 0]);
  blob.release();
});

Deno.test("NewBlob.commit() leaves nothing when the name cannot be given, and stores the others", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const [bad, good] = [begin(cache, ONE), begin(cache, content(2))];
  const shard = fixture.at(`blobs/${digestOf(ONE).slice(0, 2)}`);
  Deno.writeTextFileSync(shard, "in the way");
  for (const blob of [bad, good]) blob.commit();
  await Promise.resolve();
  assert.equal(cache.find(digestOf(ONE)), undefined);
  assert(has(cache, digestOf(content(2))));
  assert.deepEqual([cache.summary().entries, fixture.temporaries()], [1, []]);
  assert.deepEqual(contentOf(bad), ONE);
  bad.release();
  good.release();
  Deno.removeSync(shard);
});

Deno.test("NewBlob refuses more and less than its size", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const short = cache.create(digestOf(ONE), { size: ONE.length, path: path("x") })!;
  short.write(ONE.subarray(1));
  assert.throws(() => short.commit(), /Cannot commit the blob "\w+": 999 of 1000 bytes came/);
  const long = cache.create(digestOf(ONE), { size: ONE.length - 1, path: path("x") })!;
  assert.throws(() => long.write(ONE), /Cannot write the blob "\w+": more than its 999 bytes came/);
  assert.deepEqual(fixture.temporaries(), []);
  short.release();
  long.release();
  await cache.idle();
});

Deno.test("NewBlob.release() before commit() leaves nothing", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const blob = begin(cache, ONE);
  assert.equal(fixture.temporaries().length, 1);
  blob.release();
  assert.deepEqual([fixture.temporaries(), cache.find(digestOf(ONE))], [[], undefined]);
  assert.throws(() => blob.commit(), CacheError);
});

Deno.test("NewBlob.release() does not take back what was committed", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const blobs = Array.from({ length: 40 }, (_, i) => begin(cache, content(i)));
  for (const blob of blobs) blob.commit();
  for (const blob of blobs) blob.release();
  for (let i = 0; i < 40; i++) assert(has(cache, digestOf(content(i))));
});

Deno.test("BlobCache takes the same content twice at once, and an empty one", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const empty = new Uint8Array();
  const blobs = [ONE, ONE, empty].map((bytes) => begin(cache, bytes));
  for (const blob of blobs) blob.commit();
  await Promise.resolve();
  for (const blob of blobs) blob.release();
  assert(has(cache, digestOf(ONE)));
  assert(has(cache, digestOf(empty)));
  assert.deepEqual([cache.summary().entries, cache.summary().bytes], [2, 1000]);
  assert.deepEqual(fixture.temporaries(), []);
  fixture.verify();
});

Deno.test("BlobCache.close() stores what was committed, and what was found stays readable", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, content(2));
  const found = cache.find(digest)!;
  const [blob, growing] = [begin(cache, ONE), begin(cache, content(3))];
  blob.commit();
  cache.close();
  cache.close();
  assert.deepEqual([contentOf(found), contentOf(blob), contentOf(growing)], [content(2), ONE, content(3)]);
  assert.deepEqual(fixture.temporaries().length, 1, "the one that is still growing");
  for (const open of [found, blob, growing]) open.release();
  assert.deepEqual([cache.find(digest), cache.create(digest, { size: 1, path: path("x") })], [undefined, undefined]);
  assert.equal(fixture.verify(), 2);
  assert.deepEqual(fixture.temporaries(), []);
});

Deno.test("BlobCache keeps everything from other users", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const growing = begin(cache, content(2));
  const modes = (...paths: string[]) => paths.map((path) => (Deno.statSync(path).mode! & 0o777).toString(8));
  const shard = fixture.at(`blobs/${digest.slice(0, 2)}`);
  assert.deepEqual(modes(fixture.folder, fixture.at("blobs"), fixture.at("tmp"), shard), ["700", "700", "700", "700"]);
  const files = ["index.db", "index.db-wal", "index.db-shm", `tmp/${fixture.temporaries()[0]}`].map((name) =>
    fixture.at(name)
  );
  assert.deepEqual(modes(fixture.blobAt(digest), ...files), ["600", "600", "600", "600", "600"]);
  growing.release();
});

/** All that the cache says of its blobs, but for when. */
const listed = (cache: BlobCache) => [...cache.list()].map(({ lastUse: _, ...info }) => info);

Deno.test("BlobCache.list() says what was called what, by which machine", async () => {
  await using fixture = new Fixture();
  const [here, there] = [fixture.open(), fixture.open({ machine: "there" })];
  const digest = await store(here, ONE, "usr/bin/one");
  assert.deepEqual(listed(there), [{ digest, size: 1000, names: [{ machine: "here", path: "usr/bin/one" }] }]);
  await store(there, ONE, "opt/\xff\xfe");
  await store(here, ONE, "usr/bin/uno");
  const names = [{ machine: "here", path: path("usr/bin/uno") }, { machine: "there", path: path("opt/\xff\xfe") }];
  assert.deepEqual(listed(there), [{ digest, size: 1000, names }]);
});

Deno.test("BlobCache.list() goes through more than it holds at once, the most recently used first", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  await Promise.all(Array.from({ length: 250 }, (_, i) => store(cache, content(i, i))));
  const before = Date.now();
  while (Date.now() === before);
  has(cache, digestOf(content(77, 77)));
  cache.close();
  const infos = [...fixture.open().list()];
  assert.equal(new Set(infos.map((info) => info.digest)).size, 250);
  assert.equal(infos[0].digest, digestOf(content(77, 77)));
  assert(infos.every(({ lastUse }, i) => i === 0 || lastUse <= infos[i - 1].lastUse));
});
