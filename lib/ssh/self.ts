import { log } from "../log/mod.ts";
import { replaceFile } from "./cache_folder.ts";
import { DialError } from "./dial_error.ts";
import { type Digest, hashFile } from "./hash_file.ts";

/** An executable that can be the agent on a machine of the same kind. */
export interface Executable extends Digest {
  readonly path: string;
}

/** This program's own file. Its hash is remembered in `cache` (undefined: it is not), for reading 86 MB takes a while. */
export async function thisExecutable(cache: string | undefined): Promise<Executable> {
  if (!Deno.build.standalone) {
    throw new DialError(
      "Cannot send outrun to another machine: this is not the executable; make it with scripts/build",
    );
  }
  return await executableAt(Deno.execPath(), cache);
}

/** The executable at `path`. */
export async function executableAt(path: string, cache: string | undefined): Promise<Executable> {
  try {
    const key = fileKey(await Deno.stat(path));
    const remembered = cache && await recall(`${cache}/self`, key);
    if (remembered) return { path, ...remembered };
    const digest = await hashFile(path);
    if (cache) await remember(`${cache}/self`, { key, ...digest });
    return { path, ...digest };
  } catch (cause) {
    throw new DialError(`Cannot read outrun's own file "${path}": ${(cause as Error).message}`, { cause });
  }
}

/** Changes whenever the file's content can have changed. */
function fileKey(info: Deno.FileInfo): string {
  return [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()].join(" ");
}

async function recall(file: string, key: string): Promise<Digest | undefined> {
  try {
    const record = JSON.parse(await Deno.readTextFile(file));
    if (record.key !== key || !/^[0-9a-f]{64}$/.test(record.sha256) || !Number.isSafeInteger(record.size)) {
      return undefined;
    }
    return { size: record.size, sha256: record.sha256 };
  } catch {
    return undefined;
  }
}

async function remember(file: string, record: Digest & { key: string }): Promise<void> {
  try {
    await replaceFile(file, (temporary) => Deno.writeTextFile(temporary, JSON.stringify(record)));
  } catch (error) {
    log.debug(`cannot remember the executable's hash in ${file}: ${(error as Error).message}`);
  }
}
