import { type ByteString, byteString, fromText } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  effectiveGroup,
  effectiveUser,
  errnoName,
  openFilesLimit,
  readFile,
  readLinkAt,
  setUmask,
  statPath,
  supplementaryGroups,
} from "../linux/mod.ts";
import type { RunIn } from "../protocol/mod.ts";

/** What a local process hands to its children. */
export type Environment = Pick<RunIn, "env" | "cwd" | "uid" | "gid" | "groups" | "umask" | "nofile">;

/** This process's environment, byte for byte. */
export function readEnvironment(): Environment {
  const umask = setUmask(0);
  setUmask(umask);
  const nofile = openFilesLimit();
  if (typeof nofile === "number") throw new Error(`Cannot read the limit of open files: ${errnoName(-nofile)}`);
  return {
    env: nulSeparated(readProc("environ")),
    cwd: currentDirectory(),
    uid: effectiveUser(),
    gid: effectiveGroup(),
    groups: supplementaryGroups(),
    umask,
    nofile,
  };
}

/** This process's arguments after its name, byte for byte. */
export function readArguments(): ByteString[] {
  return nulSeparated(readProc("cmdline")).slice(1);
}

/** The value of `name` in an environment. */
export function variable(env: readonly ByteString[], name: string): ByteString | undefined {
  const entry = env.find((entry) => entry.startsWith(`${name}=`));
  return entry?.slice(name.length + 1) as ByteString | undefined;
}

function currentDirectory(): ByteString {
  const target = readLinkAt(AT_FDCWD, fromText("/proc/self/cwd"));
  const path = typeof target === "number" ? undefined : byteString(target);
  // The kernel marks a removed directory in the link's text; a directory could also really be called so.
  if (path === undefined || typeof statPath(path) === "number") {
    throw new Error("Cannot use the current directory: it does not exist any more; change to another one");
  }
  return path;
}

/** A file of /proc/self. */
export function readProc(name: string): Uint8Array {
  const data = readFile(`/proc/self/${name}`);
  if (typeof data === "number") {
    throw new Error(`Cannot read "/proc/self/${name}": ${errnoName(-data)}; is /proc mounted?`);
  }
  return data;
}

/** Strings that each end with a NUL. */
function nulSeparated(data: Uint8Array): ByteString[] {
  const strings: ByteString[] = [];
  for (let start = 0; start < data.length;) {
    const end = data.indexOf(0, start);
    strings.push(byteString(data, start, end < 0 ? data.length : end));
    start = end < 0 ? data.length : end + 1;
  }
  return strings;
}
