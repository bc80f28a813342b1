import assert from "node:assert/strict";
import { DecodeError } from "../../../lib/bytes/mod.ts";
import { Request, requestBuffer } from "../../../lib/fuse/request.ts";
import { ErrnoError } from "../../../lib/linux/mod.ts";
import { literal, received } from "./bytes.ts";

Deno.test("Request reads fuse_in_header", () => {
  const buffer = requestBuffer(64);
  buffer.bytes.set(literal(`
    28000000 03000000 0600000001000000 0500000002000000
    e8030000 64000000 4d000000 0000 0000`));
  const request = new Request(buffer, 40);
  request.need(0);
  assert.equal(request.opcode, 3);
  assert.equal(request.unique, 0x1_0000_0006);
  assert.equal(request.nodeId, 0x2_0000_0005);
  assert.deepEqual([request.uid, request.gid, request.pid], [1000, 100, 77]);
});

Deno.test("need() refuses a body that is too short, and a length that is not the request's", () => {
  received("01020304 05060708").need(8);
  assert.throws(() => received("01020304 05060708").need(9), DecodeError);
  const buffer = requestBuffer(64);
  buffer.bytes.set(literal("29000000"));
  assert.throws(() => new Request(buffer, 40).need(0), DecodeError);
});

Deno.test("u53(), i53() and u64() take little-endian words", () => {
  assert.equal(received("ffffffff ffff1f00").u53(0), Number.MAX_SAFE_INTEGER);
  assert.equal(received("00000000 ffffffff ffffffff").i53(4), -1);
  assert.equal(received("00000000 00000080 ffffffff").i53(4), -0x8000_0000);
  assert.equal(received("01000000 000000ff").u64(0), 0xff00_0000_0000_0001n);
});

Deno.test("position() is EFBIG beyond 2^53", () => {
  assert.equal(received("00000000 00000100").position(0), 2 ** 48);
  assert.throws(() => received("00000000 00000040").position(0), (error: ErrnoError) => error.errno === 27);
});

Deno.test("name() takes bytes that are not UTF-8 up to the NUL", () => {
  assert.equal(received(`00000000 "a" ff "b" 00`).name(4), "a\xffb");
});

Deno.test("name() refuses one that is empty, or goes on behind the request", () => {
  assert.throws(() => received("00").name(0), DecodeError);
  assert.throws(() => received(`"name"`).name(0), DecodeError);
  assert.throws(() => received(`"a" 00`).name(2), DecodeError);
});
