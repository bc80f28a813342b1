import { Reader, Writer } from "../bytes/mod.ts";
import type { FileAttr } from "./attributes.ts";
import { decodeStat, encodeStat } from "./directory.ts";
import { decodeLink, decodeRename, whole } from "./file.ts";
import { FileOp } from "./operations.ts";

/** What changes of names are. Their first field is the number of the directory, but in a link and a rename. */
const changes: ReadonlySet<number> = new Set([
  FileOp.SYMLINK,
  FileOp.MKNOD,
  FileOp.MKDIR,
  FileOp.UNLINK,
  FileOp.RMDIR,
  FileOp.RENAME,
  FileOp.LINK,
  FileOp.CREATE,
]);

/** The numbers of the directories whose names a request changes, as it names them; empty: it changes none. */
export function directoriesOf(op: number, body: Uint8Array): number[] {
  if (op === FileOp.RENAME) {
    const { dir, toDir } = decodeRename(body);
    return [dir, toDir];
  }
  if (op === FileOp.LINK) return [decodeLink(body).toDir];
  return changes.has(op) ? [new Reader(body).u32()] : [];
}

/**
 * What a change of names in the log is answered with: what it is answered with otherwise, and the attributes of
 * {@link directoriesOf} it, which the change has changed, too.
 */
export interface NamesChanged {
  readonly answer: Uint8Array;
  /** undefined: they cannot be had. */
  readonly directories: readonly (FileAttr | undefined)[];
}

/** u32 length, the answer; u8 count; for each directory u32 length and Stat, or 0. */
export function encodeNamesChanged({ answer, directories }: NamesChanged): Uint8Array {
  const to = new Writer(answer.length + 200).u32(answer.length).bytes(answer).u8(directories.length);
  for (const stat of directories) {
    const bytes = stat === undefined ? new Uint8Array() : encodeStat(stat);
    to.u32(bytes.length).bytes(bytes);
  }
  return to.finish();
}

export function decodeNamesChanged(body: Uint8Array): NamesChanged {
  return whole(body, (from) => {
    const answer = from.bytes(from.u32());
    const directories = Array.from({ length: from.u8() }, () => {
      const bytes = from.bytes(from.u32());
      return bytes.length === 0 ? undefined : decodeStat(bytes);
    });
    return { answer, directories };
  });
}
