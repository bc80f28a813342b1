import { fromText } from "../bytes/mod.ts";
import { S_IFMT, S_IFREG, statPath } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { isOwn, makeOwnFolder } from "./state_folder.ts";
import { decodeTrace, encodeTrace, MAX_TRACE_BYTES, type StoredTrace } from "./trace_file.ts";
import type { TraceKey } from "./trace_key.ts";

/** Most traces, of all executables and of one: a `grep` in a loop must not drive all others out. */
const MAX_TRACES = 512;
const MAX_TRACES_OF_ONE = 32;
/** Most bytes of all traces. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A temporary file that is older was left behind by somebody who was killed. */
const LEFT_BEHIND_MS = 3_600_000;

const TRACE_NAME = /^[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}\.trace$/;
const TEMPORARY_NAME = /\.trace\.[0-9a-f-]{36}\.tmp$/;

/** A trace of the folder, or one that is being written. */
interface Entry {
  readonly name: string;
  readonly size: number;
  /** ms since 1970, with a fraction. */
  readonly mtime: number;
}

/**
 * A folder with a file a trace, named `EXECUTABLE-SCRIPT-SHAPE.trace` by its key. Files are replaced whole, so readers
 * and writers of other sessions need no lock. The time of a file is when it was last recorded. Methods throw what the
 * file system says.
 */
export class TraceFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The trace of that key; undefined when there is none that can be used. */
  read(key: TraceKey): StoredTrace | undefined {
    return isOwn(this.#path) ? this.#decode(fileName(key)) : undefined;
  }

  /** The latest trace of the same script, or else of the same executable. */
  readSimilar(key: TraceKey): StoredTrace | undefined {
    if (!isOwn(this.#path)) return undefined;
    const isSameScript = ({ name }: Entry) => name.startsWith(`${key.executable}-${key.script}-`);
    const isSameExecutable = (name: string) => TRACE_NAME.test(name) && name.startsWith(`${key.executable}-`);
    const entries = this.#entries(isSameExecutable);
    for (const { name } of [...entries.filter(isSameScript), ...entries]) {
      const trace = this.#decode(name);
      if (trace !== undefined) return trace;
    }
    return undefined;
  }

  /** Puts the trace in place of what is there, and removes others where they are too many. */
  write(key: TraceKey, trace: StoredTrace): void {
    makeOwnFolder(this.#path);
    const temporary = `${fileName(key)}.${crypto.randomUUID()}.tmp`;
    try {
      Deno.writeFileSync(`${this.#path}/${temporary}`, encodeTrace(trace), { createNew: true, mode: 0o600 });
      Deno.renameSync(`${this.#path}/${temporary}`, `${this.#path}/${fileName(key)}`);
    } catch (error) {
      this.#remove(temporary);
      throw error;
    }
    this.#trim(key);
  }

  #decode(name: string): StoredTrace | undefined {
    const path = `${this.#path}/${name}`;
    const stat = statPath(fromText(path));
    if (typeof stat === "number") return undefined;
    try {
      if ((stat.mode & S_IFMT) !== S_IFREG || stat.size > MAX_TRACE_BYTES) throw new Error("no such file");
      return decodeTrace(Deno.readFileSync(path));
    } catch (error) {
      log.debug(`traces: ignored "${path}": ${(error as Error).message}`);
      return undefined;
    }
  }

  /** The files with such names, the latest first. */
  #entries(hasName: (name: string) => boolean): Entry[] {
    const entries: Entry[] = [];
    for (const { name } of Deno.readDirSync(this.#path)) {
      if (!hasName(name)) continue;
      const stat = statPath(fromText(`${this.#path}/${name}`));
      // One that is gone by now was removed by another session.
      if (typeof stat === "number") continue;
      entries.push({ name, size: stat.size, mtime: stat.mtime * 1000 + stat.mtimeNsec / 1e6 });
    }
    return entries.sort((one, other) => other.mtime - one.mtime);
  }

  /** Removes the oldest traces beyond the limits, and what somebody left behind. That of `key` is the latest. */
  #trim(key: TraceKey): void {
    let traces = 0;
    let tracesOfThis = 0;
    let bytes = 0;
    for (const { name, size } of this.#entries((name) => TRACE_NAME.test(name))) {
      traces++;
      bytes += size;
      const isExcess = name.startsWith(`${key.executable}-`) && ++tracesOfThis > MAX_TRACES_OF_ONE;
      if (isExcess || traces > MAX_TRACES || bytes > MAX_BYTES) this.#remove(name);
    }
    for (const { name, mtime } of this.#entries((name) => TEMPORARY_NAME.test(name))) {
      if (mtime < Date.now() - LEFT_BEHIND_MS) this.#remove(name);
    }
  }

  #remove(name: string): void {
    try {
      Deno.removeSync(`${this.#path}/${name}`);
    } catch {
      // Gone already, or not to be removed: the next one who records tries again.
    }
  }
}

function fileName(key: TraceKey): string {
  return `${key.executable}-${key.script}-${key.shape}.trace`;
}
