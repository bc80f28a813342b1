import assert from "node:assert/strict";
import {
  type ByteString,
  byteString,
  cString,
  fromText,
  toBytes,
  toText,
  writeByteString,
} from "../../../lib/bytes/mod.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

Deno.test("byteString() keeps every byte as it is, 0x80 to 0x9f too", () => {
  const name = byteString(everyByte);
  assert.equal(name.length, 256);
  for (let i = 0; i < 256; i++) assert.equal(name.charCodeAt(i), i);
  assert.deepEqual(toBytes(name), everyByte);
});

Deno.test("byteString() takes the part it is told", () => {
  assert.equal(byteString(everyByte, 0x41, 0x44), "ABC");
  assert.equal(byteString(everyByte, 0xfe), "\xfe\xff");
  assert.equal(byteString(everyByte, 7, 7), "");
});

Deno.test("fromText() gives the UTF-8 bytes", () => {
  assert.equal(fromText("plain"), "plain");
  assert.equal(fromText("é"), "\xc3\xa9");
  assert.equal(fromText("\u0080"), "\xc2\x80");
  assert.equal(fromText("😀"), "\xf0\x9f\x98\x80");
  assert.equal(fromText(""), "");
});

Deno.test("toText() decodes UTF-8 and shows U+FFFD for what is none", () => {
  assert.equal(toText(fromText("grüße 😀")), "grüße 😀");
  assert.equal(toText("a\xffb" as ByteString), "a\ufffdb");
  assert.equal(toText("\xc3" as ByteString), "\ufffd");
  assert.equal(toText("\x80\x9f" as ByteString), "\ufffd\ufffd");
});

Deno.test("cString() ends with a NUL", () => {
  assert.deepEqual(cString("a\xff" as ByteString), Uint8Array.of(0x61, 0xff, 0));
  assert.deepEqual(cString("" as ByteString), Uint8Array.of(0));
});

Deno.test("writeByteString() writes at the offset and nothing else", () => {
  const into = new Uint8Array(5).fill(9);
  writeByteString("\x01\x80" as ByteString, into, 2);
  assert.deepEqual(into, Uint8Array.of(9, 9, 1, 0x80, 9));
});
