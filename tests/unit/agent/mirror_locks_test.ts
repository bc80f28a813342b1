import assert from "node:assert/strict";
import type { MirrorOptions } from "../../../lib/agent/mirror.ts";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Caller, NotifyCode } from "../../../lib/fuse/mod.ts";
import {
  AT_FDCWD,
  Errno,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  LAST_BYTE,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  type Stat,
  statAt,
} from "../../../lib/linux/mod.ts";
import { FileNote, FileOp } from "../../../lib/protocol/mod.ts";
import { StoppedClock } from "../stopped_clock.ts";
import { caller, fails, Fixture, nothingOverlaid } from "./mirror_fixture.ts";

/** A lock on all of the file, by who holds no other. */
function whole(fh: number, type: number, { owner = 1n, wait = false } = {}) {
  return { fh, owner, lock: { type, start: 0n, end: LAST_BYTE, pid: 7 }, wait };
}

/** Lets what is under way come to where it waits: by turns, as a busy machine may take any time for one. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** A mirror whose messages to the kernel are held back while the test wants that. */
class LockFixture extends Fixture {
  readonly told: { code: number; node: number; offset: number; data: string }[];
  readonly #gate: { open: Promise<void> };

  constructor(options: Partial<MirrorOptions> = {}) {
    const told: LockFixture["told"] = [];
    const gate = { open: Promise.resolve() };
    super({
      ...options,
      notify: async (message) => {
        const view = new DataView(message.buffer);
        told.push({
          code: view.getInt32(4, true),
          node: Number(view.getBigUint64(16, true)),
          offset: Number(view.getBigInt64(24, true)),
          data: new TextDecoder().decode(message.subarray(40)),
        });
        await gate.open;
      },
    });
    this.told = told;
    this.#gate = gate;
  }

  /** The kernel takes no message to its end until the function returned is called. */
  holdBack(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate.open = promise;
    return resolve;
  }

  /** The codes of what the kernel was told since the last time. */
  codes(): number[] {
    return this.told.splice(0).map(({ code }) => code);
  }

  async set(node: number, fh: number, type: number, how: { owner?: bigint; wait?: boolean } = {}): Promise<void> {
    await this.mirror.setlk(node, whole(fh, type, how), caller);
  }
}

const { FUSE_NOTIFY_INVAL_INODE: INVAL, FUSE_NOTIFY_STORE: STORE } = NotifyCode;

Deno.test("setlk() and flock() have what the kernel keeps forgotten before they are done", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  for (
    const lock of [
      () => fixture.set(node, fh, F_WRLCK),
      () => fixture.mirror.flock(node, { fh, type: F_RDLCK, wait: false }, caller),
    ]
  ) {
    // What has not changed for a while need not be forgotten again.
    fixture.make({ file: "content" });
    const release = fixture.holdBack();
    let done = false;
    const locking = lock().then(() => done = true);
    await settle();
    assert.deepEqual([fixture.codes(), done], [[INVAL], false]);
    release();
    await locking;
  }
});

Deno.test("what was read ahead is void once the file is locked", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "before" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  // So long that it has another time.
  await new Promise((resolve) => setTimeout(resolve, 30));
  fixture.make({ file: "after!" });
  await fixture.set(node, fh, F_RDLCK);
  assert.equal(await fixture.read(node, { fh }), "after!");
});

Deno.test("setlk() leaves alone what nobody has written since the last lock", async () => {
  using clock = new StoppedClock();
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  await clock.pass(30);
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  for (const expected of [[INVAL], [], []]) {
    await fixture.set(node, fh, F_RDLCK);
    assert.deepEqual(fixture.codes(), expected);
    await fixture.set(node, fh, F_UNLCK);
  }
  Deno.writeTextFileSync(fixture.at("file"), "CONTENT");
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL]);
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL], "another change could have the same time");
});

Deno.test("setlk() on a file that only serves as a lock costs the kernel nothing", async () => {
  using fixture = new LockFixture();
  fixture.make({ lock: "" });
  const node = await fixture.walk("lock");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.set(node, fh, F_WRLCK);
  await fixture.mirror.flock(node, { fh, type: F_WRLCK, wait: false }, caller);
  assert.deepEqual(fixture.codes(), []);
});

Deno.test("setlk() lets the kernel know of what was added to the file", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  fixture.make({ file: "content and more" });
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.told.at(-1), { code: STORE, node, offset: 15, data: "e" });
  assert.deepEqual(fixture.codes(), [INVAL, STORE]);
  assert.equal(await fixture.read(node, { fh }), "content and more");
  // It knows now, and what it has written itself it knows too.
  await fixture.write(node, fh, "!", 16);
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL]);
  // But not what it has cut off.
  await fixture.mirror.setattr(node, { size: 3, fh, killSuidgid: false }, caller);
  Deno.writeTextFileSync(fixture.at("file"), "content");
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL, STORE]);
});

