/**
 * What the user sets once, in a file, instead of on every command line.
 *
 * The file is that of the original outrun, at the same place (`~/.outrun/config`), so that it goes on working. Unlike
 * there, a line that means nothing is an error: a misspelt limit would be no limit.
 *
 * Rejected: more places to look in, and environment variables (which of them won?).
 *
 * @module
 */

export * from "./config.ts";
export * from "./load_config.ts";
