import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { encodeDelete, encodeInvalEntry, encodeInvalInode, encodeStore } from "../../../lib/fuse/mod.ts";
import { hex, literal } from "./bytes.ts";

const name = "n\xff" as ByteString;

function same(actual: Uint8Array, expected: string): void {
  assert.equal(hex(actual), hex(literal(expected)));
}

Deno.test("encodeInvalInode() is for attributes, or for data too", () => {
  same(
    encodeInvalInode(5),
    "28000000 02000000 0000000000000000  0500000000000000 ffffffffffffffff 0000000000000000",
  );
  same(
    encodeInvalInode(5, { offset: 2 ** 32, length: 4096 }),
    "28000000 02000000 0000000000000000  0500000000000000 0000000001000000 0010000000000000",
  );
});

Deno.test("encodeInvalEntry() ends its name with a NUL", () => {
  same(encodeInvalEntry(5, name), `23000000 03000000 0000000000000000  0500000000000000 02000000 00000000 "n" ff 00`);
  same(
    encodeInvalEntry(5, name, { expireOnly: true }),
    `23000000 03000000 0000000000000000  0500000000000000 02000000 01000000 "n" ff 00`,
  );
});

Deno.test("encodeDelete() names parent and child", () => {
  same(
    encodeDelete(5, 6, name),
    `2b000000 06000000 0000000000000000  0500000000000000 0600000000000000 02000000 00000000 "n" ff 00`,
  );
});

Deno.test("encodeStore() carries its data", () => {
  same(
    encodeStore(5, 4096, literal(`"data"`)),
    `2c000000 04000000 0000000000000000  0500000000000000 0010000000000000 04000000 00000000 "data"`,
  );
});
