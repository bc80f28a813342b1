import type { ByteString } from "../../bytes/mod.ts";
import type { ReadRange } from "./elf_file.ts";
import { bytesAsText, searchable } from "../text.ts";

const PAGE = 4096;
/** Longer names are cut. */
const MAX_STRING = 1 << 16;
/** Of a larger table only the beginning is searched for symbols. */
const MAX_SEARCHED = 1 << 20;

/** A table of strings that each end with a NUL. Only the pages that are looked at are read, each once. */
export class StringTable {
  readonly #read: ReadRange;
  /** Of its first byte in the file; undefined: there is no table. */
  readonly #offset: number | undefined;
  readonly #size: number;
  /** As strings: cutting one up is much cheaper than making many of bytes. */
  readonly #pages = new Map<number, ByteString>();
  #text: string | undefined;

  constructor(read: ReadRange, offset: number | undefined, size: number) {
    this.#read = read;
    this.#offset = offset;
    this.#size = size;
  }

  /** The string that starts at byte `start`; undefined where that is outside of the table. */
  at(start: number): ByteString | undefined {
    if (start >= this.#size) return undefined;
    let text = "";
    for (let at = start; at < this.#size && text.length < MAX_STRING;) {
      const page = this.#page(Math.floor(at / PAGE));
      const from = at % PAGE;
      const end = page.indexOf("\0", from);
      text += page.slice(from, end < 0 ? page.length : end);
      if (end >= 0 || page.length < PAGE) break;
      at += PAGE - from;
    }
    return text as ByteString;
  }

  /** Whether one of the strings is `symbol` (ASCII). */
  has(symbol: string): boolean {
    if (this.#offset === undefined) return false;
    this.#text ??= searchable(this.#read(this.#offset, Math.min(this.#size, MAX_SEARCHED)) ?? new Uint8Array(0));
    return this.#text.includes(`\0${symbol}\0`);
  }

  #page(index: number): ByteString {
    let page = this.#pages.get(index);
    if (page === undefined) {
      const start = index * PAGE;
      const length = Math.min(PAGE, this.#size - start);
      const data = this.#offset === undefined ? undefined : this.#read(this.#offset + start, length);
      this.#pages.set(index, page = bytesAsText(data ?? new Uint8Array(0)));
    }
    return page;
  }
}
