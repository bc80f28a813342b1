import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as protocol from "../../../lib/protocol/mod.ts";
import { hex, samples, STAT } from "./messages.ts";

for (const [what, { message, bytes, encode, decode }] of Object.entries(samples)) {
  Deno.test(`${encode.name}() and ${decode.name}() agree on the bytes of ${what}`, () => {
    assert.equal(Buffer.from(encode(message as never)).toString("hex"), Buffer.from(bytes).toString("hex"));
    assert.deepEqual(decode(bytes), message);
  });
}

Deno.test("there is a sample of every message", () => {
  const used = new Set(Object.values(samples).flatMap(({ encode, decode }) => [encode.name, decode.name]));
  const functions = Object.keys(protocol).filter((name) => /^(en|de)code/.test(name));
  const missing = functions.filter((name) => !used.has(name));
  assert.deepEqual(missing.sort(), ["decodeBlockHeader", "decodeWrite", "encodeBlockHeader", "encodeWrite"]);
});

Deno.test("encodeBlockHeader() and decodeBlockHeader() agree on the bytes before a block", () => {
  for (
    const [length, packed, bytes] of [[0x2_0000, 0x2_0000, "00000200 00000200"], [3, 1, "03000000 01000000"]] as const
  ) {
    assert.deepEqual(protocol.encodeBlockHeader(length, packed), hex(bytes));
    assert.deepEqual(protocol.decodeBlockHeader(hex(bytes)), { length, packed });
  }
});

Deno.test("a pack is its records one after the other", () => {
  const packs = Object.values(samples).filter(({ decode }) => decode === protocol.decodePack);
  const whole = Uint8Array.from(packs.flatMap(({ bytes }) => [...bytes]));
  assert.deepEqual(protocol.decodePack(whole), packs.flatMap(({ message }) => message));
  assert.deepEqual(protocol.decodePack(new Uint8Array(0)), []);
});

Deno.test("a chunk is the bytes from a multiple of CHUNK on, and its answer no longer than maxFetchReply()", () => {
  const { CHUNK, FETCH_BLOCK, BLOCK_HEADER, chunkSize, maxFetchReply } = protocol;
  assert.deepEqual([0, 1, 2, 3].map((chunk) => chunkSize(2 * CHUNK + 1, chunk)), [CHUNK, CHUNK, 1, 0]);
  assert.equal(chunkSize(0, 0), 0);
  assert.equal(maxFetchReply(FETCH_BLOCK + 1), FETCH_BLOCK + 1 + 2 * BLOCK_HEADER);
});

Deno.test("encodeWrite() and decodeWrite() agree on the bytes before the data, which decodeWrite() does not copy", () => {
  const head = hex("09000000 0200000001000000");
  assert.deepEqual(protocol.encodeWrite({ fh: 9, offset: 0x1_0000_0002 }), head);
  const body = Uint8Array.of(...head, 7, 8);
  const { fh, offset, data } = protocol.decodeWrite(body);
  assert.deepEqual([fh, offset, ...data], [9, 0x1_0000_0002, 7, 8]);
  body[12] = 1;
  assert.equal(data[0], 1);
  assert.equal(protocol.decodeWrite(head).data.length, 0);
});

Deno.test("STAT_BYTES is the length of attributes", () => {
  const { xattrNames } = protocol.decodeStat(hex(STAT));
  assert.equal(protocol.STAT_BYTES + xattrNames!.length, hex(STAT).length);
});

Deno.test("a page of one entry, whatever it has, is no longer than MAX_ENTRY", () => {
  const long = "x".repeat(4095) as never;
  const stat = {
    ...protocol.decodeStat(hex(STAT)),
    xattrNames: `${"x".repeat(protocol.MAX_XATTR_NAMES - 1)}\0` as never,
  };
  const entry = { name: long, ino: 1n, type: 10, cookie: 1n, stat, target: long };
  const page = protocol.encodePage({ entries: [entry], end: false });
  assert.deepEqual(protocol.decodePage(page).entries, [entry]);
  assert.ok(page.length <= protocol.MAX_ENTRY);
});

Deno.test("a page of many entries is as long as its entries are", () => {
  const entries = Array.from({ length: 2000 }, (_, i) => ({
    name: `name${i}` as never,
    ino: BigInt(i),
    type: 8,
    cookie: BigInt(i + 1),
    stat: undefined,
    target: undefined,
  }));
  const page = protocol.encodePage({ entries, end: true });
  assert.equal(page.length, 5 + entries.reduce((sum, { name }) => sum + 20 + (name as string).length, 0));
  assert.deepEqual(protocol.decodePage(page), { entries, end: true });
});

Deno.test("decodeRun() copies the terminal's settings: the body is valid during the call only", () => {
  const { bytes } = samples["a command with a terminal"];
  const body = bytes.slice();
  const { terminal } = protocol.decodeRun(body);
  body.fill(0xee);
  assert.deepEqual(terminal?.termios, Uint8Array.of(1, 2, 3));
});

Deno.test("modes lose what is not theirs to change", () => {
  const create = samples["a create"].bytes.slice();
  create.set(hex("ffffffff ffffffff"), 12);
  const { mode, umask } = protocol.decodeCreate(create);
  assert.deepEqual([mode, umask], [0o7777, 0o777]);
  assert.equal(protocol.decodeSetAttr(hex("01 ffffffff 01 ffffffff")).mode, 0o7777);
});

Deno.test("no two operations, notes or streams share a number", () => {
  for (const table of [protocol.FileOp, protocol.FileNote, protocol.AgentOp, protocol.AgentNote]) {
    const numbers = Object.values(table);
    assert.equal(new Set(numbers).size, numbers.length);
  }
  assert.equal(new Set([protocol.STDIN, protocol.STDOUT, protocol.STDERR]).size, 3);
});
