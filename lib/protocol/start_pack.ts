import { type ByteString, DecodeError, Reader, Writer } from "../bytes/mod.ts";
import { type FileAttr, readStat, writeStat } from "./attributes.ts";
import type { LookupOut } from "./directory.ts";
import { readName, readTarget } from "./file.ts";

/**
 * The start pack: what the local side tells unasked, of what the command is going to ask for. It is a sequence of records,
 * cut into PACK notes between any two of them. A directory is introduced, as the child of one that was introduced before
 * (the root needs none), then its names come; the local side has bound the number that it gives it.
 */
export type PackRecord =
  /** From here on `dir` stands for the directory `name` in `parent`. Without `watched`, nobody tells of changes there. */
  | {
    readonly kind: "directory";
    readonly dir: number;
    readonly parent: number;
    readonly name: ByteString;
    readonly watched: boolean;
  }
  /** What is to be found as `name` in `dir`; without `found` there is no such name. */
  | { readonly kind: "entry"; readonly dir: number; readonly name: ByteString; readonly found?: LookupOut }
  /** All names in `dir` have been told: others do not exist. */
  | { readonly kind: "complete"; readonly dir: number }
  /** The SHA-256 of a chunk of the file `name` in `dir`, as that was told. */
  | {
    readonly kind: "content";
    readonly dir: number;
    readonly name: ByteString;
    readonly chunk: number;
    readonly digest: string;
  }
  /** The whole content of the file `name` in `dir`, as it is with these attributes. An LZ4 block, if shorter than the file. */
  | {
    readonly kind: "data";
    readonly dir: number;
    readonly name: ByteString;
    readonly stat: FileAttr;
    /** When decoded, a view of the message. */
    readonly bytes: Uint8Array;
  }
  /** From here on all names in `dir` are told, of which some may have been told before. */
  | { readonly kind: "begin"; readonly dir: number }
  /** Of a walk: nothing follows. `dir` is its top. */
  | { readonly kind: "end"; readonly dir: number };

/** Numbers that the local side gives to directories begin here; below, they are the agent's to choose. */
export const FIRST_LOCAL_DIRECTORY = 0x8000_0000;

/** Contents of larger files are not told. */
export const MAX_DATA = 1 << 17;

const Kind = {
  ...{
    DIRECTORY: 1,
    WATCHED_DIRECTORY: 2,
    ABSENT: 3,
    FILE: 4,
    LINK: 5,
    COMPLETE: 6,
    CONTENT: 7,
    DATA: 8,
    BEGIN: 9,
    END: 10,
  },
} as const;
const DIGEST_BYTES = 32;

/**
 * u8 kind, u32 dir, then: 1 and 2 (watched) u32 parent, string16 name · 3 (absent) string16 name · 4 string16 name, Stat ·
 * 5 string16 name, Stat, string16 target · 6 (complete) nothing · 7 string16 name, u32 chunk, 32 bytes of SHA-256 ·
 * 8 (data) string16 name, Stat, u32 length, so many bytes · 9 (begin) nothing · 10 (end)
 * nothing.
 */
export function writePackRecord(to: Writer, record: PackRecord): Writer {
  switch (record.kind) {
    case "directory":
      return to.u8(record.watched ? Kind.WATCHED_DIRECTORY : Kind.DIRECTORY).u32(record.dir).u32(record.parent)
        .string16(record.name);
    case "entry":
      return writeEntry(to, record);
    case "complete":
      return to.u8(Kind.COMPLETE).u32(record.dir);
    case "content":
      return to.u8(Kind.CONTENT).u32(record.dir).string16(record.name).u32(record.chunk).bytes(
        digestBytes(record.digest),
      );
    case "data":
      return writeStat(to.u8(Kind.DATA).u32(record.dir).string16(record.name), record.stat)
        .u32(record.bytes.length).bytes(record.bytes);
    case "begin":
      return to.u8(Kind.BEGIN).u32(record.dir);
    case "end":
      return to.u8(Kind.END).u32(record.dir);
  }
}

function writeEntry(to: Writer, { dir, name, found }: PackRecord & { kind: "entry" }): Writer {
  if (found === undefined) return to.u8(Kind.ABSENT).u32(dir).string16(name);
  const { stat, target } = found;
  writeStat(to.u8(target === undefined ? Kind.FILE : Kind.LINK).u32(dir).string16(name), stat);
  return target === undefined ? to : to.string16(target);
}

export function encodePack(records: readonly PackRecord[]): Uint8Array {
  const to = new Writer(records.length * 160);
  for (const record of records) writePackRecord(to, record);
  return to.finish();
}

export function decodePack(body: Uint8Array): PackRecord[] {
  const from = new Reader(body);
  const records: PackRecord[] = [];
  while (from.left > 0) records.push(readRecord(from));
  return records;
}

function readRecord(from: Reader): PackRecord {
  const kind = from.u8();
  const dir = from.u32();
  switch (kind) {
    case Kind.DIRECTORY:
    case Kind.WATCHED_DIRECTORY:
      return {
        kind: "directory",
        dir,
        parent: from.u32(),
        name: readName(from),
        watched: kind === Kind.WATCHED_DIRECTORY,
      };
    case Kind.ABSENT:
      return { kind: "entry", dir, name: readName(from) };
    case Kind.FILE:
      return { kind: "entry", dir, name: readName(from), found: { stat: readStat(from), target: undefined } };
    case Kind.LINK:
      return { kind: "entry", dir, name: readName(from), found: { stat: readStat(from), target: readTarget(from) } };
    case Kind.COMPLETE:
      return { kind: "complete", dir };
    case Kind.CONTENT:
      return {
        kind: "content",
        dir,
        name: readName(from),
        chunk: from.u32(),
        digest: from.bytes(DIGEST_BYTES).toHex(),
      };
    case Kind.DATA:
      return { kind: "data", dir, name: readName(from), ...readData(from) };
    case Kind.BEGIN:
      return { kind: "begin", dir };
    case Kind.END:
      return { kind: "end", dir };
  }
  throw new DecodeError(`Cannot decode a start pack: a record of kind ${kind}`);
}

function readData(from: Reader): { stat: FileAttr; bytes: Uint8Array } {
  const stat = readStat(from);
  const length = from.u32();
  if (stat.size > MAX_DATA || length === 0 || length > stat.size) {
    throw new DecodeError(`Cannot decode contents: ${length} bytes of ${stat.size}`);
  }
  return { stat, bytes: from.bytes(length) };
}

function digestBytes(digest: string): Uint8Array {
  const bytes = Uint8Array.fromHex(digest);
  if (bytes.length !== DIGEST_BYTES) throw new RangeError(`Cannot encode a digest of ${bytes.length} bytes`);
  return bytes;
}
