import assert from "node:assert/strict";
import { ChangeLog } from "../../../lib/fileserver/change_log.ts";
import { Errno, O_RDONLY, O_TRUNC } from "../../../lib/linux/mod.ts";
import { encodeOpen, FileOp } from "../../../lib/protocol/mod.ts";

const none: Uint8Array = new Uint8Array();

/** The answer to a request of the log that ends with `outcome`. */
function carryOut(log: ChangeLog, op: number, outcome: number, body = none) {
  return log.carryOut({ op, body, carryOut: () => outcome });
}

function openBody(flags: number): Uint8Array {
  return encodeOpen({ ref: { kind: "handle", fh: 1 }, fh: 2, flags });
}

Deno.test("ChangeLog refuses every change after one that failed, and still gives up handles and numbers", () => {
  const log = new ChangeLog();
  assert.equal(carryOut(log, FileOp.MKDIR, 0), 0);
  assert.equal(carryOut(log, FileOp.MKDIR, -Errno.EEXIST), -Errno.EEXIST);
  for (const op of [FileOp.CREATE, FileOp.WRITE, FileOp.UNLINK, FileOp.OPEN, FileOp.FSYNC, FileOp.FLUSH]) {
    assert.equal(carryOut(log, op, 0), -Errno.ECANCELED, String(op));
  }
  for (const op of [FileOp.RELEASE, FileOp.BIND]) assert.equal(carryOut(log, op, 0), 0, String(op));
});

const harmless: Record<string, [op: number, outcome: number, body?: Uint8Array]> = {
  "what is to be removed is gone": [FileOp.UNLINK, -Errno.ENOENT],
  "a directory that is to be removed is gone": [FileOp.RMDIR, -Errno.ENOENT],
  "a file is not there to be opened": [FileOp.OPEN, -Errno.ESTALE, openBody(O_RDONLY)],
  "a disk does not sync": [FileOp.FSYNC, -Errno.EIO],
};

for (const [what, [op, outcome, body]] of Object.entries(harmless)) {
  Deno.test(`ChangeLog goes on where ${what}`, () => {
    const log = new ChangeLog();
    assert.equal(carryOut(log, op, outcome, body), outcome);
    assert.equal(carryOut(log, FileOp.MKDIR, 0), 0);
  });
}

Deno.test("ChangeLog ends with a file that could not be cut", () => {
  const log = new ChangeLog();
  assert.equal(carryOut(log, FileOp.OPEN, -Errno.EMFILE, openBody(O_TRUNC)), -Errno.EMFILE);
  assert.equal(carryOut(log, FileOp.WRITE, 0), -Errno.ECANCELED);
});

Deno.test("ChangeLog ends with a change that throws", () => {
  const log = new ChangeLog();
  const thrown = new Error("malformed");
  const change = () => {
    throw thrown;
  };
  assert.throws(() => log.carryOut({ op: FileOp.MKDIR, body: none, carryOut: change }), thrown);
  assert.equal(carryOut(log, FileOp.MKDIR, 0), -Errno.ECANCELED);
});

Deno.test("ChangeLog has a change wait for one that takes its time, and refuses it where that fails", async () => {
  const log = new ChangeLog();
  const copy = Promise.withResolvers<number>();
  const done: string[] = [];
  const copied = log.carryOut({ op: FileOp.COPY, body: none, carryOut: () => copy.promise });
  const next = () => {
    done.push("next");
    return 0;
  };
  const renamed = log.carryOut({ op: FileOp.RENAME, body: none, carryOut: next });
  await Promise.resolve();
  assert.deepEqual(done, []);
  copy.resolve(-Errno.ENOSPC);
  assert.equal(await copied, -Errno.ENOSPC);
  assert.equal(await renamed, -Errno.ECANCELED);
  assert.deepEqual(done, []);
});

/** A log that carries out changes by name, those in `slow` until they are ended, and what has begun. */
function observed(slow: readonly string[]) {
  const log = new ChangeLog();
  const begun: string[] = [];
  const ends = new Map(slow.map((name) => [name, Promise.withResolvers<number>()]));
  const add = (name: string, op: number = FileOp.COPY) => {
    const carryOut = () => {
      begun.push(name);
      return ends.get(name)?.promise ?? 0;
    };
    return log.carryOut({ op, body: none, carryOut });
  };
  return { begun, add, end: (name: string) => ends.get(name)!.resolve(0) };
}

/** Until nothing goes on by itself any more. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("ChangeLog has two changes that take their time, one behind the other, and the next behind both", async () => {
  const { begun, add, end } = observed(["first", "second"]);
  for (const name of ["first", "second", "third"]) add(name);
  end("first");
  await quiet();
  assert.deepEqual(begun, ["first", "second"]);
  end("second");
  await quiet();
  assert.deepEqual(begun, ["first", "second", "third"]);
});

for (const [what, op] of Object.entries({ change: FileOp.OPEN, sync: FileOp.FSYNC })) {
  Deno.test(`ChangeLog lets none overtake a ${what} that waited, whenever it comes`, async () => {
    const { begun, add, end } = observed(["slow"]);
    const names = ["slow", "waiting", ...Array.from({ length: 20 }, (_, index) => `late ${index}`)];
    add("slow");
    add("waiting", op);
    end("slow");
    for (const name of names.slice(2)) {
      add(name);
      await Promise.resolve();
    }
    await quiet();
    assert.deepEqual(begun, names);
  });
}

Deno.test("ChangeLog waits for the beginning of a sync only", async () => {
  const { begun, add, end } = observed(["slow", "sync"]);
  add("slow");
  add("sync", FileOp.FSYNC);
  add("next");
  end("slow");
  await quiet();
  assert.deepEqual(begun, ["slow", "sync", "next"]);
});
