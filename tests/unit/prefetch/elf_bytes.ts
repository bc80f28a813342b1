/** What a file for tests says of itself. */
export interface ElfOptions {
  readonly bits?: 32 | 64;
  /** e_machine; x86-64 unless given. */
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** DT_FLAGS_1 */
  readonly flags?: number;
  /** Further strings of the table: names of symbols. */
  readonly symbols?: readonly string[];
  /** Bytes that are constants (a read-only segment). */
  readonly constants?: string;
}

const STRINGS = 0x400;
const ADDRESS = 0x10000;

/** An ELF file: header, program headers, interpreter, dynamic section, and from 0x400 on the string table. */
export function makeElf(options: ElfOptions = {}): Uint8Array {
  const { bits = 64, machine = 62, interpreter, constants = "" } = options;
  let strings = "\0";
  const string = (text: string) => {
    strings += `${text}\0`;
    return strings.length - text.length - 1;
  };
  const tags: [number, number][] = (options.needed ?? []).map((name) => [1, string(name)]);
  const add = (tag: number, text: string | undefined) => text !== undefined && tags.push([tag, string(text)]);
  add(14, options.soname);
  add(15, options.rpath);
  add(29, options.runpath);
  options.symbols?.forEach(string);
  tags.push([5, ADDRESS + STRINGS], [10, strings.length], [0x6ffffffb, options.flags ?? 0], [0, 0]);

  const size = STRINGS + strings.length + constants.length;
  const data = new Uint8Array(size);
  const view = new DataView(data.buffer);
  const word = (at: number, value: number) => {
    view.setUint32(at, value, true);
    if (bits === 64) view.setUint32(at + 4, 0, true);
  };
  const text = (at: number, value: string) => [...value].forEach((char, i) => data[at + i] = char.charCodeAt(0));
  const headerSize = bits === 64 ? 64 : 52;
  const entrySize = bits === 64 ? 56 : 32;
  const interpreterAt = headerSize + 3 * entrySize;
  const dynamicAt = interpreterAt + 64;
  const dynamicSize = tags.length * bits / 4;
  if (dynamicAt + dynamicSize > STRINGS) throw new Error("Cannot make an ELF file: too many tags");

  text(0, "\x7fELF");
  data.set([bits === 64 ? 2 : 1, 1, 1], 4);
  view.setUint16(16, 3, true);
  view.setUint16(18, machine, true);
  word(bits === 64 ? 32 : 28, headerSize);
  view.setUint16(bits === 64 ? 54 : 42, entrySize, true);
  const segments = [{ type: 1, offset: 0, size }, { type: 2, offset: dynamicAt, size: dynamicSize }];
  if (interpreter !== undefined) segments.push({ type: 3, offset: interpreterAt, size: interpreter.length + 1 });
  view.setUint16(bits === 64 ? 56 : 44, segments.length, true);
  segments.forEach((segment, i) => {
    const at = headerSize + i * entrySize;
    view.setUint32(at, segment.type, true);
    view.setUint32(at + (bits === 64 ? 4 : 24), 4, true);
    word(at + (bits === 64 ? 8 : 4), segment.offset);
    word(at + (bits === 64 ? 16 : 8), ADDRESS + segment.offset);
    word(at + (bits === 64 ? 32 : 16), segment.size);
  });
  text(interpreterAt, interpreter ?? "");
  tags.forEach(([tag, value], i) => {
    word(dynamicAt + i * bits / 4, tag);
    word(dynamicAt + i * bits / 4 + bits / 8, value);
  });
  text(STRINGS, strings + constants);
  return data;
}

/** A library of `/etc/ld.so.cache`. */
export interface CacheEntry {
  readonly name: string;
  readonly path: string;
  /** FLAG_*; x86-64's unless given. */
  readonly flags?: number;
  /** 2^62 and an index: a build below glibc-hwcaps. */
  readonly hwcap?: bigint;
}

const X86_64_LIBC6 = 0x0303;

/** `/etc/ld.so.cache` in the new format. */
export function makeCache(entries: readonly CacheEntry[]): Uint8Array {
  const head = 48 + entries.length * 24;
  let strings = "";
  const string = (text: string) => {
    strings += `${text}\0`;
    return head + strings.length - text.length - 1;
  };
  const placed = entries.map((entry) => ({ ...entry, key: string(entry.name), value: string(entry.path) }));
  const data = new Uint8Array(head + strings.length);
  const view = new DataView(data.buffer);
  [..."glibc-ld.so.cache1.1"].forEach((char, i) => data[i] = char.charCodeAt(0));
  view.setUint32(20, entries.length, true);
  view.setUint32(24, strings.length, true);
  placed.forEach(({ flags = X86_64_LIBC6, key, value, hwcap = 0n }, i) => {
    const at = 48 + i * 24;
    view.setInt32(at, flags, true);
    view.setUint32(at + 4, key, true);
    view.setUint32(at + 8, value, true);
    view.setBigUint64(at + 16, hwcap, true);
  });
  [...strings].forEach((char, i) => data[head + i] = char.charCodeAt(0));
  return data;
}

/** The old format, with another cache behind it or not. */
export function makeOldCache(entries: readonly CacheEntry[], next?: Uint8Array): Uint8Array {
  const head = 16 + entries.length * 12;
  const start = Math.ceil(head / 8) * 8;
  let strings = "";
  const string = (text: string) => {
    strings += `${text}\0`;
    return strings.length - text.length - 1;
  };
  const placed = entries.map((entry) => ({ ...entry, key: string(entry.name), value: string(entry.path) }));
  const data = new Uint8Array(next === undefined ? head + strings.length : start + next.length);
  const view = new DataView(data.buffer);
  [..."ld.so-1.7.0"].forEach((char, i) => data[i] = char.charCodeAt(0));
  view.setUint32(12, entries.length, true);
  placed.forEach(({ flags = X86_64_LIBC6, key, value }, i) => {
    view.setInt32(16 + i * 12, flags, true);
    view.setUint32(20 + i * 12, key, true);
    view.setUint32(24 + i * 12, value, true);
  });
  if (next !== undefined) data.set(next, start);
  else [...strings].forEach((char, i) => data[head + i] = char.charCodeAt(0));
  return data;
}

/** All beginnings of `data` up to `limit` bytes, and `data` with one byte of each of the first `limit` replaced. */
export function* damaged(data: Uint8Array, limit = data.length): Iterable<Uint8Array> {
  for (let length = 0; length < limit; length++) yield data.subarray(0, length);
  for (const value of [0x00, 0xff, 0x7f]) {
    for (let at = 0; at < limit; at++) {
      const copy = data.slice();
      copy[at] = value;
      yield copy;
    }
  }
}
