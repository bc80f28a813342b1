import { type ByteString, byteString } from "../../bytes/mod.ts";
import { dirname, path } from "../paths.ts";

const MAX_ENTRIES = 20_000;
/** Of an entry up to its path; two bytes more where it has extended flags. */
const ENTRY_BYTES = 62;
const EXTENDED = 0x4000;

/**
 * The folders of the tracked files and those around them, relative to the work tree ("." is its top), in the order of
 * the index (`gitformat-index`, versions 2 and 3). Of a malformed index, or one of version 4, what can be made out.
 */
export function indexFolders(index: Uint8Array): ByteString[] {
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const folders = new Set([path`.`]);
  if (index.length < 12 || view.getUint32(0) !== 0x44495243 || view.getUint32(4) > 3) return [];
  const entries = Math.min(view.getUint32(8), MAX_ENTRIES);
  for (let i = 0, at = 12; i < entries && at + ENTRY_BYTES < index.length; i++) {
    const isExtended = (view.getUint16(at + ENTRY_BYTES - 2) & EXTENDED) !== 0;
    const start = at + ENTRY_BYTES + (isExtended ? 2 : 0);
    const end = index.indexOf(0, start);
    if (end < 0) break;
    addWithParents(folders, dirname(byteString(index, start, end)));
    // One to eight NULs make the length a multiple of eight.
    at += (end - at + 8) & ~7;
  }
  return [...folders];
}

function addWithParents(folders: Set<ByteString>, inner: ByteString): void {
  const missing: ByteString[] = [];
  for (let folder = inner; folder !== "/" && !folders.has(folder); folder = dirname(folder)) missing.push(folder);
  for (const folder of missing.reverse()) folders.add(folder);
}
