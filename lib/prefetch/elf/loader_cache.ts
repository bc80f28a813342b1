import { type ByteString, byteString, DecodeError, Reader } from "../../bytes/mod.ts";
import { bytesAsText } from "../text.ts";

/** Where glibc's loader finds a library, by `/etc/ld.so.cache`. */
export interface CachedLibrary {
  readonly path: ByteString;
  /** FLAG_* of `ldconfig.h`: what it is in the low byte, the architecture in the next. */
  readonly flags: number;
  /** Whether only machines with certain abilities take it: a build below `glibc-hwcaps`. */
  readonly special: boolean;
}

const OLD_MAGIC = "ld.so-1.7.0";
const NEW_MAGIC = "glibc-ld.so.cache1.1";
const OLD_HEADER = 16;
const OLD_ENTRY = 12;
const NEW_HEADER = 48;
const NEW_ENTRY = 24;
/** Entries begin at a multiple of this. */
const ALIGNMENT = 8;

const FLAG_TYPE_MASK = 0xff;
const FLAG_ELF = 1;
const FLAG_ELF_LIBC6 = 3;

/**
 * Decodes `/etc/ld.so.cache` (`dl-cache.h` of glibc), in the new format, the old one, or the old one with the new one
 * behind it. A name's libraries are in the order of the file. Malformed entries are left out; of a malformed file nothing
 * may be left.
 */
export function decodeLoaderCache(data: Uint8Array): Map<ByteString, CachedLibrary[]> {
  try {
    if (startsWith(data, NEW_MAGIC)) return decodeNew(data);
    return startsWith(data, OLD_MAGIC) ? decodeOld(data) : new Map();
  } catch (error) {
    if (error instanceof DecodeError) return new Map();
    throw error;
  }
}

function decodeOld(data: Uint8Array): Map<ByteString, CachedLibrary[]> {
  const reader = new Reader(data);
  reader.bytes(OLD_HEADER - 4);
  const entries = reader.u32();
  const end = OLD_HEADER + entries * OLD_ENTRY;
  const next = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
  if (startsWith(data.subarray(next), NEW_MAGIC)) return decodeNew(data.subarray(next));
  const libraries = new Libraries(data.subarray(end));
  for (let i = 0; i < entries; i++) {
    libraries.add({ flags: reader.u32(), key: reader.u32(), value: reader.u32(), special: false });
  }
  return libraries.byName;
}

/** Strings are counted from the beginning of this header. */
function decodeNew(data: Uint8Array): Map<ByteString, CachedLibrary[]> {
  const reader = new Reader(data);
  reader.bytes(NEW_MAGIC.length);
  const entries = reader.u32();
  reader.bytes(NEW_HEADER - NEW_MAGIC.length - 4);
  if (entries * NEW_ENTRY > reader.left) {
    throw new DecodeError(`Cannot decode a cache of ${entries} entries: too short`);
  }
  const libraries = new Libraries(data);
  for (let i = 0; i < entries; i++) {
    const [flags, key, value] = [reader.u32(), reader.u32(), reader.u32()];
    const [, low, high] = [reader.u32(), reader.u32(), reader.u32()];
    libraries.add({ flags, key, value, special: (low | high) !== 0 });
  }
  return libraries.byName;
}

/** Entries as they are gathered. */
class Libraries {
  readonly byName = new Map<ByteString, CachedLibrary[]>();
  /** All of them at once: cutting a string up is much cheaper than making many. */
  readonly #strings: ByteString;

  constructor(strings: Uint8Array) {
    this.#strings = bytesAsText(strings);
  }

  add({ flags, key, value, special }: { flags: number; key: number; value: number; special: boolean }): void {
    const type = flags & FLAG_TYPE_MASK;
    const name = this.#string(key);
    const path = this.#string(value);
    if ((type !== FLAG_ELF && type !== FLAG_ELF_LIBC6) || name === "" || !path.startsWith("/")) return;
    const known = this.byName.get(name);
    if (known === undefined) this.byName.set(name, [{ path, flags, special }]);
    else known.push({ path, flags, special });
  }

  #string(start: number): ByteString {
    const end = this.#strings.indexOf("\0", start);
    return this.#strings.slice(start, Math.max(start, end)) as ByteString;
  }
}

function startsWith(data: Uint8Array, magic: string): boolean {
  return data.length >= magic.length && byteString(data, 0, magic.length) === magic;
}
