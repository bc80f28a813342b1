/** Files whose content is here, or on its way: opened without waiting, and never read as they were before a change. */
import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { loadLz4 } from "../../../lib/compression/mod.ts";
import { Errno, F_RDLCK, F_UNLCK, F_WRLCK, O_RDWR, O_TRUNC, SEEK_HOLE } from "../../../lib/linux/mod.ts";
import { decodeCheck, encodeStat, FileNote, FileOp, type PackRecord } from "../../../lib/protocol/mod.ts";
import { digestOf, Fixture as CacheFixture, has, store } from "../cache/fixture.ts";
import { caller, fails, Fixture } from "./mirror_fixture.ts";

const lz4 = await loadLz4();
const bytes = (text: string) => new TextEncoder().encode(text);

/** Until everything that was asked is answered. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A mirror with `a/file`, of which name and content are told. */
class Ahead implements AsyncDisposable {
  readonly cache = new CacheFixture();
  readonly opened = this.cache.open();
  readonly fixture = new Fixture({ leases: true, cache: { cache: this.opened, lz4, maxOpen: 100 } });

  /** `isHere`: the content is in the cache; if not, `onFetch` is called before it is sent. */
  static async make(
    text: string,
    { isHere = true, onFetch }: { isHere?: boolean; onFetch?: (fixture: Fixture) => void } = {},
  ): Promise<Ahead> {
    const ahead = new Ahead();
    const { fixture } = ahead;
    fixture.intercept = ({ op }) => {
      if (op === FileOp.FETCH) onFetch?.(fixture);
      return false;
    };
    fixture.make({ "a/file": text });
    if (isHere) await store(ahead.opened, bytes(text));
    await settled();
    const records = fixture.pack("/a/file");
    fixture.tell(records);
    const { dir, name } = records[records.length - 1] as Extract<PackRecord, { kind: "entry" }>;
    fixture.tell([{ kind: "content", dir, name, chunk: 0, digest: digestOf(bytes(text)) }]);
    return ahead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
    await this.opened.idle();
    await this.cache[Symbol.asyncDispose]();
  }
}

Deno.test("a file whose content is here is opened and read here, and on the local side if it stays open", async () => {
  await using ahead = await Ahead.make("content");
  const { fixture } = ahead;
  fixture.bridge.throttle(0);
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  assert.equal(await fixture.read(node, { fh }), "content");
  assert.equal(await fixture.read(node, { fh, offset: 3, size: 2 }), "te");
  assert.equal(await fixture.read(node, { fh, offset: 7 }), "");
  fixture.bridge.throttle(Infinity);
  fixture.mirror.tick();
  await settled();
  assert.deepEqual([FileOp.OPEN, FileOp.READ, FileOp.FETCH].map((op) => fixture.count(op)), [0, 0, 0]);
  fixture.pass();
  fixture.mirror.tick();
  await settled();
  assert.equal(fixture.count(FileOp.OPEN), 1);
  Deno.removeSync(fixture.at("a/file"));
  await fixture.applyNews();
  assert.equal((await fixture.mirror.getattr(node, fh)).attr.nlink, 0);
  fixture.mirror.release(node, fh);
  await settled();
  assert.equal(fixture.notes.filter(({ op }) => op === FileNote.RELEASE).length, 1);
});

Deno.test("a file that the kernel was given under a lease is opened again without waiting, until news come of it", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content" });
  const node = await fixture.walk("a/file");
  assert.equal(await fixture.content(node), "content");
  fixture.bridge.throttle(0);
  const opening = fixture.open(node);
  const isAtOnce = await Promise.race([opening.then(() => true), settled().then(() => false)]);
  fixture.bridge.throttle(Infinity);
  assert.ok(isAtOnce);
  fixture.mirror.release(node, await opening);
  await settled();
  assert.equal(fixture.count(FileOp.OPEN), 1, "the local side need not know");
  assert.equal(fixture.notes.filter(({ op }) => op === FileNote.RELEASE).length, 1);
  fixture.make({ "a/file": "changed" });
  await fixture.applyNews();
  assert.equal(await fixture.content(await fixture.walk("a/file")), "changed");
});

Deno.test("what nobody tells of is not opened without waiting", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  assert.equal(await fixture.content(node), "content");
  fixture.make({ file: "other content" });
  await fails(Errno.ESTALE, () => fixture.open(node));
});

