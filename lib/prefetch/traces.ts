import type { ByteString } from "../bytes/mod.ts";
import { AT_FDCWD, realPath, statAt } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { type Paths, type TracedCommand, type TraceKey, traceKey } from "./trace_key.ts";
import { mergeWants, rebaseWants } from "./trace_merge.ts";
import { TraceFolder } from "./trace_folder.ts";
import { isPlainPath } from "./trace_path.ts";
import { stateFolder } from "./state_folder.ts";
import type { Want } from "./want.ts";

export type { TracedCommand };

/** What a command is likely to touch, in that order. */
export interface Trace {
  /** The directory that the wants are for. */
  readonly cwd: ByteString;
  readonly wants: readonly Want[];
}

const paths: Paths = {
  exists: (path) => typeof statAt(AT_FDCWD, path) !== "number",
  resolve: (path) => {
    const found = realPath(path);
    return typeof found === "number" ? path : found;
  },
};

/**
 * What commands touched when they last ran through outrun, on whatever machine. Knows runs that are alike by their
 * {@link traceKey}; a run of which there is none is believed to do what the same executable did last. What cannot be
 * read or kept is forgotten: nothing here throws.
 */
export class Traces {
  readonly #folder: TraceFolder | undefined;

  private constructor(folder: TraceFolder | undefined) {
    this.#folder = folder;
  }

  /** `folder`: by default the user's own for state (`$XDG_STATE_HOME/outrun/traces`). */
  static open(folder?: string): Traces {
    const path = folder ??
      stateFolder({ variable: "XDG_STATE_HOME", inHome: ".local/state", name: "outrun/traces" });
    if (path === undefined) log.debug("traces: nothing is remembered: there is no home directory");
    return new Traces(path === undefined ? undefined : new TraceFolder(path));
  }

  /** What a run of `command` is likely to touch; undefined when nothing is known. */
  find(command: TracedCommand): Trace | undefined {
    const folder = this.#folder;
    if (folder === undefined) return undefined;
    return guarded("find", () => {
      const key = traceKey(command, paths);
      const stored = folder.read(key) ?? folder.readSimilar(key);
      return stored && { cwd: command.cwd, wants: rebaseWants(stored, command.cwd, paths.exists) };
    });
  }

  /**
   * Adds what a run of `command` touched, in order. It is merged with what earlier runs of its shape touched. Of sessions
   * that record the same command at the same moment, one is remembered.
   */
  record(command: TracedCommand, wants: readonly Want[]): void {
    const folder = this.#folder;
    if (folder !== undefined) guarded("record", () => record(folder, traceKey(command, paths), { command, wants }));
  }
}

function record(
  folder: TraceFolder,
  key: TraceKey,
  { command, wants }: { command: TracedCommand; wants: readonly Want[] },
): void {
  // A directory that cannot be reached by its path (moved away, or outside of this root) has none to speak of.
  if (![command.cwd, ...key.programFolders].every(isPlainPath)) return;
  const earlier = folder.read(key);
  const kept = earlier === undefined ? [] : rebaseWants(earlier, command.cwd, paths.exists);
  const merged = mergeWants(kept, wants);
  // A run touches its own executable at least: whoever says that it touched nothing does not know.
  if (!merged.some(({ unused }) => unused === 0)) return;
  folder.write(key, { cwd: command.cwd, programFolders: key.programFolders, wants: merged });
}

function guarded<T>(action: string, attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    log.debug(`traces: Cannot ${action} a trace: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
