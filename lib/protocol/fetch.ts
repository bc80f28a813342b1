import { DecodeError, Reader, Writer } from "../bytes/mod.ts";
import { type NamedRef, readRef, writeRef } from "./file.ts";

/**
 * Contents are told, fetched and kept in chunks: the bytes of a file from a multiple of this on, as many or up to its end. So
 * of a large file only what is used is moved.
 */
export const CHUNK = 1 << 20;

/** Bytes of a chunk of a file of `size` bytes. */
export function chunkSize(size: number, chunk: number): number {
  return Math.max(0, Math.min(CHUNK, size - chunk * CHUNK));
}

/** Asks for a chunk of a regular file. */
export interface FetchIn {
  readonly ref: NamedRef;
  readonly chunk: number;
  /** Contents of one flow come one after the other, those of different flows take turns. */
  readonly flow: number;
}

/** u32 flow, u32 chunk, FileRef by name. */
export function encodeFetch(message: FetchIn): Uint8Array {
  return writeRef(new Writer(64).u32(message.flow).u32(message.chunk), message.ref).finish();
}

export function decodeFetch(body: Uint8Array): FetchIn {
  const from = new Reader(body);
  const flow = from.u32();
  const chunk = from.u32();
  const ref = readRef(from);
  from.end();
  if (ref.kind !== "name") throw new DecodeError("Cannot decode a fetch: it must be by name");
  return { ref, chunk, flow };
}

/** Bytes in one block; only the last block of a file has fewer. */
export const FETCH_BLOCK = 128 * 1024;
/** Before each block: u32 length, u32 length on the wire. Equal: as it is; otherwise an LZ4 block, which is shorter. */
export const BLOCK_HEADER = 8;

export function encodeBlockHeader(length: number, packed: number): Uint8Array {
  return new Writer(BLOCK_HEADER).u32(length).u32(packed).finish();
}

export function decodeBlockHeader(header: Uint8Array): { length: number; packed: number } {
  const from = new Reader(header);
  const length = from.u32();
  const packed = from.u32();
  from.end();
  if (length === 0 || length > FETCH_BLOCK || packed === 0 || packed > length) {
    throw new DecodeError(`Cannot decode a block: ${length} bytes in ${packed}`);
  }
  return { length, packed };
}

/** Most bytes of the answer to FETCH for a chunk of `size` bytes. */
export function maxFetchReply(size: number): number {
  return size + Math.ceil(size / FETCH_BLOCK) * BLOCK_HEADER;
}
