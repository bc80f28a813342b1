import { isInside } from "../blocks.ts";

/** One import statement's module: `from ..a.b import c, d` is { level: 2, module: "a.b", names: ["c", "d"] }. */
export interface Import {
  /** Leading dots; 0: absolute. */
  readonly level: number;
  readonly module: string;
  /** Names after `import` of a `from`: each may be a module. */
  readonly names: readonly string[];
}

/** At the beginning of a line: `import modules`, or `from [dots][module] import names`. */
const statement =
  /[ \t]*(?:import[ \t]+([^\n#;]+)|from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]*import\b[ \t]*(\([^)]*\)|(?:[^\n\\]|\\\r?\n)*))/y;
/** Blocks that are not run when the module is imported. */
const later = /^[ \t]*(?:(?:async[ \t]+)?def\b|if[ \t]+(?:typing\.)?TYPE_CHECKING\b)/;
/** Nor unless it is the program itself. */
const main = /^[ \t]*if[ \t]+__name__[ \t]*==/;
/** Nor on Linux. */
const elsewhere =
  /^[ \t]*(?:el)?if[ \t]+(?:sys\.platform[ \t]*==[ \t]*['"](?:win|cygwin|darwin)|os\.name[ \t]*==[ \t]*['"]nt)/;

const MAX_IMPORTS = 1000;

/**
 * The modules that Python source imports when it is imported itself, or run as the program, in the order of the text. No
 * parser: the word is looked for, then what its line says, and around an indented line the blocks it is in. Conditions
 * are not evaluated, and a line in a string counts.
 */
export function scanImports(source: string, options: { isMain?: boolean } = {}): Import[] {
  const skipped = options.isMain ? [later, elsewhere] : [later, elsewhere, main];
  const imports: Import[] = [];
  for (let at = source.indexOf("import"); at >= 0 && imports.length < MAX_IMPORTS;) {
    const line = source.lastIndexOf("\n", at) + 1;
    statement.lastIndex = line;
    const match = statement.exec(source);
    if (match !== null && !isInside(skipped, source, line)) imports.push(...importsOf(match));
    at = source.indexOf("import", match === null ? at + 1 : Math.max(at + 1, statement.lastIndex));
  }
  return imports;
}

function importsOf([, modules, dots, module, names]: RegExpExecArray): Import[] {
  if (modules === undefined) return [{ level: dots.length, module, names: namesOf(names) }];
  return words(modules, /^\s*([\w.]+)/).map((module) => ({ level: 0, module, names: [] }));
}

/** `(a, b as c)`, comments and line ends in between. */
function namesOf(list: string): string[] {
  return words(list.replace(/#[^\n]*/g, ""), /^[\s(\\]*(\w+)/);
}

/** What `word` finds in each item of a list. */
function words(list: string, word: RegExp): string[] {
  return list.split(",").map((item) => word.exec(item)?.[1]).filter((found) => found !== undefined);
}