Deno.test("setlk() changes the attributes instead where the kernel believes these", async () => {
  using fixture = new LockFixture({ writeBack: false });
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  fixture.make({ file: "con" });
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL]);
  assert.equal((await fixture.mirror.getattr(node, fh)).attr.size, 3);
});

Deno.test("setlk() lets go of an exclusive lock when the kernel has given out what was written", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  for (const type of [F_UNLCK, F_RDLCK]) {
    await fixture.set(node, fh, F_WRLCK);
    fixture.codes();
    const release = fixture.holdBack();
    const before = fixture.count(FileOp.SETLK);
    const unlocking = fixture.set(node, fh, type);
    await settle();
    assert.deepEqual(fixture.codes(), [INVAL]);
    assert.equal(fixture.count(FileOp.SETLK), before);
    release();
    await unlocking;
    assert.equal(fixture.count(FileOp.SETLK), before + 1);
  }
});

Deno.test("setlk() lets go of a shared lock at once, without waiting for the local side", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.set(node, fh, F_RDLCK);
  fixture.codes();
  fixture.intercept = ({ op }) => op === FileOp.SETLK;
  await fixture.set(node, fh, F_UNLCK);
  assert.deepEqual(fixture.codes(), []);
});

Deno.test("all nodes of a file follow a lock", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const old = await fixture.walk("file");
  const oldHandle = await fixture.open(old);
  fixture.make({ file: "CONTENT" });
  fixture.pass();
  const node = await fixture.walk("file");
  assert.notEqual(node, old);
  const fh = await fixture.open(node, O_RDWR);
  await fixture.set(old, oldHandle, F_RDLCK);
  assert.deepEqual(fixture.told.splice(0).map((message) => message.node).sort(), [old, node].sort());
  await fixture.mirror.flush(node, fh, 1n);
  assert.equal(fixture.count(FileOp.FLUSH), 1);
  await fixture.set(node, fh, F_WRLCK, { owner: 2n });
});

Deno.test("getlk() tells who is in the way", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.set(node, fh, F_WRLCK);
  const held = { type: F_WRLCK, start: 0n, end: LAST_BYTE, pid: 7 };
  assert.deepEqual(await fixture.mirror.getlk(node, whole(fh, F_RDLCK, { owner: 2n })), held);
  assert.equal((await fixture.mirror.getlk(node, whole(fh, F_WRLCK))).type, F_UNLCK);
});

Deno.test("setlk() and flock() give the local side's errors", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const [fh, other] = [await fixture.open(node, O_RDWR), await fixture.open(node, O_RDONLY)];
  await fails(Errno.EBADF, () => fixture.set(node, other, F_WRLCK));
  await fixture.set(node, fh, F_WRLCK);
  await fixture.mirror.flock(node, { fh, type: F_WRLCK, wait: false }, caller);
  await fails(Errno.EAGAIN, () => fixture.set(node, fh, F_RDLCK, { owner: 2n }));
  await fails(Errno.EAGAIN, () => fixture.mirror.flock(node, { fh: other, type: F_RDLCK, wait: false }, caller));
});

Deno.test("files of the remote machine cannot be locked", async () => {
  using fixture = new LockFixture({
    overlay: {
      ...nothingOverlaid,
      children: new Map([["hosts" as ByteString, {
        kind: "file",
        content: new Uint8Array(),
        attr: { ...statAt(AT_FDCWD, "/" as ByteString) as Stat, mode: 0o100644 },
      }]]),
    },
  });
  const node = await fixture.walk("hosts");
  const fh = await fixture.open(node);
  await fails(Errno.ENOLCK, () => fixture.set(node, fh, F_RDLCK));
  await fails(Errno.ENOLCK, () => fixture.mirror.flock(node, { fh, type: F_RDLCK, wait: false }, caller));
  await fails(Errno.ENOLCK, () => fixture.mirror.getlk(node, whole(fh, F_RDLCK)));
});

/** A caller to whom signals come. */
function interruptible(): { caller: Caller; interrupt: () => void } {
  const controller = new AbortController();
  return { caller: { ...caller, interrupted: controller.signal }, interrupt: () => controller.abort() };
}

