import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CacheError } from "../../../lib/cache/mod.ts";
import {
  AT_FDCWD,
  changeTimes,
  close,
  F_WRLCK,
  O_RDONLY,
  O_WRONLY,
  openAt,
  setFileLock,
  type Stat,
  statPath,
  writeAt,
} from "../../../lib/linux/mod.ts";
import { begin, content, digestOf, Fixture, has, path, store } from "./fixture.ts";

const ONE = content(1);
const TWO = content(2);
const INDEX = ["index.db", "index.db-wal", "index.db-shm"];

/** Changes the file of a blob and has the cache look: nothing is found, nothing is left, and it can be had again. */
async function isNoticed(damage: (file: string) => void): Promise<void> {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const [digest, other] = [await store(cache, ONE), await store(cache, TWO)];
  damage(fixture.blobAt(digest));
  assert.equal(cache.find(digest), undefined);
  assert.deepEqual(fixture.files(), [other]);
  assert.equal(cache.summary().entries, 1);
  await store(cache, ONE);
  assert(has(cache, digest));
  assert(has(cache, other));
  cache.close();
  assert.equal(fixture.verify(), 2);
}

/** Changes one byte and sets the file's times back to what they were, to the ns. */
function flip(file: string): void {
  const { atime, atimeNsec, mtime, mtimeNsec } = statPath(path(file)) as Stat;
  const fd = openAt(AT_FDCWD, path(file), O_WRONLY);
  assert.equal(writeAt(fd, new Uint8Array([ONE[500] ^ 1]), 500), 1);
  assert.equal(changeTimes(fd, { sec: atime, nsec: atimeNsec }, { sec: mtime, nsec: mtimeNsec }), 0);
  close(fd);
}

Deno.test("BlobCache.find() drops a blob whose content was changed, though its mtime says otherwise", async () => {
  await isNoticed(flip);
});

Deno.test("BlobCache.find() drops a blob that was truncated", async () => {
  await isNoticed((file) => Deno.truncateSync(file, 999));
});

Deno.test("BlobCache.find() drops a blob in whose place there is another file", async () => {
  await isNoticed((file) => {
    Deno.copyFileSync(file, `${file}.new`);
    Deno.renameSync(`${file}.new`, file);
  });
});

Deno.test("BlobCache.find() drops a blob in whose place there is a link to the same content, or nothing", async () => {
  const elsewhere = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(elsewhere, ONE);
    await isNoticed((file) => {
      Deno.removeSync(file);
      Deno.symlinkSync(elsewhere, file);
    });
    await isNoticed((file) => Deno.removeSync(file));
  } finally {
    Deno.removeSync(elsewhere);
  }
});

Deno.test("BlobCache.find() leaves alone what another session has replaced in between", async () => {
  await using fixture = new Fixture();
  const [cache, other] = [fixture.open(), fixture.open()];
  const digest = await store(cache, ONE);
  const held = cache.find(digest)!;
  await store(other, ONE);
  assert(has(cache, digest));
  held.release();
  await cache.idle();
  assert.deepEqual(fixture.files(), [digest]);
});

Deno.test("BlobCache.find() does not touch a blob that another session is about to remove", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const fd = openAt(AT_FDCWD, path(fixture.blobAt(digest)), O_RDONLY);
  assert.equal(setFileLock(fd, F_WRLCK), 0);
  assert.equal(cache.find(digest), undefined);
  close(fd);
  assert(has(cache, digest));
});

/** The index is damaged between two sessions: the second one starts anew, with nothing left of the first, and works. */
async function startsAnew(damage: (fixture: Fixture) => void): Promise<void> {
  await using fixture = new Fixture();
  const first = fixture.open();
  const digest = await store(first, ONE);
  first.close();
  damage(fixture);
  const cache = fixture.open();
  assert.equal(cache.find(digest), undefined);
  assert.deepEqual(fixture.files(), []);
  assert.equal(cache.summary().entries, 0);
  await store(cache, TWO);
  cache.close();
  assert.equal(fixture.verify(), 1);
}

Deno.test("BlobCache.open() starts anew when the index was deleted", async () => {
  await startsAnew((fixture) => Deno.removeSync(fixture.at("index.db")));
});

Deno.test("BlobCache.open() starts anew when the index was deleted, but not what belongs to it", async () => {
  await startsAnew((fixture) => {
    Deno.removeSync(fixture.at("index.db"));
    for (const name of INDEX.slice(1)) Deno.writeFileSync(fixture.at(name), content(3, 40_000));
  });
});

Deno.test("BlobCache.open() starts anew when the index is garbage, empty or cut off", async () => {
  await startsAnew((fixture) => Deno.writeFileSync(fixture.at("index.db"), content(3, 40_000)));
  await startsAnew((fixture) => Deno.truncateSync(fixture.at("index.db"), 0));
  await startsAnew((fixture) => Deno.truncateSync(fixture.at("index.db"), 5000));
});

