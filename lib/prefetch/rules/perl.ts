import type { ByteString } from "../../bytes/mod.ts";
import { basename, join, path } from "../paths.ts";
import { includePath, type PerlBuild, readPerlBuild } from "../perl/include_path.ts";
import { fileOf, scanUses } from "../perl/scan_uses.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

const MAX_MODULES = 1500;

/** Modules of Perl's own that nearly always load others, though not by a statement that can be seen. */
const companions: Readonly<Record<string, readonly string[]>> = {
  "Carp.pm": ["overloading.pm"],
  "Exporter.pm": ["Exporter/Heavy.pm"],
  "File/Spec.pm": ["File/Spec/Unix.pm"],
};

/** Perl 5: the search for modules through @INC, with all its misses. */
export const perlRule: Rule = {
  name: "perl",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^perl(5[\d.]*)?$/.test(title));
  },

  plan(program: Program): void {
    const build = readPerlBuild(program);
    const folders = includePath(program, build);
    for (const folder of folders) wantVersions(program, folder, build);
    const loader = new Loader(program, folders);
    for (const file of program.nonEmpty("PERL5OPT") === undefined ? [] : optionModules(program.variable("PERL5OPT")!)) {
      loader.load(file);
    }
    planArguments(program, loader);
  },
};

/** `incpush` in perl.c: folders of this version and architecture are looked for in each. */
function wantVersions(program: Program, folder: ByteString, { version, architecture }: PerlBuild): void {
  if (version === undefined || architecture === undefined) return;
  // Those that are compiled in have them in their name, but for two.
  if (folder.includes(version) || !/site_perl$|perl-base$/.test(folder)) return;
  program.name(path`${folder}/${version}/${architecture}`);
  program.name(path`${folder}/${version}`);
  program.name(path`${folder}/${architecture}`);
}

/** Options up to the script: -M, -m and -e have code in them. */
function planArguments(program: Program, loader: Loader): void {
  const { argv } = program;
  let hasCode = false;
  let at = 1;
  for (; at < argv.length && /^-./.test(argv[at]); at++) {
    const option = argv[at];
    if (option === "--") {
      at++;
      break;
    }
    for (const file of optionModules(option)) loader.load(file);
    if (/^-[a-zA-Z0]*[eE]$/.test(option)) {
      hasCode = true;
      loader.run(argv[++at] ?? "");
    } else if (option === "-I") at++;
  }
  if (hasCode || at >= argv.length || argv[at] === "-") return;
  const script = join(program.cwd, argv[at]);
  if (program.content(script)) loader.run(program.disk.readSource(script) ?? "");
}

/** `-MPOSIX=floor -mData::Dumper` */
function optionModules(options: string): string[] {
  const found = options.matchAll(/(?:^|\s)-[a-zA-Z]*[mM]-?([A-Za-z_]\w*(?:::\w+)*)/g);
  return [...found].map(([, module]) => fileOf(module));
}

/** Loads modules, and what these load, depth first, each once. */
class Loader {
  readonly #program: Program;
  readonly #folders: ByteString[];
  readonly #loaded = new Set<string>();

  constructor(program: Program, folders: ByteString[]) {
    this.#program = program;
    this.#folders = folders;
  }

  /** `use lib`, and all that is used. */
  run(source: string): void {
    for (const [, list] of source.matchAll(/^[ \t]*use[ \t]+lib\b([^;]*);/gm)) {
      const folders = [...list.matchAll(/['"]([^'"$@]+)['"]/g)].map(([, folder]) => folder as ByteString);
      this.#folders.unshift(...folders.map((folder) => join(this.#program.cwd, folder)));
    }
    for (const file of scanUses(source)) this.load(file);
  }

  /** `require "Tie/Hash.pm"` (`S_require_file` in pp_ctl.c): a compiled form is looked for first. */
  load(file: string): void {
    if (this.#loaded.has(file) || this.#loaded.size >= MAX_MODULES) return;
    this.#loaded.add(file);
    for (const folder of this.#folders) {
      const found = path`${folder}/${file as ByteString}`;
      if (file.endsWith(".pm")) this.#program.name(path`${found}c` as ByteString);
      if (!this.#program.content(found)) continue;
      const source = this.#program.disk.readSource(found) ?? "";
      this.run(source);
      this.#loadObject(folder, file, source);
      for (const other of companions[file] ?? []) this.load(other);
      return;
    }
  }

  /** XSLoader and DynaLoader: auto/Tie/Hash/Hash.so beside the module, or in another folder of @INC. */
  #loadObject(own: ByteString, file: string, source: string): void {
    if (!/\b(?:XSLoader|DynaLoader)\b/.test(source)) return;
    const module = file.replace(/\.pm$/, "") as ByteString;
    for (const folder of [own, ...this.#folders]) {
      const object = path`${folder}/auto/${module}/${basename(module)}`;
      if (!this.#program.disk.isFile(path`${object}.so`)) continue;
      this.#program.name(path`${object}.bs`);
      this.#program.libraries?.open(path`${object}.so`);
      return;
    }
  }
}
