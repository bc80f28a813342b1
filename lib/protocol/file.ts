import { type ByteString, DecodeError, Reader, Writer } from "../bytes/mod.ts";
import { MAX_TRANSFER } from "./operations.ts";

/** How a request names a file. */
export type FileRef =
  | NamedRef
  /** What is open under this handle. */
  | { readonly kind: "handle"; readonly fh: number }
  /** The directory itself. */
  | { readonly kind: "directory"; readonly dir: number };

/** A name in a directory, and the inode it must stand for (else ESTALE), or {@link ANY_INODE}. */
export interface NamedRef {
  readonly kind: "name";
  readonly dir: number;
  readonly name: ByteString;
  readonly dev: number;
  readonly ino: bigint;
}

/** In place of an inode: whatever has the name. For what was made in the log, where names stay what they were made. */
export const ANY_INODE = 0n;

/** u8 kind, then: 0 u32 dir, u64 dev, u64 ino, string16 name · 1 u32 handle · 2 u32 dir. */
export function writeRef(to: Writer, ref: FileRef): Writer {
  switch (ref.kind) {
    case "name":
      return to.u8(0).u32(ref.dir).u53(ref.dev).u64(ref.ino).string16(ref.name);
    case "handle":
      return to.u8(1).u32(ref.fh);
    case "directory":
      return to.u8(2).u32(ref.dir);
  }
}

export function readRef(from: Reader): FileRef {
  const kind = from.u8();
  switch (kind) {
    case 0:
      return { kind: "name", dir: from.u32(), dev: from.u53(), ino: from.u64(), name: readName(from) };
    case 1:
      return { kind: "handle", fh: from.u32() };
    case 2:
      return { kind: "directory", dir: from.u32() };
  }
  throw new DecodeError(`Cannot decode a file reference: kind ${kind}`);
}

/** Most bytes of a name that fits a path. File systems take fewer, mostly 255, and say so themselves (ENAMETOOLONG). */
const MAX_NAME = 4095;

/** A single path component: 1 to 4095 bytes, no NUL, no slash, not `.` or `..`. */
export function readName(from: Reader): ByteString {
  const name = from.string16();
  if (name.length === 0 || name.length > MAX_NAME || name === "." || name === ".." || /[\0/]/.test(name)) {
    throw new DecodeError(`Cannot decode a name: ${JSON.stringify(name.slice(0, 255))} is not one`);
  }
  return name;
}

/** A symbolic link's target: 1 to 4095 bytes, no NUL. */
export function readTarget(from: Reader): ByteString {
  const target = from.string16();
  if (target.length === 0 || target.length > 4095 || target.includes("\0")) {
    throw new DecodeError("Cannot decode a link's target: empty, longer than 4095 bytes, or with a NUL");
  }
  return target;
}

/** The answer to READLINK, which is a target and nothing else; under the same rules. A view. */
export function takeTarget(body: Uint8Array): Uint8Array {
  if (body.length === 0 || body.length > 4095 || body.includes(0)) {
    throw new DecodeError("Cannot decode a link's target: empty, longer than 4095 bytes, or with a NUL");
  }
  return body;
}

/** u32 dir, string16 name. */
export interface NameIn {
  readonly dir: number;
  readonly name: ByteString;
}

export function encodeName(message: NameIn): Uint8Array {
  return new Writer(32).u32(message.dir).string16(message.name).finish();
}

export function decodeName(body: Uint8Array): NameIn {
  return whole(body, (from) => ({ dir: from.u32(), name: readName(from) }));
}

export function encodeRef(ref: FileRef): Uint8Array {
  return writeRef(new Writer(48), ref).finish();
}

export function decodeRef(body: Uint8Array): FileRef {
  return whole(body, readRef);
}

/** u32: a handle or a directory number. */
export function encodeNumber(value: number): Uint8Array {
  return new Writer(4).u32(value).finish();
}

export function decodeNumber(body: Uint8Array): number {
  return whole(body, (from) => from.u32());
}

/** A time to set: seconds and nanoseconds (UTIME_OMIT and UTIME_NOW of utimensat(2) included). */
export interface SetTime {
  readonly sec: number;
  readonly nsec: number;
}

/** What is to change; what is absent stays. */
export interface SetAttrIn {
  readonly ref: FileRef;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: SetTime;
  readonly mtime?: SetTime;
}

/** Bits that say which fields follow. */
const Valid = { MODE: 1, UID: 2, GID: 4, SIZE: 8, ATIME: 16, MTIME: 32, ALL: 63 } as const;

