import assert from "node:assert/strict";
import { Errno, F_RDLCK, F_UNLCK, F_WRLCK, LAST_BYTE } from "../../../lib/linux/mod.ts";
import {
  decodeHeldLock,
  decodeLocked,
  encodeFileLock,
  encodeFlush,
  encodeNumber,
  encodeRangeLock,
  FileNote,
  FileOp,
  type HeldLock,
  type LockedOut,
} from "../../../lib/protocol/mod.ts";
import { waitFor } from "../../hosts/wait.ts";
import { StoppedClock } from "../stopped_clock.ts";
import { Fixture, O_RDONLY, O_RDWR, O_WRONLY } from "./fixture.ts";
import { LocalLocker } from "./local_locker.ts";

/** What is asked of a range: bytes, to the end of the file if only a start is given. */
interface Range {
  readonly owner?: bigint;
  readonly type?: number;
  readonly bytes?: readonly [start: number, end?: number];
  readonly pid?: number;
  readonly wait?: number;
}

/** A file server and an agent's way to lock. */
class LockFixture extends Fixture {
  constructor() {
    super();
    Deno.writeTextFileSync(this.at("file"), "content");
  }

  range(fh: number, { owner = 1n, type = F_WRLCK, bytes = [0], pid = 0, wait = 0 }: Range): Uint8Array {
    const [start, end] = bytes;
    const lock = { type, start: BigInt(start), end: end === undefined ? LAST_BYTE : BigInt(end) };
    return encodeRangeLock({ fh, owner, pid, lock, wait });
  }

  set(fh: number, range: Range = {}): number {
    return this.errno(FileOp.SETLK, this.range(fh, range));
  }

  setLater(fh: number, range: Range): Promise<number> {
    return this.errnoLater(FileOp.SETLK, this.range(fh, range));
  }

  test(fh: number, range: Range): HeldLock {
    return decodeHeldLock(this.ask(FileOp.GETLK, this.range(fh, range)));
  }

  flock(fh: number, type: number): number {
    return this.errno(FileOp.FLOCK, encodeFileLock({ fh, type, wait: 0 }));
  }

  locked(fh: number): LockedOut {
    return decodeLocked(this.ask(FileOp.SETLK, this.range(fh, {})));
  }

  flush(fh: number, owner: bigint): number {
    return this.errno(FileOp.FLUSH, encodeFlush({ fh, owner }));
  }

  release(fh: number): void {
    assert.equal(this.notify(FileNote.RELEASE, encodeNumber(fh)), true);
  }

  openFile(...handles: number[]): void {
    for (const fh of handles) this.open(fh, this.ref("file"), O_RDWR);
  }
}

Deno.test("SETLK excludes other owners, of the same handle and of another one, and not the same owner", () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  assert.equal(server.set(1, { bytes: [0, 9] }), 0);
  assert.equal(server.set(2, { bytes: [5, 20] }), 0, "the same owner by another handle");
  assert.equal(server.set(1, { owner: 2n, bytes: [9, 9] }), Errno.EAGAIN);
  assert.equal(server.set(2, { owner: 2n, bytes: [20], type: F_RDLCK }), Errno.EAGAIN);
  assert.equal(server.set(1, { owner: 2n, bytes: [21] }), 0, "a description of its own");
  assert.equal(server.set(1, { bytes: [21] }), Errno.EAGAIN);
  assert.equal(server.set(1, { bytes: [0], type: F_UNLCK }), 0);
  assert.equal(server.set(2, { owner: 2n, bytes: [0] }), 0);
});

Deno.test("SETLK shares what is only read, and upgrades", () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  assert.equal(server.set(1, { owner: 1n, type: F_RDLCK }), 0);
  assert.equal(server.set(2, { owner: 2n, type: F_RDLCK }), 0);
  assert.equal(server.set(1, { owner: 1n, bytes: [0, 0] }), Errno.EAGAIN);
  assert.equal(server.set(2, { owner: 2n, type: F_UNLCK }), 0);
  assert.equal(server.set(1, { owner: 1n, bytes: [0, 0] }), 0);
  assert.equal(server.set(2, { owner: 2n, type: F_RDLCK, bytes: [1] }), 0);
});

