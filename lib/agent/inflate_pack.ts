import { inflateRawSync } from "node:zlib";
import { DecodeError, Reader } from "../bytes/mod.ts";

/** A note has less. */
const MAX_LENGTH = 64 * 1024;

/** The PACK in the body of a DEFLATED_PACK. Throws DecodeError where there is none. */
export function inflatePack(body: Uint8Array): Uint8Array {
  const from = new Reader(body);
  const length = from.u32();
  if (length > MAX_LENGTH) throw new DecodeError(`Cannot inflate a start pack: it has ${length} bytes`);
  let pack: Uint8Array;
  try {
    pack = inflateRawSync(from.rest(), { maxOutputLength: length });
  } catch (cause) {
    throw new DecodeError("Cannot inflate a start pack: it is damaged", { cause });
  }
  if (pack.length !== length) throw new DecodeError(`Cannot inflate a start pack: ${pack.length} bytes, not ${length}`);
  return pack;
}