/** FileRef, u8 valid, then those present: u32 mode, u32 uid, u32 gid, u64 size, i64 + u32 atime, i64 + u32 mtime. */
export function encodeSetAttr(message: SetAttrIn): Uint8Array {
  const { mode, uid, gid, size, atime, mtime } = message;
  let valid = 0;
  if (mode !== undefined) valid |= Valid.MODE;
  if (uid !== undefined) valid |= Valid.UID;
  if (gid !== undefined) valid |= Valid.GID;
  if (size !== undefined) valid |= Valid.SIZE;
  if (atime !== undefined) valid |= Valid.ATIME;
  if (mtime !== undefined) valid |= Valid.MTIME;
  const to = writeRef(new Writer(96), message.ref).u8(valid);
  if (mode !== undefined) to.u32(mode);
  if (uid !== undefined) to.u32(uid);
  if (gid !== undefined) to.u32(gid);
  if (size !== undefined) to.u53(size);
  if (atime !== undefined) to.i53(atime.sec).u32(atime.nsec);
  if (mtime !== undefined) to.i53(mtime.sec).u32(mtime.nsec);
  return to.finish();
}

export function decodeSetAttr(body: Uint8Array): SetAttrIn {
  return whole(body, (from) => {
    const ref = readRef(from);
    const valid = from.u8();
    if ((valid & ~Valid.ALL) !== 0) throw new DecodeError(`Cannot decode a change of attributes: bits ${valid}`);
    const time = () => ({ sec: from.i53(), nsec: from.u32() });
    return {
      ref,
      mode: valid & Valid.MODE ? from.u32() & 0o7777 : undefined,
      uid: valid & Valid.UID ? from.u32() : undefined,
      gid: valid & Valid.GID ? from.u32() : undefined,
      size: valid & Valid.SIZE ? from.u53() : undefined,
      atime: valid & Valid.ATIME ? time() : undefined,
      mtime: valid & Valid.MTIME ? time() : undefined,
    };
  });
}

/** u32 dir, string16 name, string16 target. */
export interface SymlinkIn extends NameIn {
  readonly target: ByteString;
}

export function encodeSymlink(message: SymlinkIn): Uint8Array {
  return new Writer().u32(message.dir).string16(message.name).string16(message.target).finish();
}

export function decodeSymlink(body: Uint8Array): SymlinkIn {
  return whole(body, (from) => ({ dir: from.u32(), name: readName(from), target: readTarget(from) }));
}

/**
 * u32 dir, string16 name, u32 mode (with the type bits for MKNOD), u32 umask, u32 rdev. The umask is of the program that
 * asks: the local kernel takes it off, unless the directory has a default ACL.
 */
export interface MakeIn extends NameIn {
  readonly mode: number;
  readonly umask: number;
  readonly rdev: number;
}

export function encodeMake(message: MakeIn): Uint8Array {
  return new Writer(48).u32(message.dir).string16(message.name).u32(message.mode).u32(message.umask).u32(message.rdev)
    .finish();
}

export function decodeMake(body: Uint8Array): MakeIn {
  return whole(body, (from) => ({
    dir: from.u32(),
    name: readName(from),
    mode: from.u32(),
    umask: from.u32() & 0o777,
    rdev: from.u32(),
  }));
}

/** u32 dir, string16 name, u32 toDir, string16 toName, u32 flags (renameat2). */
export interface RenameIn extends NameIn {
  readonly toDir: number;
  readonly toName: ByteString;
  readonly flags: number;
}

export function encodeRename(message: RenameIn): Uint8Array {
  return new Writer().u32(message.dir).string16(message.name).u32(message.toDir).string16(message.toName)
    .u32(message.flags).finish();
}

export function decodeRename(body: Uint8Array): RenameIn {
  return whole(body, (from) => ({
    dir: from.u32(),
    name: readName(from),
    toDir: from.u32(),
    toName: readName(from),
    flags: from.u32(),
  }));
}

/** FileRef of the file, u32 toDir, string16 toName. */
export interface LinkIn {
  readonly ref: FileRef;
  readonly toDir: number;
  readonly toName: ByteString;
}

export function encodeLink(message: LinkIn): Uint8Array {
  return writeRef(new Writer(), message.ref).u32(message.toDir).string16(message.toName).finish();
}

export function decodeLink(body: Uint8Array): LinkIn {
  return whole(body, (from) => ({ ref: readRef(from), toDir: from.u32(), toName: readName(from) }));
}

/** FileRef, u32 handle chosen by the agent, u32 flags of open(2). */
export interface OpenIn {
  readonly ref: FileRef;
  readonly fh: number;
  readonly flags: number;
}

export function encodeOpen(message: OpenIn): Uint8Array {
  return writeRef(new Writer(56), message.ref).u32(message.fh).u32(message.flags).finish();
}

