import { createHash } from "node:crypto";
import { readAt } from "../linux/mod.ts";

const PIECE = new Uint8Array(256 * 1024);

/** The SHA-256 of a content, as 64 lower-case hexadecimal digits. */
export type Digest = string;

const pattern = /^[0-9a-f]{64}$/;

/** Digests come from the other side and become names of files: anything else must not get that far. */
export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** Whether the content behind `fd`, of `size` bytes, is what the digest says. Reads it here and now: 1 ms a MB. */
export function hasDigest(fd: number, size: number, digest: Digest): boolean {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size;) {
    const count = readAt(fd, PIECE, offset);
    if (count <= 0) return false;
    hash.update(PIECE.subarray(0, count));
    offset += count;
  }
  return hash.digest("hex") === digest;
}
