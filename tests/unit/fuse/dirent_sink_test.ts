import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { DirentSink } from "../../../lib/fuse/dirent_sink.ts";
import type { Attr, DirEntry, Entry } from "../../../lib/fuse/mod.ts";
import { hex, literal } from "./bytes.ts";

function entry(name: string, offset = 1n): DirEntry {
  return { name: name as ByteString, ino: 2n ** 63n + 5n, type: 8, offset };
}

const nothing = { atime: 0, atimeNsec: 0, mtime: 0, mtimeNsec: 0, ctime: 0, ctimeNsec: 0 };
const attr: Attr = { ...nothing, ino: 5n, mode: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, blksize: 0 };

function found(nodeId: number): Entry {
  return { nodeId, generation: 0, attr, entryValid: 0, attrValid: 0 };
}

Deno.test("add() pads each entry of readdir to 8 bytes", () => {
  const sink = new DirentSink(false, 4096);
  assert.ok(sink.add(entry("abc", 2n ** 62n)));
  assert.ok(sink.add(entry("12345678", 3n)));
  const ino = "0500000000000080";
  assert.equal(
    hex(sink.bytes),
    hex(literal(`
      ${ino} 0000000000000040 03000000 08000000 "abc" 0000000000
      ${ino} 0300000000000000 08000000 08000000 "12345678"`)),
  );
});

Deno.test("add() puts the attributes before each entry of readdirplus, and counts the lookup", () => {
  const sink = new DirentSink(true, 4096);
  assert.ok(sink.add(entry("a"), found(7)));
  assert.equal(sink.bytes.length, 160);
  assert.equal(hex(sink.bytes.slice(0, 8)), "07000000 00000000");
  assert.equal(
    hex(sink.bytes.slice(128)),
    hex(literal("0500000000000080 0100000000000000 01000000 08000000 61 00000000000000")),
  );
  assert.deepEqual(sink.lookedUp, [7]);
});

Deno.test("add() gives the name only for dots, and where nothing more is known", () => {
  const sink = new DirentSink(true, 4096);
  for (const name of [".", ".."]) assert.ok(sink.add(entry(name), found(1)));
  assert.ok(sink.add(entry("unknown")));
  assert.ok(sink.add(entry("gone"), found(0)));
  for (let at = 0; at < 4 * 160; at += 160) assert.ok(sink.bytes.slice(at, at + 128).every((byte) => byte === 0));
  assert.deepEqual(sink.lookedUp, []);
});

Deno.test("add() refuses what does not fit, whole", () => {
  const sink = new DirentSink(true, 170);
  assert.ok(sink.add(entry("12345678"), found(7)));
  assert.equal(sink.add(entry("b"), found(8)), false);
  assert.equal(sink.bytes.length, 160);
  assert.deepEqual(sink.lookedUp, [7]);
});