Deno.test("a content that is not here is asked for once, read while it comes, and kept", async () => {
  const text = "x".repeat(300_000);
  await using ahead = await Ahead.make(text, { isHere: false });
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  assert.equal(await fixture.read(node, { fh, offset: 299_990 }), "x".repeat(10));
  assert.equal(await fixture.read(node, { fh, size: 10 }), "x".repeat(10));
  assert.deepEqual([FileOp.FETCH, FileOp.READ].map((op) => fixture.count(op)), [1, 0]);
  await settled();
  await ahead.opened.idle();
  assert.ok(has(ahead.cache.open(), digestOf(bytes(text))), "another session finds it");
});

Deno.test("a content that is another one by now is read from the local side", async () => {
  await using ahead = await Ahead.make("old", {
    isHere: false,
    onFetch: (fixture) => fixture.make({ "a/file": "new" }),
  });
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  assert.equal(await fixture.read(node, { fh }), "new");
  await settled();
  assert.equal(await fixture.cat("a/file"), "new");
  assert.equal(ahead.opened.summary().entries, 0);
});

Deno.test("a file that was replaced before it is opened there is read as it was told, until the news come", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  fixture.make({ new: "new" });
  Deno.renameSync(fixture.at("new"), fixture.at("a/file"));
  const fh = await fixture.open(node);
  await settled();
  assert.equal(await fixture.read(node, { fh }), "old", "as if it had been opened before");
  fixture.mirror.release(node, fh);
  await fixture.applyNews();
  assert.equal(await fixture.cat("a/file"), "new");
});

Deno.test("a change of which no news come is found when the file is opened", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  fixture.make({ "a/file": "new" });
  await fixture.dropNews();
  const fh = await fixture.open(node);
  fixture.mirror.turn();
  assert.equal(fixture.notes.filter(({ op }) => op === FileNote.CHECK).length, 0, "several are asked for together");
  fixture.pass(51);
  fixture.mirror.turn();
  await settled();
  await fixture.applyNews();
  assert.equal(await fixture.read(node, { fh }), "new", "the handle is of the local file");
  assert.equal(await fixture.cat("a/file"), "new");
  assert.notEqual(await fixture.walk("a/file"), node);
});

Deno.test("what is removed locally while it is open here can be read, and has no names", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  Deno.removeSync(fixture.at("a/file"));
  await fixture.applyNews();
  assert.equal(await fixture.read(node, { fh }), "old");
  assert.equal((await fixture.mirror.getattr(node, fh)).attr.nlink, 0);
  fixture.mirror.release(node, fh);
  await settled();
  assert.equal(fixture.count(FileOp.OPEN), 0);
});

Deno.test("what we put another file in place of while it is open here is still that file on the local side", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  fixture.make({ "a/other": "other" });
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  const a = await fixture.walk("a");
  await fixture.mirror.rename(a, fromText("other"), { parent: a, name: fromText("file"), flags: 0 });
  await fixture.applyNews();
  const size = (await fixture.mirror.getattr(node, fh)).attr.size;
  assert.deepEqual([await fixture.read(node, { fh }), size, fixture.count(FileOp.OPEN)], ["old", 3, 1]);
  assert.equal(await fixture.cat("a/file"), "other");
});

Deno.test("a file that is open here is read on after it was changed in place, whoever sees that first", async (t) => {
  for (const seenBy of ["news", "a lookup"]) {
    await t.step(`by ${seenBy}`, async () => {
      await using ahead = await Ahead.make("old");
      const { fixture } = ahead;
      const node = await fixture.walk("a/file");
      const handles = [await fixture.open(node), await fixture.open(node)];
      Deno.writeTextFileSync(fixture.at("a/file"), "new");
      if (seenBy === "news") await fixture.applyNews();
      else fixture.mirror.tree.snapshots.doubt();
      assert.notEqual(await fixture.walk("a/file"), node);
      await fixture.applyNews();
      for (const fh of handles) assert.equal(await fixture.read(node, { fh }), "new");
      assert.equal((await fixture.mirror.getattr(node, handles[0])).attr.nlink, 1);
    });
  }
});

