import assert from "node:assert/strict";
import { DecodeError } from "../../../lib/bytes/mod.ts";
import * as decode from "../../../lib/fuse/decode_ranges.ts";
import type { Request } from "../../../lib/fuse/request.ts";
import { ErrnoError } from "../../../lib/linux/mod.ts";
import { literal, received } from "./bytes.ts";

const fallocateIn = "0100000000000000 0010000002000000 0000000001000000 03000000 00000000";
const lseekIn = "0100000000000000 0000000001000000 04000000 00000000";
const copyIn = `0100000000000000 0200000001000000 0900000000000000 0300000000000000
  0400000000000000 0000000001000000 0000000000000000`;

const cases: readonly [name: string, decode: (request: Request) => unknown, body: string, expected: unknown][] = [
  ["decodeStatxIn() of an open file", decode.decodeStatxIn, "01000000 00000000 0700000000000000 00000000 ff0f0000", 7],
  [
    "decodeStatxIn() of a path",
    decode.decodeStatxIn,
    "00000000 00000000 0700000000000000 00000000 ff0f0000",
    undefined,
  ],
  ["decodeGetxattrIn()", decode.decodeGetxattrIn, `00100000 00000000 "user.a" 00`, { name: "user.a", size: 4096 }],
  ["decodeListxattrIn()", decode.decodeListxattrIn, "00000000 00000000", 0],
  ["decodeFallocateIn()", decode.decodeFallocateIn, fallocateIn, {
    fh: 1,
    offset: 2 ** 33 + 4096,
    length: 2 ** 32,
    mode: 3,
  }],
  ["decodeLseekIn()", decode.decodeLseekIn, lseekIn, { fh: 1, offset: 2 ** 32, whence: 4 }],
  ["decodeCopyFileRangeIn()", decode.decodeCopyFileRangeIn, copyIn, {
    fh: 1,
    offset: 2 ** 32 + 2,
    to: { nodeId: 9, fh: 3, offset: 4 },
    length: 2 ** 32,
  }],
  ["decodeSetxattrIn()", decode.decodeSetxattrIn, `03000000 02000000 01000000 00000000 "user.a" 00 ff0041`, {
    name: "user.a",
    xattr: { value: Uint8Array.of(255, 0, 65), flags: 2, killSetgid: true },
  }],
  ["decodeSetxattrIn() of a kernel before 5.12", decode.decodeSetxattrIn, `03000000 01000000 "user.a" 00 ff0041`, {
    name: "user.a",
    xattr: { value: Uint8Array.of(255, 0, 65), flags: 1, killSetgid: false },
  }],
  ["decodeSetxattrIn() without a value", decode.decodeSetxattrIn, `00000000 00000000 00000000 00000000 "a" 00`, {
    name: "a",
    xattr: { value: new Uint8Array(), flags: 0, killSetgid: false },
  }],
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

Deno.test("decodeSetxattrIn() tells the two lengths of its structure apart, whatever name and value are", () => {
  const decoded = (body: string) => {
    const { name, xattr } = decode.decodeSetxattrIn(received(body));
    return [name, xattr.value.length, xattr.killSetgid];
  };
  assert.deepEqual(decoded(`02000000 00000000 "security.capability" 00 0000`), ["security.capability", 2, false]);
  assert.deepEqual(decoded(`08000000 00000000 "a" 00 0000000000000000`), ["a", 8, false]);
  assert.deepEqual(decoded(`02000000 00000000 01000000 00000000 "security.b" 00 0000`), ["security.b", 2, true]);
});

Deno.test("decodeSetxattrIn() refuses a value that is shorter or longer than it says", () => {
  for (const body of [`04000000 00000000 "user.a" 00 ff0041`, `02000000 00000000 "user.a" 00 ff0041`]) {
    assert.throws(() => decode.decodeSetxattrIn(received(body)), DecodeError);
  }
  assert.throws(() => decode.decodeSetxattrIn(received(`ffffffff 00000000 "user.a" 00`)), DecodeError);
});

Deno.test("decoders know no positions beyond 2^53, but for the length of a copy", () => {
  const far = "0000000000000040";
  const errno = (number: number) => (error: ErrnoError) => error.errno === number;
  const [size, handle, rest] = ["0000000001000000", "0100000000000000", "03000000 00000000"];
  assert.throws(() => decode.decodeFallocateIn(received(`${handle} ${far} ${size} ${rest}`)), errno(27));
  assert.throws(() => decode.decodeFallocateIn(received(`${handle} ${size} ${far} ${rest}`)), errno(27));
  assert.throws(() => decode.decodeLseekIn(received(`${handle} ${far} ${rest}`)), errno(6));
  const copy = (from: string, to: string, length: string) =>
    received(`${handle} ${from} ${handle} ${handle} ${to} ${length} 0000000000000000`);
  assert.throws(() => decode.decodeCopyFileRangeIn(copy(far, size, size)), errno(27));
  assert.throws(() => decode.decodeCopyFileRangeIn(copy(size, far, size)), errno(27));
  assert.equal(decode.decodeCopyFileRangeIn(copy(size, size, far)).length, Number.MAX_SAFE_INTEGER);
});
