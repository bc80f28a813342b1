/** Bytes of a sequence that `seed` determines, from `offset` on: the same however it is cut into pieces. */
export function pattern(seed: number, { offset, size }: { offset: number; size: number }): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    // A multiplicative hash of the position (Knuth): neighbours differ, and so do pages.
    const at = offset + i;
    bytes[i] = Math.imul(at ^ seed, 0x9e3779b1) >>> 23;
  }
  return bytes;
}
