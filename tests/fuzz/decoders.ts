import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DecodeError } from "../../lib/bytes/mod.ts";
import * as protocol from "../../lib/protocol/mod.ts";
import { type Sample, samples } from "../unit/protocol/messages.ts";
import { pick } from "./choices.ts";
import { join, mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

/** Bodies in a round: enough that looking at the clock and the memory costs little. */
const BODIES = 60;

const write: Sample = {
  message: undefined,
  bytes: join(protocol.encodeWrite({ fh: 3, offset: 4096 }), new Uint8Array(64)),
  encode: (message: ReturnType<typeof protocol.decodeWrite>) => join(protocol.encodeWrite(message), message.data),
  decode: protocol.decodeWrite,
};

const list: readonly Sample[] = [...Object.values(samples), write];

/** Names of extended attributes may hold what names of files may not. */
const xattrDecoders: ReadonlySet<unknown> = new Set([protocol.decodeXattrRef, protocol.decodeSetXattr]);

/** The decoders of lib/protocol. A message: u8 the sample that it was made of, then the body. */
export const decoders: Target = {
  name: "protocol decoders",

  generate(random) {
    return Array.from({ length: BODIES }, () => {
      const index = random.below(list.length);
      const body = random.below(16) === 0 ? random.bytes(random.below(80)) : list[index].bytes;
      return join(Uint8Array.of(index), mutate(body, pick(random, list).bytes, random));
    });
  },

  run(input) {
    for (const message of input) decodeOne(list[message[0] % list.length], message.subarray(1));
  },
};

function decodeOne({ decode, encode }: Sample, body: Uint8Array): void {
  const copy = body.slice();
  let decoded: unknown;
  try {
    decoded = decode(body);
  } catch (error) {
    if (error instanceof DecodeError) return;
    throw error;
  }
  assert.equal(Buffer.compare(body, copy), 0, `${decode.name}() changed what it decodes`);
  checkNames(decode, decoded);
  // What was taken can be sent, and means the same over there.
  assert.deepEqual(decode(encode(decoded as never)), decoded, `${decode.name}() takes what it does not mean`);
}

/** Whatever is called a name in a decoded message is the name of one file. */
function checkNames(decode: unknown, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "string" && /^(name|toName)$/.test(key)) {
      if (key === "name" && xattrDecoders.has(decode)) continue;
      const good = inner.length > 0 && inner.length < 4096 && !/^\.\.?$/.test(inner) && !/[/\0]/.test(inner);
      assert.ok(good, `${JSON.stringify(inner)} is taken for a name`);
    } else if (!(inner instanceof Uint8Array)) {
      checkNames(decode, inner);
    }
  }
}
