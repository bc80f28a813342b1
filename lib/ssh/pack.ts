import { log } from "../log/mod.ts";
import { replaceFile } from "./cache_folder.ts";
import { type Digest, hashFile, type Range, readRange } from "./hash_file.ts";
import { inPath } from "./in_path.ts";
import type { Piece } from "./self.ts";

/** How a piece is packed for its journey; also the name of the program that unpacks it there (`raw`: none). */
export type Packing = "zstd" | "xz" | "gzip" | "raw";

/** A packed piece: a file, or for `raw` the piece itself. `size` and `sha256` are those of what travels. */
export interface Packed extends Range, Digest {
  readonly packing: Packing;
}

export interface PackOptions {
  /** The programs that the other machine has. */
  readonly tools: readonly string[];
  /** Where packed pieces are kept, by the piece's hash; undefined: nowhere. */
  readonly cache: string | undefined;
  /** Another folder of packed pieces, which a release comes with. */
  readonly shipped?: string;
  readonly signal?: AbortSignal;
}

const PIECE_BYTES = 256 * 1024;
const OLD_MS = 24 * 3600 * 1000;
const PACKINGS = ["zstd", "xz", "gzip"] as const;

/** zstd: half the time of the default level's upload is saved by a tenth of its size; it takes 0.7 s, once. */
const packers = {
  zstd: ["zstd", "-q", "-9", "-T0", "-c"],
  // The slowest by far, and only for machines that have neither of the others.
  xz: ["xz", "-q", "-1", "-T0", "-c"],
} as const;

/**
 * The piece, packed in the best way that both machines know: the smallest of those that are there already, else made now,
 * and kept for the next machine. What is kept is made again where its length or hash is not what it was. Without a usable
 * cache the piece travels as it is.
 */
export async function pack(piece: Piece, options: PackOptions): Promise<Packed> {
  const { tools, cache, shipped, signal } = options;
  const known = PACKINGS.filter((packing) => tools.includes(packing));
  const folders = [shipped, cache && `${cache}/packed`].filter((folder) => folder !== undefined && folder !== "");
  const names = known.map((packing) => ({ packing, name: `${piece.sha256}.${packing}` }));
  const there = await Promise.all(
    folders.flatMap((folder) => names.map(({ packing, name }) => recall(`${folder}/${name}`, packing))),
  );
  const [smallest] = there.filter((packed) => packed !== undefined).sort((one, other) => one.size - other.size);
  if (smallest !== undefined) return smallest;
  const packing = await choosePacking(known);
  if (packing === "raw" || cache === undefined) return { ...piece, packing: "raw" };
  const path = `${cache}/packed/${piece.sha256}.${packing}`;
  try {
    return await make(path, piece, { packing, signal });
  } catch (error) {
    signal?.throwIfAborted();
    log.debug(`sending it unpacked, cannot make ${path}: ${(error as Error).message}`);
    return { ...piece, packing: "raw" };
  }
}

/** The best packing of `known` that this machine can make. */
async function choosePacking(known: readonly Packing[]): Promise<Packing> {
  if (known.includes("zstd") && await inPath("zstd")) return "zstd";
  if (known.includes("gzip")) return "gzip";
  return known.includes("xz") && await inPath("xz") ? "xz" : "raw";
}

/** The packed file at `path`, if it is what the digest beside it says. */
async function recall(path: string, packing: Packing): Promise<Packed | undefined> {
  try {
    const record = JSON.parse(await Deno.readTextFile(`${path}.json`));
    const digest = await hashFile(path);
    if (digest.size === record.size && digest.sha256 === record.sha256) return { path, from: 0, packing, ...digest };
    log.debug(`${path} is damaged; making it again`);
  } catch { /* not there */ }
  return undefined;
}

async function make(
  path: string,
  piece: Piece,
  { packing, signal }: { packing: Exclude<Packing, "raw">; signal?: AbortSignal },
): Promise<Packed> {
  await replaceFile(path, async (temporary) => {
    const target = await Deno.open(temporary, { write: true, create: true, truncate: true });
    const source = ReadableStream.from(copies(piece));
    const packed = packing === "gzip"
      ? source.pipeThrough(new CompressionStream("gzip"))
      : runPacker(packers[packing], source, signal);
    await packed.pipeTo(target.writable, { signal });
  });
  const digest = await hashFile(path);
  await replaceFile(`${path}.json`, (temporary) => Deno.writeTextFile(temporary, JSON.stringify(digest)));
  return { path, from: 0, packing, ...digest };
}

/** A stream may hold on to what it is given. */
async function* copies(piece: Piece): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const bytes of readRange(piece, PIECE_BYTES)) yield bytes.slice();
}

/** What the program makes of `source`; an error when it fails. */
function runPacker(
  [program, ...args]: readonly string[],
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const child = new Deno.Command(program, { args, signal, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const complaint = new Response(child.stderr).text();
  // Where it takes no more, its status tells.
  source.pipeTo(child.stdin, { signal }).catch(() => {});
  return child.stdout.pipeThrough(
    new TransformStream({
      async flush() {
        if (!(await child.status).success) throw new Error((await complaint).trim());
      },
    }),
  );
}

/** Removes what other builds left in `cache`; not at once, for two versions may be in use. */
export async function pruneCache(cache: string, used: readonly Digest[], { now = Date.now() } = {}): Promise<void> {
  const folder = `${cache}/packed`;
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (used.some(({ sha256 }) => entry.name.startsWith(sha256))) continue;
      const path = `${folder}/${entry.name}`;
      const info = await Deno.stat(path).catch(() => undefined);
      if (info?.ctime && now - info.ctime.getTime() > OLD_MS) await Deno.remove(path).catch(() => {});
    }
  } catch { /* nothing was kept */ }
}
