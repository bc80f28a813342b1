import type { ByteString } from "../bytes/mod.ts";

/** What commands call their sub-commands. */
const WORD = /^[A-Za-z_][A-Za-z0-9_:@+-]{0,63}$/;
/** What may stand before a sub-command: `timeout 5 make`, `env A=1 make`. */
const PREAMBLE = /^[0-9]|=/;
/** In place of whatever a run is about. */
const DATA = "*";

/**
 * The shape of a command's arguments: what runs that do the same to other data have in common. It holds the sub-command
 * (the first word that is no option, no option's value, no path and, by `isFile`, no file), the names of the options in
 * order, and a mark if there is anything else: `-O2 -c a.c -o a.o` is `-O -c -o *`.
 *
 * Nobody can tell from outside which options take a value. A word after an option of one dash is taken for one
 * (`-o program`), after one of two dashes it is not (`--no-pager log`), as that has `=` for it.
 */
export function argumentShape(args: readonly ByteString[], isFile: (word: ByteString) => boolean): string[] {
  const end = args.indexOf("--" as ByteString);
  const parts = end < 0 ? args : args.slice(0, end);
  const options = new Set<string>();
  const words: ByteString[] = [];
  let values = 0;
  for (const [index, arg] of parts.entries()) {
    if (isOption(arg)) options.add(optionName(arg));
    else if (index > 0 && mayTakeValue(parts[index - 1])) values++;
    else words.push(arg);
  }
  const first = words.find((word) => !PREAMBLE.test(word));
  const subcommand = first !== undefined && WORD.test(first) && !isFile(first) ? [first] : [];
  const hasData = end >= 0 || values + words.length > subcommand.length;
  return [...subcommand, ...[...options].sort(), ...(hasData ? [DATA] : [])];
}

/** An option without what is attached to it: `--jobs` of `--jobs=2`, `-j` of `-j2`, `-I` of `-I/usr/include`. */
export function optionName(arg: ByteString): string {
  const pattern = arg.startsWith("--") ? /^--[^=]*/ : /^-[A-Za-z_:+?@-]*/;
  return pattern.exec(arg)?.[0] ?? arg;
}

function isOption(arg: ByteString): boolean {
  return arg.startsWith("-") && arg !== "-";
}

function mayTakeValue(arg: ByteString): boolean {
  return isOption(arg) && !arg.startsWith("--") && arg === optionName(arg);
}
