import { type ByteString, byteString } from "../bytes/mod.ts";

/** An entry of getdents64(2). */
export interface DirectoryEntry {
  readonly name: ByteString;
  readonly ino: bigint;
  /** DT_* (`dirent.h`): the file type bits of its mode, shifted right by 12. */
  readonly type: number;
  /** Where the directory goes on after this entry: an opaque value for lseek. */
  readonly cookie: bigint;
}

/** Decodes what getdents64(2) wrote to `data`. */
export function decodeDirectory(data: Uint8Array): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const fields = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length;) {
    const nameAt = at + 19;
    entries.push({
      ino: fields.getBigUint64(at, true),
      cookie: fields.getBigInt64(at + 8, true),
      type: data[at + 18],
      name: byteString(data, nameAt, data.indexOf(0, nameAt)),
    });
    at += fields.getUint16(at + 16, true);
  }
  return entries;
}
