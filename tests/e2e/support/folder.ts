import { Buffer } from "node:buffer";
import { here } from "./machines.ts";

/** A folder for one test, gone with it. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder that everybody may enter, on a real file system. */
export async function makeFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "outrun-e2e-" });
  await Deno.chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/**
 * Everything below `path`, a line each: name, type and mode, owner, number of links, target, size, SHA-256, and the first
 * name that is the same file. `times`: its mtime too, in ns.
 */
export async function describeTree(path: string, { times = false } = {}): Promise<string[]> {
  const fields = ["%P", "%i", `%y%m %U:%G links=%n ->%l${times ? " %T@" : ""}`, "%s", ""];
  const { stdout } = await here.run(["find", ".", "-printf", fields.join("\\0")], { cwd: path });
  const words = latin1(stdout).split("\0");
  const digests = await digestFiles(path);
  const files: { name: string; ino: string; text: string }[] = [];
  for (let at = 0; at + 4 <= words.length; at += 4) {
    const [name, ino, facts, size] = words.slice(at, at + 4);
    files.push({ name, ino, text: facts.startsWith("d") ? facts : `${facts} ${size} ${digests.get(name) ?? ""}` });
  }
  files.sort((a, b) => a.name < b.name ? -1 : 1);
  return files.map(({ name, ino, text }) => `${name}: ${text} = ${files.find((file) => file.ino === ino)!.name}`);
}

async function digestFiles(path: string): Promise<Map<string, string>> {
  const script = "find . -type f -printf '%P\\0' | xargs -0r sha256sum -z --";
  const { stdout } = await here.shell(script, { cwd: path, timeoutMs: 60_000 });
  const lines = latin1(stdout).split("\0").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** One character a byte: names need not be UTF-8. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
