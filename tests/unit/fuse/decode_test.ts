import assert from "node:assert/strict";
import { DecodeError } from "../../../lib/bytes/mod.ts";
import * as decode from "../../../lib/fuse/decode.ts";
import type { Request } from "../../../lib/fuse/request.ts";
import { ErrnoError } from "../../../lib/linux/mod.ts";
import { hex, literal, received } from "./bytes.ts";

/** A body, what comes out of it, and whether its last byte is needed. */
type Case = readonly [name: string, decode: (request: Request) => unknown, body: string, expected: unknown];

const longTime = `
  07000000 00000000  0000000000000000 0000000000000000 0000000000000000
  0000000000000000 0000000000000000 0000000000000000  00000000 00000000 00000000
  a4810000 00000000 e8030000 64000000 00000000`;

const cases: readonly Case[] = [
  ["decodeInitIn() before 7.36", decode.decodeInitIn, "07000000 1f000000 00000200 01000000", {
    major: 7,
    minor: 31,
    maxReadahead: 131072,
    flags: 1,
    flags2: 0,
  }],
  [
    "decodeInitIn() with a second word of flags",
    decode.decodeInitIn,
    `07000000 2d000000 00000200 01000040 08000000 ${"00000000".repeat(11)}`,
    { major: 7, minor: 45, maxReadahead: 131072, flags: 0x4000_0001, flags2: 8 },
  ],
  ["decodeName()", decode.decodeName, `"file" 00`, "file"],
  ["decodeSymlink()", decode.decodeSymlink, `"link" 00 "../to" 00`, { name: "link", target: "../to" }],
  ["decodeForgetIn()", decode.decodeForgetIn, "0300000000000000", 3],
  [
    "decodeBatchForgetIn()",
    decode.decodeBatchForgetIn,
    "02000000 00000000 0500000000000000 0100000000000000 0600000000000000 0200000000000000",
    [{ nodeId: 5, lookups: 1 }, { nodeId: 6, lookups: 2 }],
  ],
  ["decodeGetattrIn() of an open file", decode.decodeGetattrIn, "01000000 00000000 0000000000000000", 0],
  ["decodeGetattrIn() of a path", decode.decodeGetattrIn, "00000000 00000000 0900000000000000", undefined],
  ["decodeSetattrIn() of mode and owner", decode.decodeSetattrIn, longTime, {
    mode: 0o100644,
    uid: 1000,
    gid: 100,
    size: undefined,
    atime: undefined,
    mtime: undefined,
    ctime: undefined,
    fh: undefined,
    killSuidgid: false,
  }],
  [
    "decodeSetattrIn() of size and times through an open file",
    decode.decodeSetattrIn,
    `f80c0000 00000000  0700000000000000 0000000001000000 0000000000000000
     1122000000000000 feffffffffffffff 2030000000000000  01000000 02000000 03000000
     00000000 00000000 00000000 00000000 00000000`,
    {
      mode: undefined,
      uid: undefined,
      gid: undefined,
      size: 2 ** 32,
      atime: "now",
      mtime: { sec: -2, nsec: 2 },
      ctime: { sec: 0x3020, nsec: 3 },
      fh: 7,
      killSuidgid: true,
    },
  ],
  ["decodeMknodIn()", decode.decodeMknodIn, `a4110000 03010000 12000000 00000000 "fifo" 00`, {
    name: "fifo",
    node: { mode: 0o10644, umask: 0o22, rdev: 0x103 },
  }],
  ["decodeMkdirIn()", decode.decodeMkdirIn, `ed010000 12000000 "dir" 00`, {
    name: "dir",
    node: { mode: 0o755, umask: 0o22 },
  }],
  ["decodeRenameIn()", decode.decodeRenameIn, `0900000000000000 "old" 00 "new" 00`, {
    name: "old",
    to: { parent: 9, name: "new", flags: 0 },
  }],
  ["decodeRename2In()", decode.decodeRename2In, `0900000000000000 02000000 00000000 "a" 00 "b" 00`, {
    name: "a",
    to: { parent: 9, name: "b", flags: 2 },
  }],
  ["decodeLinkIn()", decode.decodeLinkIn, `0700000000000000 "hard" 00`, { oldNodeId: 7, name: "hard" }],
  ["decodeOpenIn()", decode.decodeOpenIn, "02820000 00000000", 0o101002],
  ["decodeCreateIn()", decode.decodeCreateIn, `41000000 a4810000 12000000 00000000 "new" 00`, {
    name: "new",
    how: { flags: 0o101, mode: 0o100644, umask: 0o22 },
  }],
  [
    "decodeReadIn()",
    decode.decodeReadIn,
    "0100000000000000 0010000002000000 00001000 00000000 0000000000000000 00000000 00000000",
    { fh: 1, offset: 2 ** 33 + 4096, size: 1 << 20 },
  ],
  [
    "decodeReaddirIn()",
    decode.decodeReaddirIn,
    "0100000000000000 ffffffffffffff7f 00100000 00000000 0000000000000000 00000000 00000000",
    { fh: 1, offset: 2n ** 63n - 1n, size: 4096 },
  ],
  ["decodeReleaseIn()", decode.decodeReleaseIn, "0300000000000000 00000000 00000000 0000000000000000", 3],
  ["decodeFlushIn()", decode.decodeFlushIn, "0300000000000000 00000000 00000000 efcdab8967452301", {
    fh: 3,
    lockOwner: 0x0123_4567_89ab_cdefn,
  }],
  ["decodeFsyncIn() of all", decode.decodeFsyncIn, "0300000000000000 00000000 00000000", { fh: 3, dataOnly: false }],
  ["decodeFsyncIn() of data", decode.decodeFsyncIn, "0300000000000000 01000000 00000000", { fh: 3, dataOnly: true }],
  ["decodeAccessIn()", decode.decodeAccessIn, "06000000 00000000", 6],
  [
    "decodeLkIn() of a range",
    decode.decodeLkIn,
    "0300000000000000 efcdab8967452301 0200000001000000 ffffffffffffff7f 01000000 4d000000 00000000 00000000",
    {
      fh: 3,
      owner: 0x0123_4567_89ab_cdefn,
      lock: { type: 1, start: 0x1_0000_0002n, end: 2n ** 63n - 1n, pid: 77 },
      flock: false,
    },
  ],
  [
    "decodeLkIn() of flock(2)",
    decode.decodeLkIn,
    "0300000000000000 0100000000000000 0000000000000000 ffffffffffffff7f 02000000 00000000 01000000 00000000",
    { fh: 3, owner: 1n, lock: { type: 2, start: 0n, end: 2n ** 63n - 1n, pid: 0 }, flock: true },
  ],
  ["decodeInterruptIn()", decode.decodeInterruptIn, "0a00000000000000", 10],
];