Deno.test("what was copied from a file that is open here is what it is by now", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  fixture.make({ "a/copy": "" });
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  Deno.writeTextFileSync(fixture.at("a/file"), "new");
  await fixture.applyNews();
  const copy = await fixture.walk("a/copy");
  const to = await fixture.open(copy, O_RDWR);
  assert.equal(
    await fixture.mirror.copyFileRange(node, { fh, offset: 0, to: { nodeId: copy, fh: to, offset: 0 }, length: 3 }),
    3,
  );
  await settled();
  assert.equal(Deno.readTextFileSync(fixture.at("a/copy")), "new");
});

Deno.test("a file of which the kernel was given a part only is opened on the local side at once", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content" });
  const node = await fixture.walk("a/file");
  fixture.mirror.release(node, await fixture.open(node));
  for (
    const [range, opened] of [[{ offset: 3, size: 4 }, 1], [{ offset: 0, size: 4 }, 1], [
      { offset: 4, size: 3 },
      0,
    ]] as const
  ) {
    const fh = await fixture.open(node);
    await fixture.read(node, { fh, ...range });
    fixture.mirror.release(node, fh);
    fixture.requests.length = 0;
    fixture.mirror.release(node, await fixture.open(node));
    await settled();
    assert.equal(fixture.count(FileOp.OPEN), opened, JSON.stringify(range));
  }
});

Deno.test("a file that is open here can be closed by who has locks on it, which go, and is free to be reused", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content" });
  const node = await fixture.walk("a/file");
  assert.equal(await fixture.content(node), "content");
  const locked = await fixture.open(node);
  const lock = { type: F_RDLCK, start: 0n, end: 10n, pid: 7 };
  await fixture.mirror.setlk(node, { fh: locked, owner: 5n, lock, wait: false }, caller);
  const fh = await fixture.open(node);
  await fixture.mirror.flush(node, fh, 5n);
  const wanted = { ...lock, type: F_WRLCK };
  const writing = await fixture.open(node, O_RDWR);
  assert.equal((await fixture.mirror.getlk(node, { fh: writing, owner: 6n, lock: wanted })).type, F_UNLCK);
});

Deno.test("who may read a file that is open here goes on to, whatever its mode is made", async () => {
  await using ahead = await Ahead.make("content");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  await fixture.mirror.setattr(node, { mode: 0, killSuidgid: false }, caller);
  await settled();
  assert.deepEqual(fixture.requests.map(({ op }) => op).filter((op) => op !== FileOp.STATFS), [
    FileOp.OPEN,
    FileOp.SETATTR,
  ]);
  assert.equal(await fixture.read(node, { fh }), "content");
  assert.equal(fixture.count(FileOp.READ), 0, "its content is what it was");
});

Deno.test("a file of another one's inode number is not read in its place", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.OPEN) return false;
    incoming.reply(encodeStat({ ...fixture.stat("a/file"), btime: 1, size: 100 }));
    return true;
  };
  fixture.pass();
  fixture.mirror.tick();
  await settled();
  assert.equal(await fixture.read(node, { fh }), "old");
});

Deno.test("what is not here of a file that was replaced before it was opened there is ESTALE", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "a/file": "content", other: "other" });
  const node = await fixture.walk("a/file");
  assert.equal(await fixture.content(node), "content");
  const fh = await fixture.open(node);
  Deno.renameSync(fixture.at("other"), fixture.at("a/file"));
  await fails(Errno.ESTALE, () => fixture.read(node, { fh }));
});

Deno.test("files with long names are checked in several notes", async () => {
  await using fixture = new Fixture({ leases: true });
  const names = Array.from({ length: 200 }, (_, i) => `a/${i}${"x".repeat(240)}`);
  fixture.make(Object.fromEntries(names.map((name) => [name, "content"])));
  for (const name of names) await fixture.cat(name);
  fixture.notes.length = 0;
  for (const name of names) await fixture.cat(name);
  fixture.pass();
  fixture.mirror.tick();
  await settled();
  const checks = fixture.notes.filter(({ op }) => op === FileNote.CHECK).map(({ body }) => decodeCheck(body).length);
  assert.equal(checks.reduce((sum, count) => sum + count), 200);
  assert.ok(checks.length > 1 && checks.every((count) => count < 100), checks.join());
});

