/** What ssh says when the server lets no further channel in. */
const REFUSED = /^channel \d+: open failed: [^\n]*\n/gm;

/** ssh's messages, which it writes line by line, but for those that are no news to the user: there is one channel that works. */
export function withoutRefusedChannels(bytes: Uint8Array): Uint8Array {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const rest = text.replace(REFUSED, "");
  return rest === text ? bytes : Uint8Array.from(rest, (char) => char.charCodeAt(0));
}
