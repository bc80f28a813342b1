import { type ByteString, DecodeError, Reader, Writer } from "../bytes/mod.ts";
import type { StatFs } from "../linux/mod.ts";
import { type FileAttr, readStat, writeStat } from "./attributes.ts";
import { readName, readTarget, whole } from "./file.ts";

/** From here on `id` stands for the directory `name` in `parent`, which must be this inode. */
export interface BindIn {
  readonly id: number;
  readonly parent: number;
  readonly name: ByteString;
  readonly dev: number;
  readonly ino: bigint;
}

/** u32 id, u32 parent, u64 dev, u64 ino, string16 name. */
export function encodeBind(message: BindIn): Uint8Array {
  return new Writer(48).u32(message.id).u32(message.parent).u53(message.dev).u64(message.ino).string16(message.name)
    .finish();
}

export function decodeBind(body: Uint8Array): BindIn {
  return whole(body, (from) => ({
    id: from.u32(),
    parent: from.u32(),
    dev: from.u53(),
    ino: from.u64(),
    name: readName(from),
  }));
}

/** A part of a listing: what comes after `cookie` (0n: from the start), in about `budget` bytes of reply. */
export interface ReadDirIn {
  readonly dir: number;
  readonly cookie: bigint;
  readonly budget: number;
}

/** Most bytes of one page. */
export const MAX_PAGE = 1 << 18;

/** What a page may have beyond its budget, in bytes: a single entry, with a name, attributes and a target of any length. */
export const MAX_ENTRY = 10_000;

/** u32 dir, u64 cookie, u32 budget. */
export function encodeReadDir(message: ReadDirIn): Uint8Array {
  return new Writer(16).u32(message.dir).u64(message.cookie).u32(message.budget).finish();
}

export function decodeReadDir(body: Uint8Array): ReadDirIn {
  return whole(body, (from) => {
    const message = { dir: from.u32(), cookie: from.u64(), budget: from.u32() };
    if (message.budget > MAX_PAGE) throw new DecodeError(`Cannot decode a listing: ${message.budget} bytes at once`);
    return message;
  });
}

/** An entry of a listing. `.` and `..` are not sent. */
export interface PageEntry {
  readonly name: ByteString;
  readonly ino: bigint;
  /** DT_* */
  readonly type: number;
  /** Where the listing goes on after this entry; never 0n. */
  readonly cookie: bigint;
  /** Absent when the entry was gone before it could be looked at. */
  readonly stat?: FileAttr;
  /** Of a symbolic link. */
  readonly target?: ByteString;
}

/** What a page says of an entry beside its name, number and cookie. */
const Has = { STAT: 1, TARGET: 2, ALL: 3 } as const;

/** `end`: nothing comes after these. */
export interface DirPage {
  readonly entries: readonly PageEntry[];
  readonly end: boolean;
}

/**
 * u8 end, u32 count, then an entry each: u64 ino, u64 cookie, u8 type, u8 what follows the name (1 Stat, 2 target),
 * string16 name, Stat, string16 target.
 */
export function encodePage(page: DirPage): Uint8Array {
  const to = new Writer(5 + page.entries.length * 146).u8(page.end ? 1 : 0).u32(page.entries.length);
  for (const entry of page.entries) {
    const { stat, target } = entry;
    const has = (stat === undefined ? 0 : Has.STAT) | (target === undefined ? 0 : Has.TARGET);
    to.u64(entry.ino).u64(entry.cookie).u8(entry.type).u8(has).string16(entry.name);
    if (stat !== undefined) writeStat(to, stat);
    if (target !== undefined) to.string16(target);
  }
  return to.finish();
}