Deno.test("BlobCache.open() starts anew when the index has another version or other tables", async () => {
  await startsAnew((fixture) => fixture.sql("PRAGMA user_version = 999"));
  await startsAnew((fixture) => fixture.sql("ALTER TABLE blob RENAME COLUMN stamp TO attributes"));
});

Deno.test("BlobCache goes on without an index that turns out to be damaged, and a later session starts anew", async () => {
  await using fixture = new Fixture();
  const first = fixture.open();
  const contents = Array.from({ length: 200 }, (_, i) => content(i));
  await Promise.all(contents.map((bytes) => store(first, bytes)));
  first.close();
  using file = Deno.openSync(fixture.at("index.db"), { write: true });
  // All but the first page, which says what tables there are.
  file.seekSync(4096, Deno.SeekMode.Start);
  file.writeSync(content(3, file.statSync().size - 4096));

  const cache = fixture.open();
  for (const bytes of contents) assert.equal(cache.find(digestOf(bytes)), undefined);
  assert.equal(cache.create(digestOf(ONE), { size: 1000, path: path("x") }), undefined);
  assert.deepEqual([[...cache.list()], cache.summary().entries, cache.clear().entries], [[], 0, 0]);
  cache.close();
  for (const name of INDEX) assert.throws(() => Deno.statSync(fixture.at(name)), Deno.errors.NotFound);

  const next = fixture.open();
  assert.deepEqual(fixture.files(), []);
  await store(next, ONE);
  next.close();
  assert.equal(fixture.verify(), 1);
});

Deno.test("BlobCache gives up what is under way when the index turns out to be damaged", async () => {
  await using fixture = new Fixture();
  const first = fixture.open();
  await Promise.all(Array.from({ length: 200 }, (_, i) => store(first, content(i))));
  first.close();
  const cache = fixture.open();
  using file = Deno.openSync(fixture.at("index.db"), { write: true });
  file.seekSync(4096, Deno.SeekMode.Start);
  file.writeSync(content(3, file.statSync().size - 4096));
  const blob = begin(cache, content(1000));
  await blob.commit();
  blob.release();
  assert.equal(cache.find(digestOf(content(1000))), undefined);
  assert.deepEqual(fixture.temporaries(), []);
});

Deno.test("BlobCache.open() does not wait long for an index that others keep locked", async () => {
  await using fixture = new Fixture();
  fixture.open().close();
  const db = new DatabaseSync(fixture.at("index.db"));
  db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE");
  const start = performance.now();
  const expected = new CacheError(`Cannot use the cache "${fixture.folder}": its index is locked by others`);
  assert.throws(() => fixture.open(), expected);
  // SQLite alone would wait for 5 s.
  assert(performance.now() - start < 4900);
  db.close();
  fixture.open();
});

Deno.test("BlobCache.open() goes without an index that is being replaced, or is damaged while others have it open", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const refused = (state: string) =>
    assert.throws(
      () => fixture.open(),
      new CacheError(`Cannot use the cache "${fixture.folder}": its index is ${state}`),
    );
  const content = Deno.readFileSync(fixture.at("index.db"));
  Deno.writeFileSync(fixture.at("index.db"), content.map((byte) => byte ^ 0x55));
  refused("damaged, and others use it");
  assert.deepEqual(fixture.files(), [digest]);
  Deno.writeFileSync(fixture.at("index.db"), content);
  assert(has(cache, digest));
  cache.close();

  const folder = openAt(AT_FDCWD, path(fixture.folder), O_RDONLY);
  assert.equal(setFileLock(folder, F_WRLCK), 0);
  refused("locked by others");
  close(folder);
  assert(has(fixture.open(), digest));
});

Deno.test("BlobCache serves while another session has the index locked, and catches up afterwards", async () => {
  await using fixture = new Fixture();
  const [cache, other] = [fixture.open(), fixture.open()];
  const digest = await store(cache, ONE);
  const db = new DatabaseSync(fixture.at("index.db"));
  db.exec("BEGIN IMMEDIATE");
  assert(has(cache, digest));
  await store(cache, TWO);
  assert(has(cache, digestOf(TWO)));
  assert.equal(other.find(digestOf(TWO)), undefined);
  db.exec("COMMIT");
  db.close();
  await store(cache, content(3));
  for (const bytes of [ONE, TWO, content(3)]) assert(has(other, digestOf(bytes)));
  assert.deepEqual(fixture.temporaries(), []);
});

Deno.test("BlobCache.open() removes what a crash has left in a cache that is whole", async () => {
  await using fixture = new Fixture();
  const cache = fixture.open();
  const digest = await store(cache, ONE);
  const growing = begin(cache, TWO);
  const stray = fixture.blobAt(digest).replace(/.$/, (last) => last === "0" ? "1" : "0");
  Deno.writeTextFileSync(stray, "named, but not in the index");
  Deno.writeTextFileSync(fixture.at("tmp/1-1"), "a dead process's");
  const other = fixture.open();
  assert.deepEqual(fixture.temporaries(), [`${Deno.pid}-1`]);
  other.prune({});
  assert.deepEqual(fixture.files(), [digest]);
  await growing.commit();
  growing.release();
  assert(has(other, digestOf(TWO)));
});
