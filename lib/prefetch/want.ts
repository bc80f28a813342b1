import type { ByteString } from "../bytes/mod.ts";

/**
 * One thing that a command is going to ask for.
 *
 * - `name`: it will be looked up; it may exist or not (that it does not is as good to know ahead).
 * - `content`: a regular file that will be looked up and read.
 * - `listing`: a directory that will be listed, or in which so much will be looked up that all its names are wanted.
 */
export interface Want {
  readonly kind: "name" | "content" | "listing";
  /** Absolute, without `.` and `..`; links on the way and at the end are not resolved. */
  readonly path: ByteString;
}
