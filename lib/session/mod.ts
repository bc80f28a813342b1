/**
 * The local side of one command: from the user's arguments to the command's exit status.
 *
 * The command must not be able to tell where it runs, so everything that a process inherits is read from this process byte
 * for byte (arguments, environment, directory, ids, umask, limits) and sent as it is; signals and the terminal are passed
 * through. When {@link runLocal} returns, everything the command wrote is on the local disk.
 *
 * Rejected: Deno.args and Deno.env for what is sent (they decode UTF-8, lossily).
 *
 * @module
 */

export { runLocal } from "./run_local.ts";
