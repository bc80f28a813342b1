/**
 * Bytes as programs see them: Linux names, and little-endian binary layouts.
 *
 * A Linux file name, an argument or an environment entry is a string of bytes, not of characters: a name need not be
 * UTF-8. Such a string travels through this program as a {@link ByteString}. Binary layouts are read with a
 * {@link Reader}, which throws {@link DecodeError} on short or malformed input, and written with a {@link Writer}.
 *
 * Rejected: `Uint8Array` names (no map keys, no `===`), and JavaScript strings decoded from UTF-8 (lossy).
 *
 * @module
 */

export * from "./byte_string.ts";
export * from "./reader.ts";
export * from "./writer.ts";
