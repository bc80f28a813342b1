import denoJson from "../../../deno.json" with { type: "json" };
import { makeFolder } from "./folder.ts";
import { program } from "./machines.ts";

/** The built executable as its next version would be: the same runtime, another program. */
export interface Update extends AsyncDisposable {
  readonly path: string;
  readonly version: string;
}

/** Changes the version in the embedded program, where it is a field of an object, byte for byte. */
export async function makeUpdate(): Promise<Update> {
  const { version } = denoJson;
  const next = version.replace(/\d/g, (digit) => String((Number(digit) + 1) % 10));
  const folder = await makeFolder();
  const path = `${folder.path}/outrun`;
  const bytes = await Deno.readFile(program);
  const [old, wanted] = [version, next].map((text) => new TextEncoder().encode(`version: "${text}"`));
  const at = indexOf(bytes, old);
  if (at < 0) throw new Error(`Cannot find "${version}" in ${program}`);
  bytes.set(wanted, at);
  await Deno.writeFile(path, bytes, { mode: 0o755 });
  return { path, version: next, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = bytes.lastIndexOf(part[0]); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(part[0], at - 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
