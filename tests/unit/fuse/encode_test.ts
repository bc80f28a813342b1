import assert from "node:assert/strict";
import * as encode from "../../../lib/fuse/encode.ts";
import type { Attr } from "../../../lib/fuse/mod.ts";
import { negotiate } from "../../../lib/fuse/init.ts";
import { NO_BIRTH } from "../../../lib/linux/mod.ts";
import { Reply } from "../../../lib/fuse/reply.ts";
import { encoded, hex, literal } from "./bytes.ts";

const attr: Attr = {
  ino: 0x8000_0000_0000_0001n,
  size: 2 ** 32 + 5,
  blocks: 8,
  atime: 0x11,
  mtime: -1,
  ctime: 2 ** 32,
  atimeNsec: 1,
  mtimeNsec: 2,
  ctimeNsec: 999_999_999,
  mode: 0o100644,
  nlink: 2,
  uid: 1000,
  gid: 0xffff_fffe,
  rdev: 0x103,
  blksize: 4096,
};
const attrBytes = `
  0100000000000080 0500000001000000 0800000000000000 1100000000000000 ffffffffffffffff 0000000001000000
  01000000 02000000 ffc99a3b a4810000 02000000 e8030000 feffffff 03010000 00100000 00000000`;

function same(actual: string, expected: string): void {
  assert.equal(actual, hex(literal(expected)));
}

Deno.test("encodeEntryOut() writes ids, lifetimes and attributes", () => {
  same(
    encoded((reply) =>
      encode.encodeEntryOut(reply, { nodeId: 7, generation: 3, attr, entryValid: 1500, attrValid: 2000 })
    ),
    `0700000000000000 0300000000000000 0100000000000000 0200000000000000 0065cd1d 00000000 ${attrBytes}`,
  );
});

Deno.test("encodeEntryOut() writes a negative entry without attributes", () => {
  const negative = { nodeId: 0, generation: 0, attr, entryValid: 1000, attrValid: 1000 };
  same(
    encoded((reply) => encode.encodeEntryOut(reply, negative)),
    `0000000000000000 0000000000000000 0100000000000000 0100000000000000 ${"00".repeat(96)}`,
  );
});

Deno.test("encodeAttrOut() writes a lifetime and attributes", () => {
  same(
    encoded((reply) => encode.encodeAttrOut(reply, { attr, attrValid: 0.5 })),
    `0000000000000000 20a10700 00000000 ${attrBytes}`,
  );
});

Deno.test("encodeAttrOut() makes an infinite lifetime the longest there is", () => {
  assert.equal(
    encoded((reply) => encode.encodeAttrOut(reply, { attr, attrValid: Infinity })).slice(0, 35),
    "ffffffff 00000000 00000000 00000000",
  );
});

/** A lifetime, and struct fuse_statx with this mask and birth. */
function statxBytes(mask: string, birth: string): string {
  return `
  0100000000000000 00000000 00000000 ${"00".repeat(16)}
  ${mask} 00100000 0000000000000000 02000000 e8030000 feffffff a4810000
  0100000000000080 0500000001000000 0800000000000000 0000000000000000
  1100000000000000 01000000 00000000 ${birth}
  0000000001000000 ffc99a3b 00000000 ffffffffffffffff 02000000 00000000
  01000000 03000000 00000000 00000000 ${"00".repeat(112)}`;
}

Deno.test("encodeStatxOut() writes a lifetime, attributes and the time of birth", () => {
  same(
    encoded((reply) => encode.encodeStatxOut(reply, { attr: { ...attr, btime: -2, btimeNsec: 999 }, attrValid: 1000 })),
    statxBytes("ff0f0000", "feffffffffffffff e7030000 00000000"),
  );
});

Deno.test("encodeStatxOut() tells of no birth where none is known", () => {
  same(
    encoded((reply) =>
      encode.encodeStatxOut(reply, { attr: { ...attr, btime: NO_BIRTH, btimeNsec: 0 }, attrValid: 1000 })
    ),
    statxBytes("ff070000", "0000000000000000 00000000 00000000"),
  );
});

Deno.test("encodeGetxattrOut(), encodeLseekOut() and encodeCopyFileRangeOut() write their one number", () => {
  same(encoded((reply) => encode.encodeGetxattrOut(reply, 65536)), "00000100 00000000");
  same(encoded((reply) => encode.encodeLseekOut(reply, 2 ** 40)), "0000000000010000");
  same(encoded((reply) => encode.encodeCopyFileRangeOut(reply, 2 ** 32 + 1)), "0100000001000000");
});

Deno.test("encodeOpenOut() writes handle and flags", () => {
  same(
    encoded((reply) => encode.encodeOpenOut(reply, { fh: 2 ** 40, flags: 3 })),
    "0000000000010000 03000000 00000000",
  );
});

Deno.test("encodeWriteOut() writes the number of bytes", () => {
  same(encoded((reply) => encode.encodeWriteOut(reply, 4096)), "00100000 00000000");
});

Deno.test("encodeStatfsOut() writes fuse_kstatfs", () => {
  const st = { blocks: 2 ** 32, bfree: 2, bavail: 3, files: 4, ffree: 5, bsize: 4096, namelen: 255, frsize: 512 };
  same(
    encoded((reply) => encode.encodeStatfsOut(reply, st)),
    `0000000001000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000
     00100000 ff000000 00020000 00000000 ${"00".repeat(24)}`,
  );
});

Deno.test("encodeInitOut() writes what was agreed on", () => {
  const kernel = { major: 7, minor: 36, maxReadahead: 131072, flags: 0x5040_002d, flags2: 0xff };
  same(
    encoded((reply) => encode.encodeInitOut(reply, negotiate(kernel, { maxBackground: 0x140 }))),
    `07000000 24000000 00000200 29004050 4001 f000 00001000 01000000 0001 0000 00000000 ${"00".repeat(28)}`,
  );
});

Deno.test("finish() and fail() write fuse_out_header", () => {
  const reply = new Reply(64);
  reply.append(literal(`"abc"`));
  assert.equal(hex(reply.finish(2 ** 32 + 6)), hex(literal(`13000000 00000000 0600000001000000 "abc"`)));
  assert.equal(hex(reply.fail(6, 2)), hex(literal("10000000 feffffff 0600000000000000")));
});

Deno.test("end() copies little, and leaves what is long where it is, behind the message", () => {
  const reply = new Reply(8192);
  const long = new Uint8Array(5000);
  reply.end(long);
  const message = reply.finish(7);
  assert.deepEqual([message.length, reply.tail], [16, long]);
  assert.equal(new DataView(message.buffer).getUint32(0, true), 16 + long.length);
  reply.reset();
  reply.end(new Uint8Array(5));
  assert.deepEqual([reply.finish(8).length, reply.tail], [21, undefined]);
  reply.reset();
  assert.throws(() => reply.end(new Uint8Array(8193)), RangeError);
});

Deno.test("take() and append() refuse what does not fit", () => {
  const reply = new Reply(8);
  assert.throws(() => reply.append(new Uint8Array(9)), RangeError);
  reply.take(8);
  assert.throws(() => reply.take(1), RangeError);
});

Deno.test("encodeLkOut() writes a lock", () => {
  same(
    encoded((reply) => encode.encodeLkOut(reply, { type: 1, start: 0x1_0000_0002n, end: 2n ** 63n - 1n, pid: 77 })),
    "0200000001000000 ffffffffffffff7f 01000000 4d000000",
  );
});
