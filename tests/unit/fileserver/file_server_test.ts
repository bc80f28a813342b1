import assert from "node:assert/strict";
import { fromText, Writer } from "../../../lib/bytes/mod.ts";
import { createFileServer } from "../../../lib/fileserver/mod.ts";
import { Errno, ErrnoError } from "../../../lib/linux/mod.ts";
import { encodeName, FileNote, FileOp } from "../../../lib/protocol/mod.ts";
import type { Incoming } from "../../../lib/rpc/mod.ts";
import { Fixture, O_RDONLY } from "./fixture.ts";

Deno.test("request() answers ENOSYS to operations that are none", () => {
  using fixture = new Fixture();
  for (const op of [0, 22, 255, 65535]) assert.equal(fixture.errno(op, new Uint8Array()), Errno.ENOSYS);
});

Deno.test("request() answers EPROTO to bodies that are too short or too long, and notes it", async () => {
  using fixture = new Fixture();
  const long = new Uint8Array(3 << 20).fill(1);
  for (const op of Object.values(FileOp)) {
    assert.equal(await fixture.errnoLater(op, new Uint8Array([1])), Errno.EPROTO, `operation ${op}, short`);
    assert.equal(await fixture.errnoLater(op, long), Errno.EPROTO, `operation ${op}, long`);
  }
  assert.equal(fixture.log.length, 2 * Object.values(FileOp).length);
});

Deno.test("request() answers EPROTO to names that lead out of their directory", () => {
  using fixture = new Fixture();
  for (const name of ["", ".", "..", "a/b", "/etc", "../x", "a\0b", "x".repeat(4096)]) {
    const body = encodeName({ dir: 1, name: fromText(name) });
    for (const op of [FileOp.LOOKUP, FileOp.UNLINK, FileOp.RMDIR]) {
      assert.equal(fixture.errno(op, body), Errno.EPROTO, JSON.stringify(name));
    }
  }
});

Deno.test("request() survives any bytes", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("a"), "");
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fff_ffff) % below;
  for (let i = 0; i < 5000; i++) {
    const body = Uint8Array.from({ length: random(40) }, () => random(4) === 0 ? random(256) : random(2));
    await fixture.errnoLater(1 + random(40), body);
    fixture.notify(1 + random(4), body);
  }
  assert.equal(fixture.directoryErrno(1), 0);
});

Deno.test("request() answers EIO when an answer cannot be given, and notes why", () => {
  using fixture = new Fixture();
  let errno = 0;
  const incoming: Incoming = {
    op: FileOp.STATFS,
    body: new Writer().u8(2).u32(1).finish(),
    signal: new AbortController().signal,
    reply: () => {
      throw new RangeError("too long");
    },
    replyBulk: () => assert.fail(),
    fail: (value) => errno = value,
  };
  fixture.server.request(incoming);
  assert.equal(errno, Errno.EIO);
  assert.match(fixture.log[0], /too long/);
});

Deno.test("notify() takes its own notes, malformed ones too, and leaves others alone", () => {
  using fixture = new Fixture();
  for (const op of [FileNote.BIND, FileNote.UNBIND, FileNote.RELEASE]) {
    assert.equal(fixture.notify(op, new Uint8Array([1, 2])), true);
  }
  assert.equal(fixture.log.length, 3);
  assert.equal(fixture.notify(FileNote.STOPPED, new Uint8Array()), false);
  assert.equal(fixture.notify(99, new Uint8Array()), false);
  assert.equal(fixture.log.length, 3);
});

Deno.test("statistics count requests, failures and bytes", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("a"), "12345");
  fixture.open(1, fixture.ref("a"), O_RDONLY);
  await fixture.read(1, 0, 100);
  fixture.errno(FileOp.LOOKUP, encodeName({ dir: 1, name: fromText("none") }));
  const { requests, failed, bytesRead, bytesWritten } = fixture.server.statistics;
  assert.deepEqual({ requests, failed, bytesRead, bytesWritten }, {
    requests: 4,
    failed: 1,
    bytesRead: 5,
    bytesWritten: 0,
  });
});

Deno.test("close() closes every descriptor", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d"));
  for (let i = 0; i < 100; i++) Deno.writeTextFileSync(fixture.at(`d/${i}`), "");
  fixture.bind(2, "d");
  fixture.open(1, fixture.ref("0", 2));
  fixture.ask(FileOp.READDIR, new Writer().u32(2).u64(0n).u32(300).finish());
  assert.equal(fixture.descriptors(), 4);
  fixture.server.close();
  assert.equal(fixture.descriptors(), 0);
  assert.equal(fixture.directoryErrno(1), Errno.EBADF);
});

Deno.test("createFileServer() throws when the exported directory cannot be opened", () => {
  const make = () => createFileServer({ wake: () => {}, root: fromText("/nonexistent/directory") });
  assert.throws(make, (error) => error instanceof ErrnoError && /"\/nonexistent\/directory"/.test(error.message));
});
