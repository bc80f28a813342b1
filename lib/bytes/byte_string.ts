declare const brand: unique symbol;

/**
 * A string in which every character code is one byte (0-255): what the kernel calls a name. Branded, so that text
 * (UTF-16, meant for people) cannot be passed by mistake.
 */
export type ByteString = string & { readonly [brand]: true };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Takes the bytes `data[start, end)` as a byte string. Not TextDecoder("latin1"): that one decodes windows-1252. */
export function byteString(data: Uint8Array, start = 0, end = data.length): ByteString {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(data[i]);
  return text as ByteString;
}

/** The UTF-8 bytes of ordinary text, as a byte string. */
export function fromText(text: string): ByteString {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return byteString(encoder.encode(text));
  }
  return text as ByteString;
}

/** Readable text for messages; bytes that are not UTF-8 become U+FFFD. */
export function toText(name: ByteString): string {
  return decoder.decode(toBytes(name));
}

/** The bytes of `name`. */
export function toBytes(name: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length);
  writeByteString(name, bytes, 0);
  return bytes;
}

/** The bytes of `name` and a NUL, as libc wants them. */
export function cString(name: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length + 1);
  writeByteString(name, bytes, 0);
  return bytes;
}

/** Writes the bytes of `name` to `into` at `offset`; the caller has seen to the room. */
export function writeByteString(name: ByteString, into: Uint8Array, offset: number): void {
  for (let i = 0; i < name.length; i++) into[offset + i] = name.charCodeAt(i);
}