Deno.test("SETLK excludes local processes, and they exclude it", async () => {
  using server = new LockFixture();
  server.openFile(1);
  await using local = new LocalLocker(server.at("file"));
  assert.equal(server.set(1, { bytes: [0, 9] }), 0);
  assert.match(await local.tell("read 9 1"), /unavailable/);
  assert.equal(await local.tell("write 10 10"), "ok");
  assert.equal(server.set(1, { bytes: [10, 10], type: F_RDLCK }), Errno.EAGAIN);
  assert.deepEqual(server.test(1, { bytes: [0] }), { pid: 0, lock: { type: F_WRLCK, start: 10n, end: 19n } });
  assert.equal(server.set(1, { type: F_UNLCK }), 0);
  assert.equal(await local.tell("write 0 0"), "ok");
});

Deno.test("SETLK through a handle that cannot be written is for reading only", () => {
  using server = new LockFixture();
  server.open(1, server.ref("file"), O_RDONLY);
  assert.equal(server.set(1, { type: F_RDLCK }), 0);
  assert.equal(server.set(1, { type: F_WRLCK }), Errno.EBADF);
});

Deno.test("SETLK keeps what was locked by a handle for reading when the owner locks by one for writing", async () => {
  using server = new LockFixture();
  server.open(1, server.ref("file"), O_RDONLY);
  server.open(2, server.ref("file"), O_RDWR);
  await using local = new LocalLocker(server.at("file"));
  assert.equal(server.set(1, { type: F_RDLCK, bytes: [0, 9] }), 0);
  assert.equal(server.set(2, { type: F_WRLCK, bytes: [20, 29] }), 0);
  assert.equal(await local.tell("read 0 10"), "ok");
  assert.match(await local.tell("write 0 1"), /unavailable/);
  assert.match(await local.tell("read 20 1"), /unavailable/);
  assert.equal(server.set(1, { owner: 2n, type: F_RDLCK, bytes: [20] }), Errno.EAGAIN);
  assert.equal(server.set(1, { type: F_UNLCK }), 0);
  assert.equal(await local.tell("write 0 0"), "ok");
});

Deno.test("SETLK is ENOLCK where a lock for writing would have to move", () => {
  using server = new LockFixture();
  server.open(1, server.ref("file"), O_WRONLY);
  server.open(2, server.ref("file"), O_RDONLY);
  assert.equal(server.set(1, { bytes: [0, 9] }), 0);
  assert.equal(server.set(2, { type: F_RDLCK, bytes: [20, 29] }), Errno.ENOLCK);
  assert.equal(server.set(2, { owner: 2n, type: F_RDLCK, bytes: [0] }), Errno.EAGAIN, "the first one is still held");
});

Deno.test("GETLK tells who of the agent's is in the way, and nothing of the owner itself", () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  server.set(1, { pid: 42, bytes: [5, 9] });
  assert.deepEqual(server.test(2, { owner: 2n, bytes: [0, 100] }), {
    pid: 42,
    lock: { type: F_WRLCK, start: 5n, end: 9n },
  });
  assert.equal(server.test(1, { owner: 2n, bytes: [10] }).lock.type, F_UNLCK);
  assert.equal(server.test(2, { bytes: [0] }).lock.type, F_UNLCK);
  assert.equal(server.errno(FileOp.GETLK, server.range(1, { type: F_UNLCK })), Errno.EINVAL);
});

Deno.test("FLUSH lets go of its owner's locks on the file, whatever the handle, and of no others", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  await using local = new LocalLocker(server.at("file"));
  server.set(1, { owner: 1n, bytes: [0, 9] });
  server.set(1, { owner: 2n, bytes: [10, 19] });
  assert.equal(server.flush(2, 1n), 0);
  assert.equal(await local.tell("write 0 10"), "ok");
  assert.match(await local.tell("write 10 1"), /unavailable/);
  assert.equal(server.set(1, { owner: 1n, bytes: [20] }), 0);
});

Deno.test("RELEASE lets go of locks that were taken through the handle, and of their descriptors", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  await using local = new LocalLocker(server.at("file"));
  const before = server.descriptors();
  server.set(1, { owner: 1n, bytes: [0, 9] });
  server.set(1, { owner: 2n, bytes: [10, 19] });
  server.set(2, { owner: 3n, bytes: [20, 29] });
  assert.equal(server.descriptors(), before + 1, "one for the second owner");
  server.release(1);
  assert.equal(server.descriptors(), before - 1);
  assert.equal(await local.tell("write 0 20"), "ok");
  assert.match(await local.tell("write 20 1"), /unavailable/);
});

