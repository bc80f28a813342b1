import { type ByteString, DecodeError, Writer } from "../bytes/mod.ts";
import type { Stat } from "../linux/mod.ts";
import { readName, whole } from "./file.ts";

/** Files in one note, and bytes of their names beyond which there are no more. */
export const MAX_CHECKED = 256;
export const MAX_CHECKED_NAMES = 16 * 1024;

/** A file as it was known when it was opened. */
export interface CheckedFile {
  readonly dir: number;
  readonly name: ByteString;
  readonly stat: Pick<Stat, "ino" | "size" | "mtime" | "mtimeNsec" | "ctime" | "ctimeNsec">;
}

/** u16 count, then for each: u32 dir, u64 ino, u64 size, i64 mtime, i64 ctime, u32 mtimeNsec, u32 ctimeNsec, string16 name. */
export function encodeCheck(files: readonly CheckedFile[]): Uint8Array {
  const to = new Writer(2 + files.length * 64).u16(files.length);
  for (const { dir, name, stat } of files) {
    to.u32(dir).u64(stat.ino).u53(stat.size).i53(stat.mtime).i53(stat.ctime).u32(stat.mtimeNsec).u32(stat.ctimeNsec)
      .string16(name);
  }
  return to.finish();
}

export function decodeCheck(body: Uint8Array): CheckedFile[] {
  return whole(body, (from) => {
    const count = from.u16();
    if (count > MAX_CHECKED) throw new DecodeError(`Cannot decode a check: ${count} files`);
    return Array.from({ length: count }, () => {
      const dir = from.u32();
      const [ino, size, mtime, ctime] = [from.u64(), from.u53(), from.i53(), from.i53()];
      const stat = { ino, size, mtime, ctime, mtimeNsec: from.u32(), ctimeNsec: from.u32() };
      return { dir, name: readName(from), stat };
    });
  });
}
