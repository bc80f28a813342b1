import type { Rule } from "./rule.ts";
import { accountsRule } from "./rules/accounts.ts";
import { argumentsRule } from "./rules/arguments.ts";
import { elfRule } from "./rules/elf.ts";
import { fontsRule } from "./rules/fonts.ts";
import { gccRule } from "./rules/gcc.ts";
import { gitRule } from "./rules/git.ts";
import { javaRule } from "./rules/java.ts";
import { libraryFilesRule } from "./rules/library_files.ts";
import { localeRule } from "./rules/locale.ts";
import { nodeRule } from "./rules/node.ts";
import { perlRule } from "./rules/perl.ts";
import { programFilesRule } from "./rules/program_files.ts";
import { pythonRule } from "./rules/python.ts";
import { rubyRule } from "./rules/ruby.ts";
import { shebangRule } from "./rules/shebang.ts";
import { shellRule } from "./rules/shell.ts";
import { shimRule } from "./rules/shim.ts";
import { terminfoRule } from "./rules/terminfo.ts";
import { timeZoneRule } from "./rules/time_zone.ts";
import { wrapperRule } from "./rules/wrapper.ts";

/** Every rule, in the order in which programs do what they are about. */
export const rules: readonly Rule[] = [
  shebangRule,
  elfRule,
  localeRule,
  timeZoneRule,
  accountsRule,
  terminfoRule,
  wrapperRule,
  shellRule,
  shimRule,
  pythonRule,
  perlRule,
  nodeRule,
  rubyRule,
  javaRule,
  gitRule,
  gccRule,
  programFilesRule,
  fontsRule,
  libraryFilesRule,
  argumentsRule,
];

/** What the kernel and the loader do with a program, whatever its arguments. */
export const loadingRules: readonly Rule[] = [shebangRule, elfRule];
