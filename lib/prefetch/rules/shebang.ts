import { type ByteString, byteString } from "../../bytes/mod.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** As much of the file as the kernel looks at (BINPRM_BUF_SIZE). */
const MAX_LINE = 256;

/** What the first line of a script says. */
export interface Interpreter {
  readonly path: ByteString;
  /** All that follows, as one argument. */
  readonly argument: ByteString | undefined;
}

/** A script: the kernel executes its interpreter with the script's path as argument. */
export const shebangRule: Rule = {
  name: "script",

  applies(program: Program): boolean {
    return program.elf === undefined;
  },

  plan(program: Program): void {
    const head = program.disk.read(program.path, { offset: 0, length: MAX_LINE });
    const interpreter = head && readShebang(head);
    if (interpreter === undefined) return;
    const { path, argument } = interpreter;
    const options = argument === undefined ? [] : [argument];
    program.execute({ path, argv: [path, ...options, program.path, ...program.argv.slice(1)] });
  },
};

/** The interpreter that the first bytes of a file name (`fs/binfmt_script.c`); undefined where they name none. */
export function readShebang(head: Uint8Array): Interpreter | undefined {
  const text = byteString(head);
  if (!text.startsWith("#!")) return undefined;
  const end = text.search(/[\n\0]/);
  const line = text.slice(2, end < 0 ? text.length : end);
  const [, path, argument] = /^[ \t]*([^ \t]+)[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (path === undefined) return undefined;
  return { path: path as ByteString, argument: argument === "" ? undefined : argument as ByteString };
}
