import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { inflatePack } from "../../../lib/agent/inflate_pack.ts";
import { DecodeError, fromText, Writer } from "../../../lib/bytes/mod.ts";
import { AgentNote, encodePack, type PackRecord } from "../../../lib/protocol/mod.ts";
import { PackWriter } from "../../../lib/session/pack_writer.ts";

function packed(length: number, bytes: Uint8Array): Uint8Array {
  return new Writer().u32(length).bytes(bytes).finish();
}

Deno.test("inflatePack() gives what PackWriter wrote, which is shorter on the link; a small note goes as it is", () => {
  const notes: [op: number, body: Uint8Array][] = [];
  const writer = new PackWriter((op, body) => notes.push([op, body]));
  const records: PackRecord[] = Array.from(
    { length: 600 },
    (_, i) => ({ kind: "entry", dir: 1, name: fromText(`library-${i}.so`) }),
  );
  for (const record of records) writer.write(record);
  writer.flush();
  writer.write(records[0]);
  writer.flush();
  assert.deepEqual(notes.map(([op]) => op), [AgentNote.DEFLATED_PACK, AgentNote.PACK]);
  const bytes = encodePack(records);
  assert.equal(inflatePack(notes[0][1]).toHex(), bytes.toHex());
  assert.ok(notes[0][1].length < bytes.length / 2);
});

Deno.test("inflatePack() throws DecodeError for what is damaged, cut, of another length, or inflates to more than a note", () => {
  const good = deflateRawSync(new Uint8Array(1000));
  inflatePack(packed(1000, good));
  const bomb = deflateRawSync(new Uint8Array(100_000_000));
  for (
    const [length, bytes] of [
      [999, good],
      [1001, good],
      [1000, good.subarray(0, good.length - 1)],
      [1000, new Uint8Array([0xff, 0xff])],
      [1000, new Uint8Array()],
      [65536, bomb],
      [100_000_000, bomb],
    ] as const
  ) {
    assert.throws(() => inflatePack(packed(length, bytes)), DecodeError, `${length}`);
  }
  assert.throws(() => inflatePack(new Uint8Array(3)), DecodeError);
});
