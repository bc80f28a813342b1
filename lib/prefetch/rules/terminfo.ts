import type { ByteString } from "../../bytes/mod.ts";
import { join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** The places of Debian, Red Hat and upstream. */
const FOLDERS = [path`/etc/terminfo`, path`/lib/terminfo`, path`/usr/share/terminfo`];

/** What ncurses knows of the terminal. */
export const terminfoRule: Rule = {
  name: "terminfo",

  applies(program: Program): boolean {
    const libraries = program.libraries;
    return program.nonEmpty("TERM") !== undefined && libraries !== undefined &&
      (libraries.has("libtinfo") || libraries.has("libncurses"));
  },

  plan(program: Program): void {
    const terminal = program.variable("TERM")!;
    if (terminal.includes("/")) return;
    const first = terminal.slice(0, 1) as ByteString;
    for (const folder of folders(program)) if (program.content(path`${folder}/${first}/${terminal}`)) return;
  },
};

/** terminfo(5): TERMINFO, the user's own, TERMINFO_DIRS, the compiled in ones (an empty entry stands for them). */
function folders(program: Program): ByteString[] {
  const own = program.nonEmpty("TERMINFO");
  const home = program.nonEmpty("HOME");
  const list = split(program.variable("TERMINFO_DIRS") ?? path``, ":");
  return [
    ...(own === undefined ? [] : [own]),
    ...(home === undefined ? [] : [join(home, path`.terminfo`)]),
    ...list.filter((folder) => folder !== ""),
    ...FOLDERS,
  ];
}
