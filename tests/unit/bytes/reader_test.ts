import assert from "node:assert/strict";
import { DecodeError, Reader } from "../../../lib/bytes/mod.ts";

function reader(...bytes: number[]): Reader {
  return new Reader(Uint8Array.from(bytes));
}

Deno.test("Reader takes little-endian values off the front", () => {
  const from = reader(0xff, 0x01, 0x80, 1, 2, 3, 0xf4, 0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 0xf8);
  assert.equal(from.u8(), 0xff);
  assert.equal(from.u16(), 0x8001);
  assert.equal(from.u32(), 0xf403_0201);
  assert.equal(from.i32(), -2);
  assert.equal(from.left, 8);
  assert.equal(from.u64(), 0xf807_0605_0403_0201n);
  assert.equal(from.left, 0);
  from.end();
});

Deno.test("Reader reads a part of a larger buffer within its bounds", () => {
  const from = new Reader(Uint8Array.of(9, 9, 1, 0, 2, 9, 9).subarray(2, 5));
  assert.equal(from.u16(), 1);
  assert.equal(from.u8(), 2);
  assert.throws(() => from.u8(), DecodeError);
});

const methods: Record<string, [length: number, take: (from: Reader) => unknown]> = {
  u8: [1, (from) => from.u8()],
  u16: [2, (from) => from.u16()],
  u32: [4, (from) => from.u32()],
  i32: [4, (from) => from.i32()],
  u53: [8, (from) => from.u53()],
  i53: [8, (from) => from.i53()],
  u64: [8, (from) => from.u64()],
  "bytes(3)": [3, (from) => from.bytes(3)],
};

for (const [name, [length, take]] of Object.entries(methods)) {
  Deno.test(`${name} throws DecodeError on short input, and takes nothing then`, () => {
    for (let short = 0; short < length; short++) {
      const from = new Reader(new Uint8Array(short));
      assert.throws(() => take(from), DecodeError);
      assert.equal(from.left, short);
    }
    const from = new Reader(new Uint8Array(length));
    take(from);
    assert.equal(from.left, 0);
  });
}

Deno.test("u53() takes 2^53 - 1 and refuses 2^53", () => {
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0).u53(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => reader(0, 0, 0, 0, 0, 0, 0x20, 0).u53(), DecodeError);
  assert.throws(() => reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).u53(), DecodeError);
  assert.throws(() => reader(0, 0, 0, 0, 0, 0, 0, 0x80).u53(), DecodeError);
});

Deno.test("i53() takes times before 1970, and refuses what a number does not hold", () => {
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).i53(), -1);
  assert.equal(reader(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff).i53(), -0x1_0000_0000);
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0).i53(), Number.MAX_SAFE_INTEGER);
  assert.equal(reader(1, 0, 0, 0, 0, 0, 0xe0, 0xff).i53(), Number.MIN_SAFE_INTEGER);
  assert.throws(() => reader(0, 0, 0, 0, 0, 0, 0x20, 0).i53(), DecodeError);
  assert.throws(() => reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xdf, 0xff).i53(), DecodeError);
  assert.throws(() => reader(0, 0, 0, 0, 0, 0, 0, 0x80).i53(), DecodeError);
});

Deno.test("bytes() and rest() are views of the input", () => {
  const data = Uint8Array.of(1, 2, 3, 4);
  const from = new Reader(data);
  const [first, rest] = [from.bytes(1), from.rest()];
  data.fill(7);
  assert.deepEqual([...first, ...rest], [7, 7, 7, 7]);
  assert.equal(from.rest().length, 0);
});

Deno.test("string16() and string32() take their length and no more", () => {
  const from = reader(2, 0, 0x80, 0x9f, 1, 0, 0, 0, 0x41, 5);
  assert.equal(from.string16(), "\x80\x9f");
  assert.equal(from.string32(), "A");
  assert.equal(from.u8(), 5);
});

Deno.test("string16() and string32() throw DecodeError when fewer bytes follow than their length says", () => {
  assert.throws(() => reader(2, 0, 0x41).string16(), DecodeError);
  assert.throws(() => reader(0xff, 0xff).string16(), DecodeError);
  assert.throws(() => reader(2, 0, 0, 0, 0x41).string32(), DecodeError);
  assert.throws(() => reader(0xff, 0xff, 0xff, 0xff, 0x41).string32(), DecodeError);
});

Deno.test("end() throws DecodeError when something is left", () => {
  const from = reader(1, 2);
  assert.throws(() => from.end(), DecodeError);
  from.u8();
  assert.throws(() => from.end(), DecodeError);
  from.u8();
  from.end();
});
