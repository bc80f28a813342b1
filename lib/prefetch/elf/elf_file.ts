import { type ByteString, byteString } from "../../bytes/mod.ts";
import { StringTable } from "./string_table.ts";

/** Bytes of the file, fewer at its end; undefined where it cannot be read. */
export type ReadRange = (offset: number, length: number) => Uint8Array | undefined;

/** What the loader needs to know of an executable or a library (`elf.h`). */
export interface ElfFile {
  readonly bits: 32 | 64;
  /** e_machine: EM_X86_64 62, EM_AARCH64 183, EM_386 3 … */
  readonly machine: number;
  /** PT_INTERP. */
  readonly interpreter: ByteString | undefined;
  /** DT_NEEDED, in order. */
  readonly needed: readonly ByteString[];
  readonly soname: ByteString | undefined;
  /** DT_RPATH; undefined where there is a DT_RUNPATH, then the loader does not heed it. */
  readonly rpath: ByteString | undefined;
  readonly runpath: ByteString | undefined;
  /** DF_1_NODEFLIB: the loader's default directories are not for this one. */
  readonly noDefaultLibraries: boolean;
  /** The names of symbols that it defines or uses. */
  readonly strings: StringTable;
  /** Segments in memory. */
  readonly segments: readonly Segment[];
}

/** PT_LOAD: where in the file a part of the memory image is. */
export interface Segment {
  readonly offset: number;
  readonly address: number;
  /** Bytes in the file. */
  readonly size: number;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
}

/** An entry of the program header table. */
interface ProgramHeader extends Segment {
  readonly type: number;
}

/** The header and, nearly always, the program headers. */
const HEAD_BYTES = 1024;
/** Of a 32-bit file's header; a 64-bit one's is 64. Nothing smaller can be executed. */
const HEADER_BYTES = 52;
const MAX_PROGRAM_HEADERS = 256;
/** Bytes. */
const MAX_DYNAMIC = 1 << 16;
const MAX_PATH = 4096;
const nothing = new Uint8Array(0);

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_FLAGS_1 = 0x6ffffffb;
const DF_1_NODEFLIB = 0x800;

/** Takes a little-endian ELF file apart; undefined for anything else. Of a malformed file, what can be made out. */
export function readElf(read: ReadRange): ElfFile | undefined {
  const head = read(0, HEAD_BYTES);
  if (head === undefined || head.length < HEADER_BYTES || !isLittleEndianElf(head)) return undefined;
  const bits = head[4] === 1 ? 32 : 64;
  const machine = new Words(head, bits).u16(18);
  const from = (offset: number, size: number) =>
    offset + size <= head.length ? head.subarray(offset, offset + size) : read(offset, size) ?? nothing;
  const headers = programHeaders(new Words(head, bits), from);
  const segments = headers.filter((header) => header.type === PT_LOAD);
  const interpreter = headers.find((header) => header.type === PT_INTERP);
  const dynamic = headers.find((header) => header.type === PT_DYNAMIC);
  const tags = dynamicTags(
    new Words(dynamic ? from(dynamic.offset, Math.min(dynamic.size, MAX_DYNAMIC)) : nothing, bits),
  );
  const strings = new StringTable(read, fileOffset(tags.stringTable, segments), tags.stringTableSize);
  return {
    bits,
    machine,
    interpreter: interpreter && cString(from(interpreter.offset, Math.min(interpreter.size, MAX_PATH))),
    needed: tags.needed.map((offset) => strings.at(offset)).filter(isName),
    soname: string(strings, tags.soname),
    rpath: tags.runpath === undefined ? string(strings, tags.rpath) : undefined,
    runpath: string(strings, tags.runpath),
    noDefaultLibraries: (tags.flags & DF_1_NODEFLIB) !== 0,
    strings,
    segments,
  };
}

function isLittleEndianElf(head: Uint8Array): boolean {
  const magic = head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
  const [elfClass, encoding] = [head[4], head[5]];
  return magic && (elfClass === 1 || elfClass === 2) && encoding === 1;
}

