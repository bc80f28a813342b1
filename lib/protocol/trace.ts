import { type ByteString, DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import { whole } from "./file.ts";

/** Something that a command asked for: a name (which may not exist), a file's content, or all names of a directory. */
export interface Touched {
  readonly kind: "name" | "content" | "listing";
  /** Absolute. */
  readonly path: ByteString;
  /** Of a content: which chunks, ascending; absent: all. */
  readonly chunks?: readonly number[];
}

const kinds: readonly Touched["kind"][] = ["name", "content", "listing"];
const MAX_PATH = 4096;
const MAX_CHUNKS = 1024;

/**
 * u32 count, then u8 kind, u16 bytes that the path shares with the start of the one before, string16 rest each, u16 count
 * and u32 each chunks (none: all).
 */
export function encodeTrace(touched: readonly Touched[]): Uint8Array {
  const to = new Writer(4 + touched.length * 32).u32(touched.length);
  let before = "";
  for (const { kind, path, chunks = [] } of touched) {
    let shared = 0;
    while (shared < before.length && shared < path.length && before[shared] === path[shared]) shared++;
    to.u8(kinds.indexOf(kind)).u16(shared).string16(path.slice(shared) as ByteString).u16(chunks.length);
    for (const chunk of chunks) to.u32(chunk);
    before = path;
  }
  return to.finish();
}

export function decodeTrace(body: Uint8Array): Touched[] {
  return whole(body, (from) => {
    const touched: Touched[] = [];
    let before = "" as ByteString;
    for (let count = from.u32(); count > 0; count--) {
      const kind = kinds[from.u8()];
      const shared = from.u16();
      const path = before.slice(0, shared) + from.string16() as ByteString;
      if (kind === undefined || shared > before.length || !isPath(path)) {
        throw new DecodeError("Cannot decode a trace: an entry that is none");
      }
      const chunks = readChunks(from);
      touched.push(chunks.length > 0 ? { kind, path, chunks } : { kind, path });
      before = path;
    }
    return touched;
  });
}

function readChunks(from: Reader): number[] {
  const count = from.u16();
  if (count > MAX_CHUNKS) throw new DecodeError(`Cannot decode a trace: ${count} chunks`);
  return Array.from({ length: count }, () => from.u32());
}

/** Whether it is absolute, without a NUL, and names each directory on the way, once. */
function isPath(path: string): boolean {
  return path.length <= MAX_PATH && /^(\/[^/\0]+)+$/.test(path) && !/\/\.\.?(\/|$)/.test(path);
}
