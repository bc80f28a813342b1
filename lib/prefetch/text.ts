import { type ByteString, byteString } from "../bytes/mod.ts";

const decoder = new TextDecoder("latin1");

/**
 * One character a byte, to search for ASCII in: other bytes may come out as other characters, for the decoder's table is
 * windows-1252.
 */
export function searchable(data: Uint8Array): string {
  return decoder.decode(data);
}

/** The same as `byteString(data)`, and much faster for text of more than a few hundred bytes. */
export function bytesAsText(data: Uint8Array): ByteString {
  const text = searchable(data);
  // Whatever byte the decoder takes for another character comes out above 255.
  // deno-lint-ignore no-control-regex
  return /[^\x00-\xff]/.test(text) ? byteString(data) : text as ByteString;
}