for (const [name, decoder, body, expected] of cases) {
  Deno.test(`${name} takes its structure, and nothing shorter`, () => {
    assert.deepEqual(decoder(received(body)), expected);
    const whole = literal(body);
    for (let length = 0; length < whole.length; length++) {
      const short = whole.subarray(0, length).toHex();
      assert.throws(() => decoder(received(short)), DecodeError, `${length} of ${whole.length} bytes`);
    }
  });
}

const writeIn = "0100000000000000 0010000000000000 04000000 00000000 0000000000000000 01000000 00000000";

Deno.test("decodeWriteIn() gives a view of the data behind its structure", () => {
  const { fh, offset, data, killSuidgid } = decode.decodeWriteIn(received(`${writeIn} "data"`));
  assert.deepEqual([fh, offset, hex(data), killSuidgid], [1, 4096, "64617461", false]);
  const killing = `${writeIn.replace("04000000 00000000", "04000000 04000000")} "data"`;
  assert.equal(decode.decodeWriteIn(received(killing)).killSuidgid, true);
});

Deno.test("decodeWriteIn() refuses data that is shorter than it says", () => {
  assert.throws(() => decode.decodeWriteIn(received(`${writeIn} "dat"`)), DecodeError);
  assert.throws(() => decode.decodeWriteIn(received("01000000")), DecodeError);
});

Deno.test("decodeBatchForgetIn() refuses a count beyond its bytes", () => {
  assert.throws(() => decode.decodeBatchForgetIn(received("ffffffff 00000000")), DecodeError);
});

Deno.test("decodeReadIn() is EFBIG beyond 2^53", () => {
  const body = "0100000000000000 0000000000000040 00100000 00000000 0000000000000000 00000000 00000000";
  assert.throws(() => decode.decodeReadIn(received(body)), (error: ErrnoError) => error.errno === 27);
});

Deno.test("decodeLkIn() refuses types and ranges that there are not", () => {
  const owner = "0300000000000000 0100000000000000";
  const wrong = [
    "0000000000000000 0000000000000000 03000000",
    "0200000000000000 0100000000000000 00000000",
    "0000000000000000 0000000000000080 00000000",
    "ffffffffffffffff ffffffffffffffff 00000000",
  ];
  for (const lock of wrong) {
    assert.throws(() => decode.decodeLkIn(received(`${owner} ${lock} 00000000 00000000 00000000`)), DecodeError, lock);
  }
});
