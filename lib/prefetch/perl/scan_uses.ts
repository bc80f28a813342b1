const MAX_USES = 500;
/** `use Module`, `no Module` anywhere (they act when compiled); `require` of a module or a file outside of all blocks. */
const statement = /^(?:[ \t]*(?:use|no)|(require))[ \t]+(?:([A-Za-z_]\w*(?:(?:::|')\w+)*)|"([\w./-]+)"|'([\w./-]+)')/gm;
/** `use base qw(A B)`, `use parent -norequire`. */
const parents = /^[ \t]*use[ \t]+(?:base|parent)\b([^;]*);/gm;

/**
 * The files, as @INC has them ("Tie/Hash.pm"), that Perl source loads when it is compiled and first run, in the order of
 * the text. Documentation and what follows `__END__` are left out; conditions are not evaluated. What is required within
 * a block is mostly for later, or for other systems.
 */
export function scanUses(source: string): string[] {
  const text = source.replace(/^__(?:END|DATA)__[^]*/m, "").replace(/^=[a-z][^]*?(?:^=cut\b.*$|$(?![^]))/gm, "");
  const files: string[] = [];
  for (const [, require, module, ...quoted] of text.matchAll(statement)) {
    if (files.length >= MAX_USES) break;
    const file = quoted.find((file) => file !== undefined);
    if (module !== undefined && !/^v\d/.test(module)) files.push(fileOf(module));
    else if (file !== undefined && require !== undefined) files.push(file);
  }
  for (const [, list] of text.matchAll(parents)) {
    if (list.includes("-norequire")) continue;
    const modules = list.replace(/\bqw\b/, "").matchAll(/[A-Za-z_]\w*(?:::\w+)*/g);
    files.push(...[...modules].map(([module]) => fileOf(module)));
  }
  return files;
}

/** The file that a module is in. */
export function fileOf(module: string): string {
  return `${module.replace(/::|'/g, "/")}.pm`;
}
