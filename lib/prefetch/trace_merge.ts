import type { ByteString } from "../bytes/mod.ts";
import { MAX_WANTS, type StoredTrace, type StoredWant } from "./trace_file.ts";
import { isBelow, isPlainPath } from "./trace_path.ts";
import type { Want } from "./want.ts";

/** A want that so many runs in a row have not touched is forgotten. */
const FORGOTTEN_AFTER = 3;

/**
 * The wants of a run, followed by those of earlier runs that it did not touch but one of the last ones did: a command
 * that does now this, now that, finds both. Wants of the run may come from another machine: malformed ones are dropped.
 */
export function mergeWants(earlier: readonly StoredWant[], run: readonly Want[]): StoredWant[] {
  const merged: StoredWant[] = [];
  const seen = { name: new Set<ByteString>(), content: new Set<ByteString>(), listing: new Set<ByteString>() };
  const add = ({ kind, path }: Want, unused: number) => {
    if (merged.length === MAX_WANTS || seen[kind].has(path)) return;
    seen[kind].add(path);
    merged.push({ kind, path, unused });
  };
  for (const want of run) if (isWellFormed(want)) add(want, 0);
  for (const want of earlier) if (want.unused + 1 < FORGOTTEN_AFTER) add(want, want.unused + 1);
  return merged;
}

function isWellFormed({ kind, path }: Want): boolean {
  return (kind === "name" || kind === "content" || kind === "listing") && isPlainPath(path);
}

/**
 * The wants as they are for a run in another directory: those below the recorded one are moved below `cwd`, or left out
 * where there is nothing of that name. Those of the program stay; and all do when the program itself is below the
 * recorded directory (`/`, a home directory, the program's own source), where its files cannot be told from its data.
 */
export function rebaseWants(
  trace: StoredTrace,
  cwd: ByteString,
  exists: (path: ByteString) => boolean,
): readonly StoredWant[] {
  const isProgram = (path: ByteString) => trace.programFolders.some((folder) => isBelow(path, folder));
  if (cwd === trace.cwd || trace.programFolders.some((folder) => isBelow(folder, trace.cwd))) return trace.wants;
  const prefix = cwd === "/" ? "" : cwd;
  return trace.wants.flatMap((want) => {
    if (!isBelow(want.path, trace.cwd) || isProgram(want.path)) return [want];
    const path = (prefix + want.path.slice(trace.cwd.length) || "/") as ByteString;
    return isPlainPath(path) && exists(path) ? [{ ...want, path }] : [];
  });
}