Deno.test("RELEASE lets go of a lock while a read still holds the file open", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  const { source } = server.source(1, 0, 4);
  assert.equal(server.flock(1, F_WRLCK), 0);
  assert.equal(server.set(1), 0);
  server.release(1);
  assert.equal(server.flock(2, F_WRLCK), 0);
  assert.equal(server.set(2, { owner: 2n }), 0);
  await server.drain(source);
});

Deno.test("FLOCK is the handle's, against other handles and local processes, and apart from ranges", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  await using local = new LocalLocker(server.at("file"));
  assert.equal(server.flock(1, F_RDLCK), 0);
  assert.equal(server.flock(2, F_RDLCK), 0);
  assert.equal(await local.tell("shared"), "ok");
  assert.equal(server.flock(1, F_WRLCK), Errno.EAGAIN);
  assert.equal(await local.tell("none"), "ok");
  assert.equal(server.flock(2, F_UNLCK), 0);
  assert.equal(server.flock(1, F_WRLCK), 0);
  assert.match(await local.tell("shared"), /unavailable/);
  assert.equal(await local.tell("write 0 0"), "ok");
  server.release(1);
  assert.equal(await local.tell("exclusive"), "ok");
});

Deno.test("SETLK waits for a local process, and has what it lets go of", async () => {
  using server = new LockFixture();
  server.openFile(1);
  const local = new LocalLocker(server.at("file"));
  assert.equal(await local.tell("write 0 0"), "ok");
  const first = server.setLater(1, { bytes: [0, 9], wait: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await local.tell("unlock 0 0"), "ok");
  assert.equal(await waitFor(first, { failure: "it waits for ever" }), 0);
  server.set(1, { type: F_UNLCK });
  assert.equal(await local.tell("write 0 0"), "ok");
  const second = server.setLater(1, { bytes: [0, 9], wait: 2 });
  await local.kill();
  assert.equal(await waitFor(second, { failure: "it waits for ever" }), 0);
  await local[Symbol.asyncDispose]();
});

Deno.test("SETLK and FLOCK wait for the agent's own locks, first come, first served", async () => {
  using server = new LockFixture();
  server.openFile(1, 2, 3);
  server.set(1, { owner: 1n });
  const order: string[] = [];
  const note = (name: string, result: Promise<number>) => result.then((errno) => order.push(`${name} ${errno}`));
  const second = note("second", server.setLater(2, { owner: 2n, wait: 1 }));
  const third = note("third", server.setLater(3, { owner: 3n, wait: 2 }));
  server.set(1, { type: F_UNLCK });
  await second;
  assert.deepEqual(order, ["second 0"]);
  server.flush(2, 2n);
  await third;
  assert.deepEqual(order, ["second 0", "third 0"]);
  assert.equal(server.flock(1, F_WRLCK), 0);
  const fourth = server.errnoLater(FileOp.FLOCK, encodeFileLock({ fh: 2, type: F_RDLCK, wait: 3 }));
  server.release(1);
  assert.equal(await fourth, 0);
});

Deno.test("STOP_WAITING answers EINTR, and leaves alone what has been had", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  server.set(1);
  const waiting = server.setLater(2, { owner: 2n, wait: 5 });
  assert.equal(server.errno(FileOp.SETLK, server.range(2, { owner: 3n, wait: 5 })), Errno.EINVAL, "a number in use");
  assert.equal(server.notify(FileNote.STOP_WAITING, encodeNumber(5)), true);
  assert.equal(await waiting, Errno.EINTR);
  server.set(1, { type: F_UNLCK });
  assert.equal(server.set(2, { owner: 2n, wait: 6 }), 0);
  server.notify(FileNote.STOP_WAITING, encodeNumber(6));
  server.notify(FileNote.STOP_WAITING, encodeNumber(77));
  assert.equal(server.set(1), Errno.EAGAIN, "it is held");
});

Deno.test("who waits is answered when the handle is closed", async () => {
  using server = new LockFixture();
  server.openFile(1, 2);
  server.set(1);
  server.flock(1, F_WRLCK);
  const range = server.setLater(2, { owner: 2n, wait: 1 });
  const whole = server.errnoLater(FileOp.FLOCK, encodeFileLock({ fh: 2, type: F_WRLCK, wait: 2 }));
  server.release(2);
  assert.deepEqual([await range, await whole], [Errno.EBADF, Errno.EBADF]);
  server.openFile(2);
  const last = server.setLater(2, { owner: 2n, wait: 1 });
  server.server.close();
  assert.equal(await last, Errno.ENOTCONN);
});

