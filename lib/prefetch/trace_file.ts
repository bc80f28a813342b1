import { gunzipSync, gzipSync } from "node:zlib";
import { type ByteString, DecodeError } from "../bytes/mod.ts";
import type { Want } from "./want.ts";

/** A want, and how many runs in a row, the last one included, have not touched it. */
export interface StoredWant extends Want {
  readonly unused: number;
}

/** What is kept of the runs of a command. */
export interface StoredTrace {
  /** Of the last run: wants below it are about its data. */
  readonly cwd: ByteString;
  /** Wants below these belong to the program. */
  readonly programFolders: readonly ByteString[];
  /** In the order of the last run; what it did not touch comes after. */
  readonly wants: readonly StoredWant[];
}

/** Most wants of a trace. */
export const MAX_WANTS = 30_000;
/** Most bytes of a trace's paths. A file has fewer: packing more than makes up for UTF-8. */
export const MAX_TRACE_BYTES = 4 * 1024 * 1024;

const kinds = ["name", "content", "listing"] as const;
/** A want's tag is the character `0` + kind + 4 * unused, up to `o`. */
const FIRST_TAG = 0x30;
const MAX_UNUSED = 15;
/** Bytes. Most traces are one chunk then; of the default, 16 KiB, a large one takes 0.7 ms longer. */
const UNPACKED_AT_ONCE = 512 * 1024;
/** Another layout gets another number: files of other versions are ignored. */
const HEADER = new TextEncoder().encode("outrun trace 2\n");

/**
 * A line that names the format, then gzip, whose CRC-32 finds damage, of fields with a NUL between them: cwd, a tag for
 * each want, the number of programFolders, these, the path of each want, and its chunks (with commas; empty: all). What
 * goes into gzip is UTF-8 of the bytes as characters, for only that is decoded natively: 5000 wants take 4.5 ms before the
 * runtime has compiled anything, and 10 by way of lib/bytes. Paths in order of use share their beginnings, which gzip
 * finds: 283 KB of them come to 60, for 1 ms. Wants beyond the limits are left out, the last ones first.
 */
export function encodeTrace({ cwd, programFolders, wants }: StoredTrace): Uint8Array<ArrayBuffer> {
  let tags = "";
  const paths: ByteString[] = [];
  const parts: string[] = [];
  let room = MAX_TRACE_BYTES - cwd.length - programFolders.join("\0").length;
  for (const { kind, path, chunks, unused } of wants.slice(0, MAX_WANTS)) {
    const part = chunks?.join(",") ?? "";
    room -= path.length + part.length + 3;
    if (room < 0) break;
    tags += String.fromCharCode(FIRST_TAG + kinds.indexOf(kind) + 4 * Math.min(unused, MAX_UNUSED));
    paths.push(path);
    parts.push(part);
  }
  const text = [cwd, tags, String(programFolders.length), ...programFolders, ...paths, ...parts].join("\0");
  const packed = gzipSync(new TextEncoder().encode(text), { level: 1 });
  const file = new Uint8Array(HEADER.length + packed.length);
  file.set(HEADER);
  file.set(packed, HEADER.length);
  return file;
}

/**
 * Throws unless `data` is whole and a trace of this format. Paths are not looked at again: whoever can make a file with
 * the right sum can as well change the user's other files.
 */
export function decodeTrace(data: Uint8Array): StoredTrace {
  if (!HEADER.every((byte, index) => data[index] === byte)) {
    throw new DecodeError("Cannot decode a trace: not of this format");
  }
  const unpacked = gunzipSync(data.subarray(HEADER.length), {
    maxOutputLength: 2 * MAX_TRACE_BYTES,
    chunkSize: UNPACKED_AT_ONCE,
  });
  const text = new TextDecoder("utf-8", { fatal: true }).decode(unpacked);
  if (text.length < unpacked.length && /[^\0-\xff]/.test(text)) {
    throw new DecodeError("Cannot decode a trace: not bytes");
  }
  const fields = text.split("\0") as ByteString[];
  const [cwd, tags = "", folderCount] = fields;
  const firstPath = 3 + Number(folderCount);
  const count = tags.length;
  if (fields.length - firstPath !== 2 * count || count > MAX_WANTS) {
    throw new DecodeError(`Cannot decode a trace: ${count} tags for ${fields.length - firstPath} paths and chunks`);
  }
  const wants: StoredWant[] = [];
  for (let i = 0; i < count; i++) {
    const tag = tags.charCodeAt(i) - FIRST_TAG;
    const want = { kind: kinds[tag & 3], path: fields[firstPath + i], unused: tag >> 2 };
    const chunks = fields[firstPath + count + i];
    wants.push(chunks === "" ? want : { ...want, chunks: chunks.split(",").map(Number) });
  }
  return { cwd, programFolders: fields.slice(3, firstPath), wants };
}
