import { createHash } from "node:crypto";
import { type ByteString, toBytes } from "../bytes/mod.ts";
import { argumentShape } from "./trace_arguments.ts";
import { findScript } from "./trace_interpreters.ts";
import { parentOf } from "./trace_path.ts";

/** A command, as far as it matters for what it will touch. */
export interface TracedCommand {
  /** The executable: absolute, or relative to `cwd`. */
  readonly path: ByteString;
  readonly argv: readonly ByteString[];
  readonly cwd: ByteString;
}

/** What has to be known of the file system: paths are absolute. */
export interface Paths {
  exists(path: ByteString): boolean;
  /** Without symbolic links; the path itself where there is nothing. */
  resolve(path: ByteString): ByteString;
}

/** Which runs are alike. */
export interface TraceKey {
  /** Names of traces, as far as they are the same: of the executable, of what it runs, of the arguments' shape. */
  readonly executable: string;
  readonly script: string;
  readonly shape: string;
  /** Folders whose files belong to the program wherever it runs: the executable's, the script's. */
  readonly programFolders: readonly ByteString[];
}

/**
 * The key of a command's traces. Commands share one when they run the same executable (symbolic links resolved) under the
 * same name (busybox), with the same {@link argumentShape shape} of arguments. An interpreter's script, module or code
 * counts as the program, and the interpreter by the path it was called by: virtual environments go by it.
 */
export function traceKey(command: TracedCommand, paths: Paths): TraceKey {
  const inCwd = (path: ByteString) => (path.startsWith("/") ? path : joined(command.cwd, path));
  const isFile = (word: ByteString) => paths.exists(inCwd(word));
  const called = inCwd(command.path);
  const executable = paths.resolve(called);
  const args = command.argv.slice(1);
  const script = findScript(baseName(called), args) ?? findScript(baseName(executable), args);
  const programFolders = [parentOf(executable)];
  if (script === undefined) {
    return key({ executable, script: [], shape: [baseName(called), ...argumentShape(args, isFile)], programFolders });
  }
  const value = script.kind === "file" ? paths.resolve(inCwd(script.value)) : script.value;
  if (script.kind === "file") programFolders.push(parentOf(value));
  const shape = [called, ...script.options, "--", ...argumentShape(script.args, isFile)];
  return key({ executable, script: [script.kind, value], shape, programFolders });
}

function key(parts: {
  executable: ByteString;
  script: readonly string[];
  shape: readonly string[];
  programFolders: readonly ByteString[];
}): TraceKey {
  return {
    executable: hashed([parts.executable]),
    script: hashed(parts.script),
    shape: hashed(parts.shape),
    programFolders: parts.programFolders,
  };
}

/** 64 bits of SHA-256 in hexadecimal. Arguments have no NUL in them, so lists that differ are never the same bytes. */
function hashed(parts: readonly string[]): string {
  const bytes = toBytes(parts.join("\0") as ByteString);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

function joined(folder: ByteString, path: ByteString): ByteString {
  return `${folder === "/" ? "" : folder}/${path}` as ByteString;
}

function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}
