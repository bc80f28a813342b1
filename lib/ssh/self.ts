import { log } from "../log/mod.ts";
import { replaceFile } from "./cache_folder.ts";
import { DialError } from "./dial_error.ts";
import { type Digest, hashRange, type Range } from "./hash_file.ts";

/** A range of a file, and what it holds. */
export interface Piece extends Range, Digest {}

/**
 * An executable that can be the agent on a machine of the same kind: the runtime, which stays the same when only the
 * program changes, and the program behind it.
 */
export interface Executable extends Digest {
  readonly path: string;
  readonly base: Piece;
  /** May be empty. */
  readonly payload: Piece;
}

/**
 * The end of what `deno compile` puts behind the runtime (libsui, elf.rs): u32 magic, u32 hash of the section's name, u64
 * length of the payload with these 16 bytes, little-endian.
 */
const TRAILER_BYTES = 16;
const TRAILER_MAGIC = 0x501e;

/** This program's own file. Its hashes are remembered in `cache` (undefined: they are not), for reading 86 MB takes a while. */
export async function thisExecutable(cache: string | undefined): Promise<Executable> {
  if (!Deno.build.standalone) {
    throw new DialError(
      "Cannot send outrun to another machine: this is not the executable; make it with scripts/build",
    );
  }
  return await executableAt(Deno.execPath(), cache);
}

/** The executable at `path`. One that has nothing behind the runtime is a runtime without a payload. */
export async function executableAt(path: string, cache: string | undefined): Promise<Executable> {
  try {
    const info = await Deno.stat(path);
    const key = fileKey(info);
    const remembered = cache && await recall(`${cache}/self`, { key, size: info.size });
    const digests = remembered || await digest(path, info.size);
    if (cache && !remembered) await remember(`${cache}/self`, { key, ...digests });
    const { whole, base, payload } = digests;
    return { path, ...whole, base: { path, from: 0, ...base }, payload: { path, from: base.size, ...payload } };
  } catch (cause) {
    throw new DialError(`Cannot read outrun's own file "${path}": ${(cause as Error).message}`, { cause });
  }
}

interface Digests {
  readonly whole: Digest;
  readonly base: Digest;
  readonly payload: Digest;
}

async function digest(path: string, size: number): Promise<Digests> {
  const from = size - await payloadSize(path, size);
  const [whole, base, payload] = await Promise.all([
    hashRange({ path, from: 0, size }),
    hashRange({ path, from: 0, size: from }),
    hashRange({ path, from, size: size - from }),
  ]);
  return { whole, base, payload };
}

/** 0 for a file without a trailer. */
async function payloadSize(path: string, size: number): Promise<number> {
  if (size < TRAILER_BYTES) return 0;
  using file = await Deno.open(path);
  await file.seek(-TRAILER_BYTES, Deno.SeekMode.End);
  const trailer = new DataView(new ArrayBuffer(TRAILER_BYTES));
  const count = await file.read(new Uint8Array(trailer.buffer));
  if (count !== TRAILER_BYTES || trailer.getUint32(0, true) !== TRAILER_MAGIC) return 0;
  const length = Number(trailer.getBigUint64(8, true));
  return length >= TRAILER_BYTES && length < size ? length : 0;
}

/** Changes whenever the file's content can have changed. */
function fileKey(info: Deno.FileInfo): string {
  return [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()].join(" ");
}

/** What was written there about this file, if it can be true. */
async function recall(file: string, { key, size }: { key: string; size: number }): Promise<Digests | undefined> {
  try {
    const { whole, base, payload, ...record } = JSON.parse(await Deno.readTextFile(file));
    if (record.key !== key || ![whole, base, payload].every(isDigest)) return undefined;
    return whole.size === size && base.size + payload.size === size ? { whole, base, payload } : undefined;
  } catch {
    return undefined;
  }
}

function isDigest({ size, sha256 }: Digest): boolean {
  return Number.isSafeInteger(size) && size >= 0 && /^[0-9a-f]{64}$/.test(sha256);
}

async function remember(file: string, record: Digests & { key: string }): Promise<void> {
  try {
    await replaceFile(file, (temporary) => Deno.writeTextFile(temporary, JSON.stringify(record)));
  } catch (error) {
    log.debug(`cannot remember the executable's hash in ${file}: ${(error as Error).message}`);
  }
}
