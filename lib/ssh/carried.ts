import { DialError } from "./dial_error.ts";
import { hashFile } from "./hash_file.ts";
import type { Piece } from "./self.ts";

/** A piece and the name that it has on its way: `base`, `payload`, `lib/ld.so`, `lib/libc.so.6`. */
export interface NamedPiece extends Piece {
  readonly name: string;
}

/**
 * This machine's loader and the C libraries that the executable needs, for a machine that has none that will do. The
 * loader itself is asked, as ldd(1) does: it knows where distributions keep them.
 */
export async function libraries(executable: string): Promise<NamedPiece[]> {
  const env = { LD_TRACE_LOADED_OBJECTS: "1" };
  const { success, stdout } = await new Deno.Command(executable, { env, stdin: "null", stderr: "null" }).output();
  const found = success ? parseLoaded(new TextDecoder().decode(stdout)) : new Map<string, string>();
  const missing = ["lib/ld.so", "lib/libc.so.6"].filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new DialError(
      `Cannot find this machine's ${missing.join(" and ")}, which the other machine needs as it has no glibc 2.27: ` +
        `choose a machine with one`,
    );
  }
  const pieces = [...found].map(async ([name, path]) => ({ name, path, from: 0, ...await hashFile(path) }));
  return await Promise.all(pieces);
}

/** Reads lines such as `libm.so.6 => /lib/libm.so.6 (0x7f…)` and `/lib64/ld-linux-x86-64.so.2 (0x7f…)`. */
export function parseLoaded(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, soname, library, loader] = /^\t(?:(\S+) => (\/.*)|(\/\S+)) \(0x[0-9a-f]+\)$/.exec(line) ?? [];
    if (library !== undefined && /^[\w.+-]+$/.test(soname)) found.set(`lib/${soname}`, library);
    if (loader !== undefined) found.set("lib/ld.so", loader);
  }
  return found;
}