Deno.test("a file that is open here can be locked, and searched for holes", async () => {
  await using ahead = await Ahead.make("content");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  await fixture.mirror.flock(node, { fh, type: F_RDLCK, wait: false }, caller);
  assert.equal(fixture.count(FileOp.OPEN), 1);
  const other = await fixture.open(node);
  assert.equal(await fixture.mirror.lseek(node, { fh: other, offset: 0, whence: SEEK_HOLE }), 7);
  assert.equal(fixture.count(FileOp.OPEN), 2);
});

const locally: Record<string, (path: string, ahead: Ahead) => void> = {
  "edited in place": (path) => Deno.writeTextFileSync(path, "new"),
  "made longer": (path) => Deno.writeTextFileSync(path, "new, and longer"),
  "made shorter": (path) => Deno.truncateSync(path, 1),
  "edited, its time set back": (path) => {
    const { mtime, atime } = Deno.statSync(path);
    Deno.writeTextFileSync(path, "new");
    Deno.utimeSync(path, atime!, mtime!);
  },
};

for (const [how, change] of Object.entries(locally)) {
  Deno.test(`a file that is ${how} locally is read as it is by now`, async (t) => {
    await t.step("by who opens it then", async () => {
      await using ahead = await Ahead.make("old");
      const { fixture } = ahead;
      change(fixture.at("a/file"), ahead);
      await fixture.applyNews();
      assert.equal(await fixture.cat("a/file"), Deno.readTextFileSync(fixture.at("a/file")));
    });
    await t.step("by who has it open", async () => {
      await using ahead = await Ahead.make("old");
      const { fixture } = ahead;
      const node = await fixture.walk("a/file");
      const fh = await fixture.open(node);
      assert.equal(await fixture.read(node, { fh }), "old");
      change(fixture.at("a/file"), ahead);
      await fixture.applyNews();
      assert.equal(await fixture.read(node, { fh }), Deno.readTextFileSync(fixture.at("a/file")));
      assert.equal(await fixture.cat("a/file"), Deno.readTextFileSync(fixture.at("a/file")));
    });
  });
}

Deno.test("a file that we write is read as it is by now, by those who had it open too", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  assert.equal(await fixture.read(node, { fh }), "old");
  const writing = await fixture.open(node, O_RDWR);
  await fixture.write(node, writing, "n", 0);
  assert.equal(await fixture.read(node, { fh }), "nld");
  await fixture.mirror.setattr(node, { fh: writing, size: 2, killSuidgid: false }, caller);
  assert.equal(await fixture.read(node, { fh }), "nl");
  fixture.mirror.release(node, writing);
  await fixture.applyNews();
  assert.equal(await fixture.cat("a/file"), "nl");
  await fixture.open(node, O_RDWR | O_TRUNC);
  assert.equal(await fixture.read(node, { fh }), "");
});

Deno.test("a file that we unlink stays as it is for those who have it open", async () => {
  await using ahead = await Ahead.make("old");
  const { fixture } = ahead;
  const node = await fixture.walk("a/file");
  const fh = await fixture.open(node);
  await fixture.mirror.unlink(await fixture.walk("a"), fromText("file"));
  await fixture.applyNews();
  assert.equal(await fixture.read(node, { fh }), "old");
  assert.equal((await fixture.mirror.getattr(node, fh)).attr.nlink, 0);
  await assert.rejects(fixture.cat("a/file"), { errno: Errno.ENOENT });
});

for (const kind of ["the file", "a range"]) {
  Deno.test(`what is read under a lock on ${kind} is what the file has there, without waiting for news`, async () => {
    await using ahead = await Ahead.make("old");
    const { fixture } = ahead;
    const node = await fixture.walk("a/file");
    const fh = await fixture.open(node);
    assert.equal(await fixture.read(node, { fh }), "old");
    Deno.writeTextFileSync(fixture.at("a/file"), "new");
    if (kind === "the file") {
      await fixture.mirror.flock(node, { fh, type: F_RDLCK, wait: false }, caller);
    } else {
      const lock = { type: F_RDLCK, start: 0n, end: 9n, pid: 1 };
      await fixture.mirror.setlk(node, { fh, owner: 1n, lock, wait: false } as never, caller);
    }
    assert.equal(await fixture.read(node, { fh }), "new");
  });
}