export function decodePage(body: Uint8Array): DirPage {
  return whole(body, (from) => {
    const end = from.u8() === 1;
    const count = from.u32();
    const entries: PageEntry[] = [];
    // No array of `count` beforehand: the number comes from outside, and each entry proves itself by its bytes.
    for (let i = 0; i < count; i++) {
      const ino = from.u64();
      const cookie = from.u64();
      const type = from.u8();
      const has = from.u8();
      if ((has & ~Has.ALL) !== 0) throw new DecodeError(`Cannot decode a page: an entry with ${has}`);
      const name = readName(from);
      const stat = has & Has.STAT ? readStat(from) : undefined;
      const target = has & Has.TARGET ? readTarget(from) : undefined;
      entries.push({ ino, cookie, type, name, stat, target });
    }
    // Whoever goes on after the last entry would ask for the same page forever.
    if (!end && count === 0) throw new DecodeError("Cannot decode a page: nothing in it, and more to come");
    return { entries, end };
  });
}

/** u64 each: blocks, bfree, bavail, files, ffree; u32 each: type, bsize, namelen, frsize. */
export function encodeStatFs(stat: StatFs): Uint8Array {
  return new Writer(56).u53(stat.blocks).u53(stat.bfree).u53(stat.bavail).u53(stat.files).u53(stat.ffree)
    .u32(stat.type).u32(stat.bsize).u32(stat.namelen).u32(stat.frsize).finish();
}

export function decodeStatFs(body: Uint8Array): StatFs {
  return whole(body, (from) => ({
    blocks: from.u53(),
    bfree: from.u53(),
    bavail: from.u53(),
    files: from.u53(),
    ffree: from.u53(),
    type: from.u32(),
    bsize: from.u32(),
    namelen: from.u32(),
    frsize: from.u32(),
  }));
}

/** Stat as a whole message. */
export function encodeStat(stat: FileAttr): Uint8Array {
  return writeStat(new Writer(112), stat).finish();
}

export function decodeStat(body: Uint8Array): FileAttr {
  return whole(body, readStat);
}

/** The answer to a lookup: a symbolic link's target comes with it. */
export interface LookupOut {
  readonly stat: FileAttr;
  readonly target?: ByteString;
}

/** Stat, then string16 target if it is a symbolic link. */
export function encodeLookupOut(found: LookupOut): Uint8Array {
  const to = writeStat(new Writer(128), found.stat);
  if (found.target !== undefined) to.string16(found.target);
  return to.finish();
}

export function decodeLookupOut(body: Uint8Array): LookupOut {
  return whole(body, (from) => ({ stat: readStat(from), target: from.left > 0 ? readTarget(from) : undefined }));
}

/** What became of a name; without `found` it is gone. */
export interface ChangedNote {
  readonly dir: number;
  readonly name: ByteString;
  readonly found?: LookupOut;
}

/** u32 dir, string16 name, u8: 1 and a LookupOut, or 0. */
export function encodeChanged({ dir, name, found }: ChangedNote): Uint8Array {
  const to = new Writer(160).u32(dir).string16(name).u8(found === undefined ? 0 : 1);
  return (found === undefined ? to : to.bytes(encodeLookupOut(found))).finish();
}

export function decodeChanged(body: Uint8Array): ChangedNote {
  const from = new Reader(body);
  const note = { dir: from.u32(), name: readName(from) };
  if (from.u8() === 1) return { ...note, found: decodeLookupOut(from.rest()) };
  from.end();
  return note;
}

/** What became of a directory that the agent has bound. */
export interface DirectoryChangedNote {
  readonly dir: number;
  readonly stat: FileAttr;
}

/** u32 dir, Stat. */
export function encodeDirectoryChanged({ dir, stat }: DirectoryChangedNote): Uint8Array {
  return writeStat(new Writer(128).u32(dir), stat).finish();
}

export function decodeDirectoryChanged(body: Uint8Array): DirectoryChangedNote {
  return whole(body, (from) => ({ dir: from.u32(), stat: readStat(from) }));
}

/** The answer to a write: bytes taken, and the attributes after it, so that the agent can tell its own changes from others. */
export interface WriteOut {
  readonly written: number;
  readonly stat: FileAttr;
}

/** u32 written, Stat. */
export function encodeWritten(message: WriteOut): Uint8Array {
  return writeStat(new Writer(112).u32(message.written), message.stat).finish();
}

export function decodeWritten(body: Uint8Array): WriteOut {
  return whole(body, (from) => ({ written: from.u32(), stat: readStat(from) }));
}