Deno.test("SETLK is EDEADLK for owners that wait for each other, also in a larger circle", async () => {
  using server = new LockFixture();
  server.openFile(1);
  for (const owner of [1n, 2n, 3n]) server.set(1, { owner, bytes: [Number(owner), Number(owner)] });
  const first = server.setLater(1, { owner: 1n, bytes: [2, 2], wait: 1 });
  const second = server.setLater(1, { owner: 2n, bytes: [3, 3], wait: 2 });
  assert.equal(server.set(1, { owner: 3n, bytes: [1, 1] }), Errno.EAGAIN, "only waiting is dangerous");
  assert.equal(server.set(1, { owner: 3n, bytes: [1, 1], wait: 3 }), Errno.EDEADLK);
  server.flush(1, 3n);
  assert.equal(await second, 0);
  server.flush(1, 2n);
  assert.equal(await first, 0);
});

Deno.test("a lock is answered with the content it protects, and whether that has settled", async () => {
  using clock = new StoppedClock();
  using server = new LockFixture();
  server.openFile(1);
  const fresh = server.locked(1);
  assert.deepEqual([fresh.size, fresh.settled], [7, false]);
  await clock.pass(30);
  const settled = server.locked(1);
  assert.deepEqual(settled, { ...fresh, settled: true });
  Deno.writeTextFileSync(server.at("file"), "CONTENT");
  const { ctime, ctimeNsec } = server.locked(1);
  assert.notDeepEqual([ctime, ctimeNsec], [settled.ctime, settled.ctimeNsec]);
});

Deno.test("locks of handles that are not open, and on no descriptor, are EBADF", () => {
  using server = new LockFixture();
  for (const op of [FileOp.GETLK, FileOp.SETLK]) assert.equal(server.errno(op, server.range(9, {})), Errno.EBADF);
  assert.equal(server.flock(9, F_WRLCK), Errno.EBADF);
  assert.equal(server.flush(9, 1n), Errno.EBADF);
  assert.equal(server.errno(FileOp.SETLK, new Uint8Array(3)), Errno.EPROTO);
});

Deno.test("an owner's ranges are bounded", () => {
  using server = new LockFixture();
  server.openFile(1);
  let count = 0;
  while (server.set(1, { bytes: [count * 2, count * 2] }) === 0 && count < 5000) count++;
  assert.equal(count, 1 << 12);
  assert.equal(server.set(1, { bytes: [0] }), Errno.ENOLCK);
  assert.equal(server.set(1, { type: F_UNLCK }), 0);
  assert.equal(server.set(1, { bytes: [0] }), 0);
});

Deno.test("an owner's ranges are bounded also where unlocking leaves two of one", () => {
  using fixture = new LockFixture();
  fixture.open(1, fixture.ref("file"));
  assert.equal(fixture.set(1), 0);
  const unlock = (at: number, end = at) => fixture.set(1, { type: F_UNLCK, bytes: [at, end] });
  for (let i = 1; i < 1 << 12; i++) assert.equal(unlock(i * 2), 0);
  assert.equal(unlock(100_000), Errno.ENOLCK);
  assert.equal(unlock(1), 0);
  assert.equal(fixture.set(1, { type: F_UNLCK }), 0);
});

Deno.test("the ranges of all owners together are bounded, and those that are let go of do not count", () => {
  using fixture = new LockFixture();
  const last = 129;
  for (let fh = 1; fh <= last; fh++) {
    Deno.writeTextFileSync(fixture.at(`file${fh}`), "");
    fixture.open(fh, fixture.ref(`file${fh}`));
  }
  for (let fh = 1; fh < last; fh++) {
    for (let i = 0; i < 256; i++) assert.equal(fixture.set(fh, { bytes: [i * 2, i * 2] }), 0);
  }
  assert.equal(fixture.set(last), Errno.ENOLCK);
  fixture.release(3);
  assert.equal(fixture.set(last), 0);
  assert.equal(fixture.flush(4, 1n), 0);
  assert.equal(fixture.set(last, { type: F_UNLCK, bytes: [5, 5] }), 0);
});

Deno.test("nothing is left of locks", async () => {
  const server = new LockFixture();
  server.openFile(1, 2);
  for (const owner of [1n, 2n, 3n]) server.set(1, { owner, type: F_RDLCK });
  const waiting = server.setLater(2, { owner: 4n, bytes: [0, 0], wait: 1 });
  server[Symbol.dispose]();
  assert.equal(await waiting, Errno.ENOTCONN);
  assert.equal(server.descriptors(), 0);
});
