import { type ByteString, byteString } from "../../bytes/mod.ts";
import type { Program } from "../program.ts";
import { searchable } from "../text.ts";
import type { Segment } from "./elf_file.ts";

const PF_X = 1;
const PF_W = 2;
/** Bytes of one segment that are searched. */
const MAX_SEGMENT = 4 << 20;

/** The strings of an executable or a library, among what is neither code nor variables, that have `part` in them. */
export function constantsWith(program: Program, file: ByteString, part: string): ByteString[] {
  const isConstant = ({ flags }: Segment) => (flags & (PF_X | PF_W)) === 0;
  const segments = program.readElf(file)?.segments.filter(isConstant) ?? [];
  return segments.flatMap(({ offset, size }) => {
    const data = program.disk.read(file, { offset, length: Math.min(size, MAX_SEGMENT) });
    return data === undefined ? [] : stringsWith(part, data);
  });
}

/** Each between two NULs, in order. */
function stringsWith(part: string, data: Uint8Array): ByteString[] {
  const text = searchable(data);
  const found: ByteString[] = [];
  for (let at = text.indexOf(part); at >= 0;) {
    const end = text.indexOf("\0", at);
    if (end < 0) break;
    found.push(byteString(data, text.lastIndexOf("\0", at) + 1, end));
    at = text.indexOf(part, end);
  }
  return found;
}
