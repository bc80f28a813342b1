import { type ByteString, DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import { readName, whole } from "./file.ts";

/**
 * A program that the command starts. It is told of twice: when its file is opened to be executed, as soon as can be, and
 * when it runs, as only then its arguments can be seen.
 */
export interface Started {
  /** Absolute, links followed. */
  readonly path: ByteString;
  /** What it was given when it runs. */
  readonly running?: {
    readonly argv: readonly ByteString[];
    /** Absolute. */
    readonly cwd: ByteString;
  };
}

/** A name that is looked up in a directory of PATH, and of which nothing was told: a program is searched, as it seems. */
export interface Searched {
  /** At most 255 bytes. */
  readonly name: ByteString;
}

/** Names that are told of: a shell may look for hundreds. */
export const MAX_SEARCHES = 512;
/** `linux/limits.h` */
const NAME_MAX = 255;
/** Longest path, and bytes of all arguments together: more of them are not told. */
const MAX_PATH = 4096;
export const MAX_STARTED_ARGUMENTS = 32 * 1024;

/** string16 path, u16 count of arguments (none: it does not run yet); then string16 cwd, string16 each. */
export function encodeStarted({ path, running }: Started): Uint8Array {
  const to = new Writer(256).string16(path).u16(running?.argv.length ?? 0);
  if (running === undefined) return to.finish();
  to.string16(running.cwd);
  for (const argument of running.argv) to.string16(argument);
  return to.finish();
}

export function decodeStarted(body: Uint8Array): Started {
  return whole(body, (from) => {
    const path = readPath(from);
    const count = from.u16();
    if (count === 0) return { path };
    const cwd = readPath(from);
    const argv = Array.from({ length: count }, () => from.string16());
    const bytes = argv.reduce((sum, argument) => sum + argument.length, 0);
    if (bytes > MAX_STARTED_ARGUMENTS || argv.some((argument) => argument.includes("\0"))) {
      throw new DecodeError("Cannot decode a program that was started: its arguments are none");
    }
    return { path, running: { argv, cwd } };
  });
}

/** string16 name. */
export function encodeSearched({ name }: Searched): Uint8Array {
  return new Writer(32).string16(name).finish();
}

export function decodeSearched(body: Uint8Array): Searched {
  return whole(body, (from) => {
    const name = readName(from);
    if (name.length > NAME_MAX) throw new DecodeError("Cannot decode the name of a program: no file has so long a one");
    return { name };
  });
}

function readPath(from: Reader): ByteString {
  const path = from.string16();
  if (!path.startsWith("/") || path.length > MAX_PATH || path.includes("\0")) {
    throw new DecodeError("Cannot decode a program that was started: a path that is none");
  }
  return path;
}