Deno.test("a signal ends a wait with EINTR, unless the lock came first", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await fixture.set(node, fh, F_WRLCK);
  const first = interruptible();
  const waiting = fixture.mirror.setlk(node, whole(fh, F_WRLCK, { owner: 2n, wait: true }), first.caller);
  await settle();
  first.interrupt();
  await fails(Errno.EINTR, () => waiting);
  // Before it is asked for, and too late.
  const early = interruptible();
  early.interrupt();
  await fails(
    Errno.EINTR,
    () => fixture.mirror.setlk(node, whole(fh, F_WRLCK, { owner: 2n, wait: true }), early.caller),
  );
  const late = interruptible();
  await fixture.set(node, fh, F_UNLCK);
  const had = fixture.mirror.setlk(node, whole(fh, F_WRLCK, { owner: 2n, wait: true }), late.caller);
  await settle();
  late.interrupt();
  await had;
  assert.equal(fixture.notes.filter(({ op }) => op === FileNote.STOP_WAITING).length, 3);
  await fails(Errno.EAGAIN, () => fixture.set(node, fh, F_WRLCK));
});

Deno.test("a wait ends when the lock can be had", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  const [fh, other] = [await fixture.open(node, O_RDWR), await fixture.open(node, O_RDWR)];
  await fixture.mirror.flock(node, { fh, type: F_WRLCK, wait: false }, caller);
  const waiting = fixture.mirror.flock(node, { fh: other, type: F_WRLCK, wait: true }, caller);
  fixture.mirror.release(node, fh);
  await waiting;
});

Deno.test("flush() tells the local side of who may have locks, also on what is only read", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const [fh, other] = [await fixture.open(node), await fixture.open(node)];
  await fixture.set(node, fh, F_RDLCK);
  await fixture.mirror.flush(node, fh, 2n);
  assert.equal(fixture.count(FileOp.FLUSH), 0);
  await fixture.mirror.flush(node, other, 1n);
  assert.equal(fixture.count(FileOp.FLUSH), 1);
  await fixture.mirror.flush(node, other, 1n);
  assert.equal(fixture.count(FileOp.FLUSH), 1, "it has none any more");
});

Deno.test("names beside a file that is locked are not believed, for as long as it is open", async () => {
  using fixture = new LockFixture();
  fixture.make({ "d/file": "content", "d/other": "", "d/sub/x": "" });
  const node = await fixture.walk("d/file");
  const directory = await fixture.walk("d");
  const lifetimes = async () => {
    const names = ["other", "none", "sub"];
    const entries = await Promise.all(names.map((name) => fixture.lookup(directory, name)));
    return entries.map(({ entryValid }) => entryValid > 0);
  };
  assert.deepEqual(await lifetimes(), [true, true, true]);
  const fh = await fixture.open(node);
  await fixture.set(node, fh, F_RDLCK);
  const asked = fixture.count(FileOp.LOOKUP);
  assert.deepEqual(await lifetimes(), [false, false, true]);
  assert.equal(fixture.count(FileOp.LOOKUP), asked + 3);
  fixture.mirror.release(node, fh);
  assert.deepEqual(await lifetimes(), [true, true, true]);
});

Deno.test("names that the local side watches are believed beside a file that is locked", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ "d/file": "content", "d/other": "" });
  const node = await fixture.walk("d/file");
  const fh = await fixture.open(node);
  await fixture.mirror.setlk(node, whole(fh, F_RDLCK), caller);
  assert.ok((await fixture.lookup(await fixture.walk("d"), "other")).entryValid > 1000);
});

Deno.test("open() takes a file as it is that is written all the time", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  fixture.make({ file: "content and more" });
  const fh = await fixture.open(node);
  assert.deepEqual(fixture.told.splice(0), [{ code: STORE, node, offset: 15, data: "e" }]);
  assert.equal(await fixture.read(node, { fh }), "content and more");
});

Deno.test("open() refuses a file that was changed where the kernel could be wrong about it", async () => {
  using fixture = new LockFixture();
  fixture.make({ shorter: "content", known: "content" });
  const shorter = await fixture.walk("shorter");
  Deno.writeTextFileSync(fixture.at("shorter"), "con");
  await fails(Errno.ESTALE, () => fixture.open(shorter));
  const known = await fixture.walk("known");
  await fixture.content(known);
  Deno.writeTextFileSync(fixture.at("known"), "CONTENT");
  await fails(Errno.ESTALE, () => fixture.open(known));
});

Deno.test("open() with O_TRUNC leaves the kernel with an empty file", async () => {
  using fixture = new LockFixture();
  fixture.make({ file: "content" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR | O_TRUNC);
  Deno.writeTextFileSync(fixture.at("file"), "x");
  await fixture.set(node, fh, F_RDLCK);
  assert.deepEqual(fixture.codes(), [INVAL, STORE]);
});
