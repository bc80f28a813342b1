import { type Choices, once, pick } from "./choices.ts";

/** What counts, sizes and numbers are set to: the borders of everything that has one. */
const borders: readonly bigint[] = [
  ...[
    0n,
    1n,
    2n,
    3n,
    0x7fn,
    0x80n,
    0xffn,
    0x100n,
    0xfffn,
    0x1000n,
    0x7fffn,
    0xffffn,
    0x1_0000n,
    0x10_0000n,
    0x10_0001n,
  ],
  ...[0x7fff_ffffn, 0x8000_0000n, 0xffff_fffen, 0xffff_ffffn, 0x1_0000_0000n],
  ...[(1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n],
];

/** Bytes with which names and frames are attacked. */
const telling = [0x00, 0x01, 0x2e, 0x2f, 0x7f, 0x80, 0xff];

/** A copy of `bytes`, changed at a few places; `other` lends pieces for splices. */
export function mutate(bytes: Uint8Array, other: Uint8Array, from: Choices): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let count = 1 + from.below(3); count > 0; count--) result = mutateOnce(result, other, from);
  return result;
}

function mutateOnce(bytes: Uint8Array, other: Uint8Array, from: Choices): Uint8Array {
  const at = from.below(bytes.length + 1);
  switch (from.below(8)) {
    case 0:
      return flip(bytes, at, from);
    case 1:
    case 2:
      return setBorder(bytes, at, from);
    case 3:
      return once(from, 2) ? bytes.slice(0, at) : bytes.slice(0, Math.max(0, bytes.length - 1 - from.below(4)));
    case 4:
      return join(bytes.subarray(0, at), other.subarray(from.below(other.length + 1)));
    case 5:
      return join(bytes.subarray(0, at), bytes.subarray(from.below(at + 1)));
    case 6:
      if (at < bytes.length) bytes[at] = pick(from, telling);
      return bytes;
    default:
      return rename(bytes, from);
  }
}

function flip(bytes: Uint8Array, at: number, from: Choices): Uint8Array {
  if (at < bytes.length) bytes[at] ^= 1 << from.below(8);
  return bytes;
}

/** Puts a border value over 1, 2, 4 or 8 bytes, or makes the number there one larger or smaller. */
function setBorder(bytes: Uint8Array, at: number, from: Choices): Uint8Array {
  const width = pick(from, [1, 2, 4, 8]);
  let value = pick(from, borders);
  const start = Math.max(0, Math.min(at, bytes.length - width));
  const end = Math.min(bytes.length, start + width);
  if (once(from, 4) && start < end) value = BigInt(bytes[start]) + (once(from, 2) ? 1n : -1n);
  for (let i = start; i < end; i++, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return bytes;
}

/** Hidden in a length and a text that looks like a string16, one of the names that are none. */
const noNames = [".", "..", "/", "a/b", "../x", "/no/such/place", "\0", "a\0b", ""];

/** Replaces what looks like a string16 by a name that is none, its length set right. */
function rename(bytes: Uint8Array, from: Choices): Uint8Array {
  const places: number[] = [];
  for (let at = 0; at + 2 < bytes.length; at++) {
    const length = bytes[at] | bytes[at + 1] << 8;
    if (length > 0 && length < 64 && at + 2 + length <= bytes.length) places.push(at);
  }
  if (places.length === 0) return bytes;
  const at = pick(from, places);
  const length = bytes[at] | bytes[at + 1] << 8;
  const name = new TextEncoder().encode(pick(from, noNames));
  return join(
    join(bytes.subarray(0, at), Uint8Array.of(name.length, 0, ...name)),
    bytes.subarray(at + 2 + length),
  );
}

export function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  const result = new Uint8Array(one.length + other.length);
  result.set(one);
  result.set(other, one.length);
  return result;
}