export function decodeOpen(body: Uint8Array): OpenIn {
  return whole(body, (from) => ({ ref: readRef(from), fh: from.u32(), flags: from.u32() }));
}

/** A new file that is opened at once, without a name. u32 dir, u32 handle, u32 flags, u32 mode, u32 umask (see MakeIn). */
export interface TmpFileIn {
  readonly dir: number;
  readonly fh: number;
  readonly flags: number;
  readonly mode: number;
  readonly umask: number;
}

export function encodeTmpFile(message: TmpFileIn): Uint8Array {
  return writeTmpFile(new Writer(24), message).finish();
}

export function decodeTmpFile(body: Uint8Array): TmpFileIn {
  return whole(body, readTmpFile);
}

function writeTmpFile(to: Writer, message: TmpFileIn): Writer {
  return to.u32(message.dir).u32(message.fh).u32(message.flags).u32(message.mode).u32(message.umask);
}

function readTmpFile(from: Reader): TmpFileIn {
  return {
    dir: from.u32(),
    fh: from.u32(),
    flags: from.u32(),
    mode: from.u32() & 0o7777,
    umask: from.u32() & 0o777,
  };
}

/** TmpFileIn, string16 name. */
export interface CreateIn extends TmpFileIn {
  readonly name: ByteString;
}

export function encodeCreate(message: CreateIn): Uint8Array {
  return writeTmpFile(new Writer(56), message).string16(message.name).finish();
}

export function decodeCreate(body: Uint8Array): CreateIn {
  return whole(body, (from) => ({ ...readTmpFile(from), name: readName(from) }));
}

/** u32 handle, u64 offset, u32 size (at most MAX_TRANSFER). */
export interface ReadIn {
  readonly fh: number;
  readonly offset: number;
  readonly size: number;
}

export function encodeRead(message: ReadIn): Uint8Array {
  return new Writer(16).u32(message.fh).u53(message.offset).u32(message.size).finish();
}

export function decodeRead(body: Uint8Array): ReadIn {
  return whole(body, (from) => {
    const message = { fh: from.u32(), offset: from.u53(), size: from.u32() };
    if (message.size > MAX_TRANSFER) throw new DecodeError(`Cannot decode a read: ${message.size} bytes at once`);
    return message;
  });
}

/** u32 handle, u64 offset; the data follows as the call's bulk data. */
export interface WriteIn {
  readonly fh: number;
  readonly offset: number;
}

export function encodeWrite(message: WriteIn): Uint8Array {
  return new Writer(12).u32(message.fh).u53(message.offset).finish();
}

/** `data` is a view of `body`. */
export function decodeWrite(body: Uint8Array): WriteIn & { data: Uint8Array } {
  const from = new Reader(body);
  const message = { fh: from.u32(), offset: from.u53(), data: from.rest() };
  if (message.data.length > MAX_TRANSFER) throw new DecodeError(`Cannot decode a write: ${message.data.length} bytes`);
  return message;
}

/** u32 handle or directory number, u8: 1 when only the data matters (fdatasync). */
export interface SyncIn {
  readonly id: number;
  readonly dataOnly: boolean;
}

export function encodeSync(message: SyncIn): Uint8Array {
  return new Writer(5).u32(message.id).u8(message.dataOnly ? 1 : 0).finish();
}

export function decodeSync(body: Uint8Array): SyncIn {
  return whole(body, (from) => ({ id: from.u32(), dataOnly: from.u8() === 1 }));
}

/** FileRef, u32 mask of access(2). */
export interface AccessIn {
  readonly ref: FileRef;
  readonly mask: number;
}

export function encodeAccess(message: AccessIn): Uint8Array {
  return writeRef(new Writer(48), message.ref).u32(message.mask).finish();
}

export function decodeAccess(body: Uint8Array): AccessIn {
  return whole(body, (from) => {
    const message = { ref: readRef(from), mask: from.u32() };
    if (message.mask > 7) throw new DecodeError(`Cannot decode an access check: mask ${message.mask}`);
    return message;
  });
}

/** u32 uid, u32 gid. */
export interface OwnerNote {
  readonly uid: number;
  readonly gid: number;
}

export function encodeOwner(note: OwnerNote): Uint8Array {
  return new Writer(8).u32(note.uid).u32(note.gid).finish();
}

export function decodeOwner(body: Uint8Array): OwnerNote {
  return whole(body, (from) => ({ uid: from.u32(), gid: from.u32() }));
}

/** Decodes all of `body`: a tail is an error. */
export function whole<T>(body: Uint8Array, decode: (from: Reader) => T): T {
  const from = new Reader(body);
  const message = decode(from);
  from.end();
  return message;
}
