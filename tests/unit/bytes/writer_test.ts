import assert from "node:assert/strict";
import { type ByteString, Reader, Writer } from "../../../lib/bytes/mod.ts";

Deno.test("Writer writes little-endian values one behind the other", () => {
  const to = new Writer().u8(0xff).u16(0x8001).u32(0xf403_0201).i32(-2).u64(0xf807_0605_0403_0201n).bytes(
    Uint8Array.of(5, 6),
  );
  assert.deepEqual([...to.finish()], [
    ...[0xff, 0x01, 0x80, 0x01, 0x02, 0x03, 0xf4, 0xfe, 0xff, 0xff, 0xff],
    ...[1, 2, 3, 4, 5, 6, 7, 0xf8, 5, 6],
  ]);
  assert.equal(to.length, 21);
});

Deno.test("u53() writes a u64", () => {
  const bytes = (value: number) => [...new Writer().u53(value).finish()];
  assert.deepEqual(bytes(0), [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(bytes(0xffff_ffff), [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
  assert.deepEqual(bytes(0x1_0000_0000), [0, 0, 0, 0, 1, 0, 0, 0]);
  assert.deepEqual(bytes(Number.MAX_SAFE_INTEGER), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0]);
});

Deno.test("i53() writes an i64", () => {
  const bytes = (value: number) => [...new Writer().i53(value).finish()];
  assert.deepEqual(bytes(-1), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  assert.deepEqual(bytes(-0x1_0000_0000), [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  assert.deepEqual(bytes(-0x1_0000_0001), [0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff]);
});

Deno.test("what i53() writes, i53() reads", () => {
  const values = [0, 1, -1, -2, 0x7fff_ffff, 0x8000_0000, -0x8000_0000, -0x8000_0001, 0xffff_ffff, -0xffff_ffff];
  const seconds = [...values, -2_208_988_800, 253_402_300_799, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const value of seconds) assert.equal(new Reader(new Writer().i53(value).finish()).i53(), value);
});

Deno.test("string16() takes 65535 bytes and refuses more", () => {
  const longest = "x".repeat(0xffff) as ByteString;
  const bytes = new Writer().string16(longest).finish();
  assert.equal(bytes.length, 0xffff + 2);
  assert.equal(new Reader(bytes).string16(), longest);
  assert.throws(() => new Writer().string16(longest + "x" as ByteString), RangeError);
});

Deno.test("string32() writes the length and the bytes as they are", () => {
  assert.deepEqual([...new Writer().string32("\x80\x9f" as ByteString).finish()], [2, 0, 0, 0, 0x80, 0x9f]);
  const long = "\xff".repeat(0x1_0001) as ByteString;
  assert.equal(new Reader(new Writer().string32(long).finish()).string32(), long);
});

Deno.test("Writer grows and keeps what was written", () => {
  const to = new Writer(0);
  for (let i = 0; i < 1000; i++) to.u8(i & 0xff).u32(i);
  to.bytes(new Uint8Array(100_000).fill(7));
  const from = new Reader(to.finish());
  for (let i = 0; i < 1000; i++) {
    assert.equal(from.u8(), i & 0xff);
    assert.equal(from.u32(), i);
  }
  assert.equal(from.left, 100_000);
  assert.ok(from.rest().every((byte) => byte === 7));
});
