import { DecodeError, Writer } from "../bytes/mod.ts";
import { type FileAttr, readStat, writeStat } from "./attributes.ts";
import { whole } from "./file.ts";

/** A range of an open file to make room for, or to make a hole or zeros of: fallocate(2). */
export interface AllocateIn {
  readonly fh: number;
  readonly offset: number;
  readonly length: number;
  /** FALLOC_FL_* */
  readonly mode: number;
}

/** u32 handle, u64 offset, u64 length, u32 mode. */
export function encodeAllocate(message: AllocateIn): Uint8Array {
  return new Writer(24).u32(message.fh).u53(message.offset).u53(message.length).u32(message.mode).finish();
}

export function decodeAllocate(body: Uint8Array): AllocateIn {
  return whole(body, (from) => ({ fh: from.u32(), offset: from.u53(), length: from.u53(), mode: from.u32() }));
}

/** Looks for data (SEEK_DATA 3) or a hole (SEEK_HOLE 4) at or behind `offset`: lseek(2). */
export interface SeekIn {
  readonly fh: number;
  readonly offset: number;
  readonly whence: number;
}

/** u32 handle, u64 offset, u8 whence. */
export function encodeSeek(message: SeekIn): Uint8Array {
  return new Writer(16).u32(message.fh).u53(message.offset).u8(message.whence).finish();
}

export function decodeSeek(body: Uint8Array): SeekIn {
  return whole(body, (from) => {
    const message = { fh: from.u32(), offset: from.u53(), whence: from.u8() };
    if (message.whence !== 3 && message.whence !== 4) {
      throw new DecodeError(`Cannot decode a search in a file: whence ${message.whence}`);
    }
    return message;
  });
}

/** u64: a position in a file. */
export function encodePosition(position: number): Uint8Array {
  return new Writer(8).u53(position).finish();
}

export function decodePosition(body: Uint8Array): number {
  return whole(body, (from) => from.u53());
}

/** Bytes of one open file to be copied into another (or the same): copy_file_range(2). */
export interface CopyIn {
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset: number;
  readonly length: number;
}

/** u32 handle, u64 offset, u32 handle of the target, u64 offset in it, u64 length. */
export function encodeCopy(message: CopyIn): Uint8Array {
  return new Writer(32).u32(message.from).u53(message.fromOffset).u32(message.to).u53(message.toOffset)
    .u53(message.length).finish();
}

export function decodeCopy(body: Uint8Array): CopyIn {
  return whole(body, (from) => ({
    from: from.u32(),
    fromOffset: from.u53(),
    to: from.u32(),
    toOffset: from.u53(),
    length: from.u53(),
  }));
}

/** Bytes copied, perhaps fewer than wanted (0 at the end of the file), and the target's attributes after it. */
export interface CopyOut {
  readonly copied: number;
  readonly stat: FileAttr;
}

/** u64 copied, Stat. */
export function encodeCopied(message: CopyOut): Uint8Array {
  return writeStat(new Writer(120).u53(message.copied), message.stat).finish();
}

export function decodeCopied(body: Uint8Array): CopyOut {
  return whole(body, (from) => ({ copied: from.u53(), stat: readStat(from) }));
}