/** Words of a file whose pointers have `bits` bits; what lies beyond the end is 0. */
class Words {
  readonly bits: 32 | 64;
  /** Bytes. */
  readonly length: number;
  readonly #view: DataView;

  constructor(data: Uint8Array, bits: 32 | 64) {
    this.bits = bits;
    this.length = data.length;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  u16(at: number): number {
    return at + 2 <= this.length ? this.#view.getUint16(at, true) : 0;
  }

  u32(at: number): number {
    return at + 4 <= this.length ? this.#view.getUint32(at, true) : 0;
  }

  /** An address, an offset or a size. From 2^53 on they come out inexact: they lead out of any file. */
  word(at: number): number {
    return this.bits === 32 ? this.u32(at) : this.u32(at) + this.u32(at + 4) * 0x1_0000_0000;
  }
}

function programHeaders(head: Words, from: (offset: number, size: number) => Uint8Array): ProgramHeader[] {
  const is32 = head.bits === 32;
  const offset = head.word(is32 ? 28 : 32);
  const entrySize = head.u16(is32 ? 42 : 54);
  const entries = Math.min(head.u16(is32 ? 44 : 56), MAX_PROGRAM_HEADERS);
  const table = new Words(from(offset, entries * entrySize), head.bits);
  const headers: ProgramHeader[] = [];
  if (entrySize < (is32 ? 32 : 56)) return headers;
  for (let at = 0; at + entrySize <= table.length; at += entrySize) {
    const type = table.u32(at);
    if (type !== PT_LOAD && type !== PT_DYNAMIC && type !== PT_INTERP) continue;
    headers.push({
      type,
      flags: table.u32(at + (is32 ? 24 : 4)),
      offset: table.word(at + (is32 ? 4 : 8)),
      address: table.word(at + (is32 ? 8 : 16)),
      size: table.word(at + (is32 ? 16 : 32)),
    });
  }
  return headers;
}

/** What the dynamic section says; names are offsets in the string table. */
interface DynamicTags {
  readonly needed: number[];
  soname?: number;
  rpath?: number;
  runpath?: number;
  /** An address. */
  stringTable?: number;
  stringTableSize: number;
  flags: number;
}

function dynamicTags(section: Words): DynamicTags {
  const tags: DynamicTags = { needed: [], stringTableSize: 0, flags: 0 };
  const size = section.bits / 8;
  for (let at = 0; at + 2 * size <= section.length; at += 2 * size) {
    const tag = section.u32(at);
    if (tag === DT_NULL) break;
    if (tag > DT_RUNPATH && tag !== DT_FLAGS_1) continue;
    const value = section.word(at + size);
    if (tag === DT_NEEDED) tags.needed.push(value);
    else if (tag === DT_SONAME) tags.soname = value;
    else if (tag === DT_RPATH) tags.rpath = value;
    else if (tag === DT_RUNPATH) tags.runpath = value;
    else if (tag === DT_STRTAB) tags.stringTable = value;
    else if (tag === DT_STRSZ) tags.stringTableSize = value;
    else if (tag === DT_FLAGS_1) tags.flags = value;
  }
  return tags;
}

/** Where in the file the byte is that will be at `address`. */
function fileOffset(address: number | undefined, segments: readonly Segment[]): number | undefined {
  if (address === undefined) return undefined;
  const segment = segments.find((one) => address >= one.address && address < one.address + one.size);
  return segment && segment.offset + (address - segment.address);
}

function string(strings: StringTable, offset: number | undefined): ByteString | undefined {
  return offset === undefined ? undefined : strings.at(offset);
}

function cString(data: Uint8Array): ByteString {
  const end = data.indexOf(0);
  return byteString(data, 0, end < 0 ? data.length : end);
}

function isName(name: ByteString | undefined): name is ByteString {
  return name !== undefined && name !== "";
}
