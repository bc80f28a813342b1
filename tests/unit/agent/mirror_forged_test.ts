/** Answers that no honest local side gives. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { ChangeLog } from "../../../lib/agent/change_log.ts";
import { Directories } from "../../../lib/agent/directories.ts";
import { Nodes } from "../../../lib/agent/nodes.ts";
import { Errno, O_RDWR, type Stat, statPath } from "../../../lib/linux/mod.ts";
import {
  encodeCopied,
  encodeLookupOut,
  encodePage,
  encodeWritten,
  FileOp,
  MAX_ENTRY,
} from "../../../lib/protocol/mod.ts";
import type { CallOptions, Connection, Incoming } from "../../../lib/rpc/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { Sink } from "./sink.ts";

/** Answers every request for `op` with `body`. */
function forge(fixture: Fixture, op: number, body: Uint8Array): void {
  fixture.intercept = (incoming: Incoming) => {
    if (incoming.op !== op) return false;
    incoming.reply(body);
    return true;
  };
}

Deno.test("readlink() refuses a target that is empty, has a NUL, or is longer than a path", async () => {
  using fixture = new Fixture();
  Deno.symlinkSync("to", fixture.at("link"));
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.LOOKUP) return false;
    incoming.reply(encodeLookupOut({ stat: fixture.stat("link") }));
    return true;
  };
  const node = await fixture.walk("link");
  for (const target of ["", "a\0b", "x".repeat(4096), "x".repeat(100_000)]) {
    forge(fixture, FileOp.READLINK, Uint8Array.from(target, (char) => char.charCodeAt(0)));
    await assert.rejects(fixture.mirror.readlink(node), { name: "DecodeError" });
  }
});

Deno.test("write() and copyFileRange() refuse more bytes than there were", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "12345" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  const stat = fixture.stat("file");
  forge(fixture, FileOp.WRITE, encodeWritten({ written: 4, stat }));
  await assert.rejects(fixture.write(node, fh, "abc"), { name: "DecodeError" });
  forge(fixture, FileOp.COPY, encodeCopied({ copied: 4, stat }));
  const copy = { fh, offset: 0, to: { nodeId: node, fh, offset: 5 }, length: 3 };
  await assert.rejects(fixture.mirror.copyFileRange(node, copy), { name: "DecodeError" });
});

Deno.test("a directory that is mounted within itself is ELOOP, and does not end the listing that it is in", async () => {
  using fixture = new Fixture();
  fixture.make({ "dir/below/file": "" });
  const below = await fixture.walk("dir/below");
  forge(fixture, FileOp.LOOKUP, encodeLookupOut({ stat: fixture.stat("dir") }));
  await fails(Errno.ELOOP, () => fixture.lookup(below, "loop"));
  forge(fixture, FileOp.LOOKUP, encodeLookupOut({ stat: fixture.stat(".") }));
  await fails(Errno.ELOOP, () => fixture.lookup(ROOT, "loop"));
  fixture.intercept = () => false;
  // What was dir is below itself, once a local process has moved it so: here, by its number alone.
  Deno.renameSync(fixture.at("dir/below"), fixture.at("aside"));
  Deno.renameSync(fixture.at("dir"), fixture.at("aside/dir"));
  const { fh } = await fixture.mirror.opendir(below, caller);
  const sink = new Sink({ plus: true });
  await fixture.mirror.readdir(below, { fh, offset: 0n }, sink);
  const names = sink.entries.map(({ name }) => name as ByteString as string);
  assert.deepEqual(names.sort(), [".", "..", "dir", "file"]);
});

Deno.test("read() at the last byte that a message can name asks for nothing beyond", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "12345" });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  const at = { fh, offset: Number.MAX_SAFE_INTEGER - 10, size: 128 * 1024 };
  assert.equal(await fixture.read(node, at), "");
  for (const { offset } of fixture.reads()) assert.ok(offset <= Number.MAX_SAFE_INTEGER);
});

Deno.test("page() takes no more than its budget and an entry", async () => {
  const limits: (number | undefined)[] = [];
  const call = (_op: number, _body: Uint8Array, options: CallOptions) => {
    limits.push(options.maxReply);
    return { reply: Promise.resolve(encodePage({ entries: [], end: true })), cancel: () => {} };
  };
  const connection = { call, channels: 0 } as unknown as Connection;
  const directories = new Directories(connection, {
    limit: 2048,
    log: new ChangeLog(connection, new Nodes(statPath("/" as ByteString) as Stat)),
  });
  await directories.page({ dir: 1, cookie: 0n, budget: 1000 });
  assert.deepEqual(limits, [1000 + MAX_ENTRY]);
});
