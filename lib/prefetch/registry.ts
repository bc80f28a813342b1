import type { Rule } from "./rule.ts";
import { accountsRule } from "./rules/accounts.ts";
import { elfRule } from "./rules/elf.ts";
import { libraryFilesRule } from "./rules/library_files.ts";
import { localeRule } from "./rules/locale.ts";
import { perlRule } from "./rules/perl.ts";
import { pythonRule } from "./rules/python.ts";
import { shebangRule } from "./rules/shebang.ts";
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
  pythonRule,
  perlRule,
  libraryFilesRule,
];
