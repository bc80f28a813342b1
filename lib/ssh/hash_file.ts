import { createHash } from "node:crypto";

const PIECE_BYTES = 1024 * 1024;

/** What a file, or a piece of one, holds: its length in bytes and the SHA-256 of all of them, in hexadecimal. */
export interface Digest {
  readonly size: number;
  readonly sha256: string;
}

/** A part of the file at `path`. */
export interface Range {
  readonly path: string;
  /** Where it begins, in bytes. */
  readonly from: number;
  /** Its length in bytes. */
  readonly size: number;
}

/** Reads all of the file at `path`. */
export async function hashFile(path: string): Promise<Digest> {
  return await hashRange({ path, from: 0, size: Infinity });
}

/** Reads a range; what the file does not have of it is left out. */
export async function hashRange(range: Range): Promise<Digest> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const bytes of readRange(range, PIECE_BYTES)) {
    hash.update(bytes);
    size += bytes.length;
  }
  return { size, sha256: hash.digest("hex") };
}

/** The bytes of a range, `pieceBytes` at most at a time, each valid until the next. Ends early where the file does. */
export async function* readRange({ path, from, size }: Range, pieceBytes: number): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  await file.seek(from, Deno.SeekMode.Start);
  const piece = new Uint8Array(pieceBytes);
  for (let left = size; left > 0;) {
    const count = await file.read(piece.subarray(0, Math.min(pieceBytes, left)));
    if (count === null) return;
    left -= count;
    yield piece.subarray(0, count);
  }
}
