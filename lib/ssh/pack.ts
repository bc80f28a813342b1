import { log } from "../log/mod.ts";
import { replaceFile } from "./cache_folder.ts";
import { type Digest, hashFile } from "./hash_file.ts";
import { inPath } from "./in_path.ts";
import type { Executable } from "./self.ts";

/** How the executable is packed for its journey; also the name of the program that unpacks it there (`raw`: none). */
export type Packing = "zstd" | "gzip" | "raw";

/** A packed executable. `size` and `sha256` are those of the packed file. */
export interface Packed extends Digest {
  readonly path: string;
  readonly packing: Packing;
}

/** Half the time of the default level's upload is saved by a tenth of its size; it takes 0.7 s, once. */
const ZSTD_LEVEL = "-9";
const OLD_MS = 24 * 3600 * 1000;

/** The best packing that both machines know; `tools` are the other one's. */
export async function choosePacking(tools: readonly string[]): Promise<Packing> {
  if (tools.includes("zstd") && await inPath("zstd")) return "zstd";
  return tools.includes("gzip") ? "gzip" : "raw";
}

/**
 * The executable, packed. The packed file stays in `cache` for the next machine, and is made again where its length or
 * hash is not what it was. Without a usable cache the executable travels as it is.
 */
export async function pack(
  executable: Executable,
  options: { packing: Packing; cache: string | undefined; signal?: AbortSignal },
): Promise<Packed> {
  const raw: Packed = { ...executable, packing: "raw" };
  if (options.packing === "raw" || options.cache === undefined) return raw;
  const folder = `${options.cache}/packed`;
  const path = `${folder}/${executable.sha256}.${options.packing}`;
  try {
    const digest = await recall(path) ?? await make(path, executable, options);
    await prune(folder, executable);
    return { path, packing: options.packing, ...digest };
  } catch (error) {
    options.signal?.throwIfAborted();
    log.debug(`sending the executable unpacked, cannot make ${path}: ${(error as Error).message}`);
    return raw;
  }
}

/** The digest beside the file at `path`, if the file still has it. */
async function recall(path: string): Promise<Digest | undefined> {
  try {
    const record = JSON.parse(await Deno.readTextFile(`${path}.json`));
    const digest = await hashFile(path);
    if (digest.size === record.size && digest.sha256 === record.sha256) return digest;
    log.debug(`${path} is damaged; making it again`);
  } catch { /* not there */ }
  return undefined;
}

async function make(
  path: string,
  executable: Executable,
  options: { packing: Packing; signal?: AbortSignal },
): Promise<Digest> {
  const compress = options.packing === "zstd" ? compressZstd : compressGzip;
  await replaceFile(path, (temporary) => compress(executable.path, temporary, options.signal));
  const digest = await hashFile(path);
  await replaceFile(`${path}.json`, (temporary) => Deno.writeTextFile(temporary, JSON.stringify(digest)));
  return digest;
}

async function compressZstd(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const args = ["-q", "-f", "-T0", ZSTD_LEVEL, "-o", to, "--", from];
  const { success, stderr } = await new Deno.Command("zstd", { args, signal, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

async function compressGzip(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const source = await Deno.open(from);
  const target = await Deno.open(to, { write: true, create: true, truncate: true });
  await source.readable.pipeThrough(new CompressionStream("gzip")).pipeTo(target.writable, { signal });
}

/** Removes what other builds left; not at once, for two versions may be in use. */
async function prune(folder: string, executable: Executable): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.startsWith(executable.sha256)) continue;
    const path = `${folder}/${entry.name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.ctime && Date.now() - info.ctime.getTime() > OLD_MS) await Deno.remove(path).catch(() => {});
  }
}
