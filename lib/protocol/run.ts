import { type ByteString, DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import type { Stat } from "../linux/mod.ts";
import { readStat, writeStat } from "./attributes.ts";
import { whole } from "./file.ts";

/** struct winsize (`asm-generic/termios.h`). */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
  readonly xPixels: number;
  readonly yPixels: number;
}

/** The local terminal as the command's terminal starts out. */
export interface Terminal {
  readonly window: WindowSize;
  /** struct termios of TCGETS, as the kernel has it (both sides are the same architecture). */
  readonly termios: Uint8Array;
}

/** Everything about the command that is as it would be locally. */
export interface RunIn {
  /** The executable, as found in the local PATH: absolute, or relative to `cwd`. */
  readonly path: ByteString;
  readonly argv: readonly ByteString[];
  /** `NAME=value` each. */
  readonly env: readonly ByteString[];
  readonly cwd: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly umask: number;
  readonly nofile: { readonly soft: number; readonly hard: number };
  /** Present when the command gets a terminal. */
  readonly terminal?: Terminal;
  /** Attributes of the exported root. */
  readonly root: Stat;
  /** How many numbers of directories the local side can hold at a time. */
  readonly directories: number;
}

/** Limits on what is decoded: as the kernel's own (ARG_MAX is 2 MiB by default, one string at most 128 KiB). */
const MAX_STRINGS = 1 << 20;
const MAX_GROUPS = 65536;
const MAX_TERMIOS = 256;
/** Less would have them given up and asked for anew all the time. */
const MIN_DIRECTORIES = 64;

/**
 * string32 path, list argv, list env, string32 cwd, u32 uid, u32 gid, u32 count and u32 each groups, u32 umask, u64 soft,
 * u64 hard, Stat root, u32 directories, u8 terminal, then WindowSize and u16 length and bytes of termios. A list is u32
 * count, string32 each.
 * Limits beyond 2^53 (RLIM_INFINITY) travel as 2^53 - 1.
 */
export function encodeRun(message: RunIn): Uint8Array {
  const to = new Writer(4096).string32(message.path);
  writeList(to, message.argv);
  writeList(to, message.env);
  to.string32(message.cwd).u32(message.uid).u32(message.gid).u32(message.groups.length);
  for (const group of message.groups) to.u32(group);
  to.u32(message.umask).u53(message.nofile.soft).u53(message.nofile.hard);
  writeStat(to, message.root).u32(message.directories).u8(message.terminal ? 1 : 0);
  if (message.terminal) {
    writeWindow(to, message.terminal.window).u16(message.terminal.termios.length).bytes(message.terminal.termios);
  }
  return to.finish();
}

export function decodeRun(body: Uint8Array): RunIn {
  return whole(body, (from) => ({
    path: from.string32(),
    argv: readList(from),
    env: readList(from),
    cwd: from.string32(),
    uid: from.u32(),
    gid: from.u32(),
    groups: readGroups(from),
    umask: from.u32() & 0o777,
    nofile: { soft: from.u53(), hard: from.u53() },
    root: readStat(from),
    directories: Math.max(from.u32(), MIN_DIRECTORIES),
    terminal: from.u8() === 1 ? readTerminal(from) : undefined,
  }));
}

function writeList(to: Writer, list: readonly ByteString[]): void {
  to.u32(list.length);
  for (const item of list) to.string32(item);
}

function readList(from: Reader): ByteString[] {
  const count = from.u32();
  if (count > MAX_STRINGS) throw new DecodeError(`Cannot decode a command: ${count} strings`);
  const list: ByteString[] = [];
  for (let i = 0; i < count; i++) {
    const item = from.string32();
    if (item.includes("\0")) throw new DecodeError("Cannot decode a command: a string with a NUL");
    list.push(item);
  }
  return list;
}

function readGroups(from: Reader): number[] {
  const count = from.u32();
  if (count > MAX_GROUPS) throw new DecodeError(`Cannot decode a command: ${count} groups`);
  return Array.from({ length: count }, () => from.u32());
}

function readTerminal(from: Reader): Terminal {
  const window = readWindow(from);
  const length = from.u16();
  if (length > MAX_TERMIOS) throw new DecodeError(`Cannot decode a terminal: ${length} bytes of settings`);
  return { window, termios: from.bytes(length).slice() };
}

function writeWindow(to: Writer, window: WindowSize): Writer {
  return to.u16(window.rows).u16(window.columns).u16(window.xPixels).u16(window.yPixels);
}

function readWindow(from: Reader): WindowSize {
  return { rows: from.u16(), columns: from.u16(), xPixels: from.u16(), yPixels: from.u16() };
}

/** How the command ended. */
export type RunOut =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "signaled"; readonly signal: number }
  /** execve said this errno: the status is 127 or 126, as a shell would have it. */
  | { readonly kind: "notExecuted"; readonly errno: number }
  /** outrun itself failed before or after the command; `message` says what and what to do. */
  | { readonly kind: "failed"; readonly message: string };

/** u8 kind, u32 value (status, signal, errno or 0), string32 message. */
export function encodeRunOut(result: RunOut): Uint8Array {
  const to = new Writer(16);
  switch (result.kind) {
    case "exited":
      return to.u8(0).u32(result.status).u32(0).finish();
    case "signaled":
      return to.u8(1).u32(result.signal).u32(0).finish();
    case "notExecuted":
      return to.u8(2).u32(result.errno).u32(0).finish();
    case "failed": {
      const text = new TextEncoder().encode(result.message);
      return to.u8(3).u32(0).u32(text.length).bytes(text).finish();
    }
  }
}

export function decodeRunOut(body: Uint8Array): RunOut {
  return whole(body, (from): RunOut => {
    const kind = from.u8();
    const value = from.u32();
    const message = new TextDecoder().decode(from.bytes(from.u32()));
    switch (kind) {
      case 0:
        return { kind: "exited", status: value & 0xff };
      case 1:
        return { kind: "signaled", signal: value & 0x7f };
      case 2:
        return { kind: "notExecuted", errno: value };
      case 3:
        return { kind: "failed", message };
    }
    throw new DecodeError(`Cannot decode how the command ended: kind ${kind}`);
  });
}

/** Who gets a signal: the command's process, or its process group (what a key on a terminal does). */
export interface SignalNote {
  readonly signal: number;
  readonly group: boolean;
}

/** u8 signal, u8 group. */
export function encodeSignal(note: SignalNote): Uint8Array {
  return new Writer(2).u8(note.signal).u8(note.group ? 1 : 0).finish();
}

export function decodeSignal(body: Uint8Array): SignalNote {
  return whole(body, (from) => {
    const signal = from.u8();
    if (signal < 1 || signal > 64) throw new DecodeError(`Cannot decode a signal: ${signal}`);
    return { signal, group: from.u8() === 1 };
  });
}

/** u16 each: rows, columns, xPixels, yPixels. */
export function encodeWindow(window: WindowSize): Uint8Array {
  return writeWindow(new Writer(8), window).finish();
}

export function decodeWindow(body: Uint8Array): WindowSize {
  return whole(body, readWindow);
}
