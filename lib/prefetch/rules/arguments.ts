import type { ByteString } from "../../bytes/mod.ts";
import { join } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

const MAX_ARGUMENTS = 64;
/** A larger file is not read whole at once, perhaps not at all. */
const MAX_CONTENT = 256 << 10;
/** Nor a directory with more names than this listed. */
const MAX_NAMES = 500;

/** Arguments that are names of files, whatever the program is: `-i in.mp4`, `--config=app.conf`, `if=disk.img`. */
export const argumentsRule: Rule = {
  name: "arguments",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.argv.length > 1;
  },

  plan(program: Program): void {
    const { argv } = program;
    for (let at = 1; at < argv.length && at <= MAX_ARGUMENTS; at++) {
      const name = argv[at].replace(/^(?:-[^=]*|\w+)=/, "") as ByteString;
      if (!isLikelyName(name)) continue;
      const names = program.disk.list(join(program.cwd, name));
      if (names !== undefined && names.length <= MAX_NAMES) program.listing(name);
      else if (argv[at - 1] === "-o") program.name(name);
      else program.contentUpTo(name, MAX_CONTENT);
    }
  },
};

/** It has a slash or an extension, and nothing that makes it code, an option or a URL. */
function isLikelyName(name: ByteString): boolean {
  // deno-lint-ignore no-control-regex
  return !/^-|[\x00-\x1f;:*{}()'"`$]/.test(name) && name.length < 1024 && /\/|\.\w{1,8}$/.test(name);
}
