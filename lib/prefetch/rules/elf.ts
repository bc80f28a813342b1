import { Libraries } from "../elf/libraries.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** A dynamically linked executable: its loader, and every library that it will open. */
export const elfRule: Rule = {
  name: "elf",

  applies(program: Program): boolean {
    return program.elf?.interpreter !== undefined;
  },

  plan(program: Program): void {
    const interpreter = program.elf?.interpreter;
    if (interpreter === undefined || !program.content(interpreter)) return;
    program.libraries = new Libraries(program, interpreter);
    program.libraries.loadAll();
  },
};
