import { type ByteString, DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import { whole } from "./file.ts";

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

function readPath(from: Reader): ByteString {
  const path = from.string16();
  if (!path.startsWith("/") || path.length > MAX_PATH || path.includes("\0")) {
    throw new DecodeError("Cannot decode a program that was started: a path that is none");
  }
  return path;
}
