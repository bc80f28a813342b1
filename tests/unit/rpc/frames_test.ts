import assert from "node:assert/strict";
import { decodeHeader, encodeHeader, Flag, Kind, MAX_PAYLOAD, pieceLength } from "../../../lib/rpc/frames.ts";
import { ProtocolError } from "../../../lib/rpc/mod.ts";
import { hex } from "./pair.ts";

const header = { length: 0x10203, kind: Kind.request, flags: Flag.more | Flag.bulk, code: 0x1234, id: 0xfedcba98 };
const literal = "03020100 01 03 3412 98badcfe";

Deno.test("encodeHeader() writes little-endian fields at their offsets", () => {
  const into = new Uint8Array(14);
  encodeHeader(into, 1, header);
  assert.deepEqual(into, hex(`00 ${literal} 00`));
});

Deno.test("decodeHeader() reads what encodeHeader() writes", () => {
  assert.deepEqual(decodeHeader(hex(`ff ${literal}`), 1), header);
});

const malformed: Record<string, string> = {
  "kind 0": "00000000 00 00 0000 00000000",
  "an unknown kind": "00000000 0c 00 0000 00000000",
  "kind 255": "00000000 ff 00 0000 00000000",
  "a payload beyond 68 KiB": "01100100 01 00 0000 01000000",
  "a length of 2^32 - 1": "ffffffff 02 00 0000 01000000",
  "an unknown flag": "00000000 01 04 0000 01000000",
  "an empty piece of a request": "00000000 01 01 0000 01000000",
  "an empty bulk reply": "00000000 02 02 0000 01000000",
  "a reply with a code": "00000000 02 00 0100 01000000",
  "an error without an errno": "00000000 03 00 0000 01000000",
  "an errno beyond 4095": "00000000 03 00 0010 01000000",
  "an error with a payload": "01000000 03 00 0500 01000000",
  "a cancellation with a payload": "01000000 04 00 0000 01000000",
  "a notification with an id": "00000000 05 00 0100 01000000",
  "a notification in pieces": "01000000 05 01 0100 00000000",
  "empty data": "00000000 06 00 0000 01000000",
  "data in pieces": "01000000 06 01 0000 01000000",
  "a short credit": "03000000 07 00 0000 01000000",
  "a long credit": "05000000 07 00 0000 01000000",
  "an end with a payload": "01000000 08 00 0000 01000000",
  "a short acknowledgement": "04000000 09 00 0000 00000000",
  "an acknowledgement beyond the channels": "08000000 09 00 0000 00010000",
  "a channel that is left with a payload": "01000000 0a 00 0000 01000000",
  "a short total of a channel that was left": "04000000 0b 00 0000 01000000",
};

for (const [what, bytes] of Object.entries(malformed)) {
  Deno.test(`decodeHeader() refuses ${what}`, () => {
    assert.throws(() => decodeHeader(hex(bytes), 0), ProtocolError);
  });
}

Deno.test("pieceLength() cuts 64 KiB, and lets the last piece be longer", () => {
  assert.equal(pieceLength(0), 0);
  assert.equal(pieceLength(MAX_PAYLOAD), MAX_PAYLOAD);
  assert.equal(pieceLength(MAX_PAYLOAD + 1), 65536);
});
