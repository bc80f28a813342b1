import type { ByteString } from "../bytes/mod.ts";

/** What execve(2) is given. */
export interface CommandLine {
  /** Of the executable, absolute or relative to `cwd`. */
  readonly path: ByteString;
  readonly argv: readonly ByteString[];
  /** Entries `NAME=value`. */
  readonly env: readonly ByteString[];
  /** Absolute. */
  readonly cwd: ByteString;
}
