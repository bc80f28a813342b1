/**
 * The command line: what the user asked for, as plain data.
 *
 * Options stop at the destination: what follows is the command's own, untouched, be it `--help` or `--`. Parsing neither
 * prints nor exits, whatever the library underneath would like to do: {@link parseArguments} returns a value or throws
 * a {@link UsageError}, and main decides.
 *
 * Rejected: subcommands (a default one would answer the command's own `--help`).
 *
 * @module
 */

export * from "./exit_codes.ts";
export * from "./parse_arguments.ts";
export * from "./usage_error.ts";
export * from "./version.ts";
