import { createHash } from "node:crypto";

const PIECE_BYTES = 1024 * 1024;

/** What a file holds: its length in bytes and the SHA-256 of all of them, in hexadecimal. */
export interface Digest {
  readonly size: number;
  readonly sha256: string;
}

/** Reads all of the file at `path`. */
export async function hashFile(path: string): Promise<Digest> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  let size = 0;
  for (;;) {
    const count = await file.read(piece);
    if (count === null) return { size, sha256: hash.digest("hex") };
    hash.update(piece.subarray(0, count));
    size += count;
  }
}
