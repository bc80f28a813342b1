import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

const MAX_FEATURES = 1000;
/** `require "x"` and `require_relative "x"` at the beginning of a line, outside of methods as far as indentation tells. */
const requirement = /^[ ]{0,2}(require|require_relative|load)[ \t(]+['"]([\w./-]+)['"]/gm;
/** What ruby loads before the script: gems and the suggestions for misspelled names. */
const START = ["rubygems", "error_highlight", "did_you_mean", "syntax_suggest/core", "monitor", "rbconfig"];

/** Ruby: the search for features through $LOAD_PATH. The path is read off the folders that there are. */
export const rubyRule: Rule = {
  name: "ruby",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^ruby[\d.]*$/.test(title));
  },

  plan(program: Program): void {
    const loader = new Loader(program, loadPath(program));
    for (const feature of START) loader.require(feature);
    const { argv } = program;
    for (let at = 1; at < argv.length; at++) {
      if (argv[at] === "-e") loader.run(argv[at + 1] ?? "", program.cwd);
      const feature = /^-r(.+)/.exec(argv[at])?.[1];
      if (feature !== undefined) loader.require(feature);
      if (/^-[eICEWKFx]$/.test(argv[at])) at++;
      else if (!argv[at].startsWith("-")) return loader.runFile(join(program.cwd, argv[at]));
    }
  },
};

/** RUBYLIB and -I, then site_ruby, vendor_ruby and Ruby's own, each with the folder of this architecture. */
function loadPath(program: Program): ByteString[] {
  const { argv } = program;
  const given = argv.flatMap((arg, i) =>
    arg === "-I" ? [argv[i + 1] ?? path``] : arg.startsWith("-I") ? [arg.slice(2)] : []
  );
  const environment = split(program.nonEmpty("RUBYLIB") ?? path``, ":").filter((folder) => folder !== "");
  const prefix = dirname(dirname(program.realPath));
  const bases = [...new Set([path`/usr/local`, prefix])].map((base) => path`${base}/lib`);
  const homes = bases.flatMap((base) =>
    ["ruby/site_ruby", "ruby/vendor_ruby", "ruby"].map((name) => join(base, fromText(name)))
  );
  const own = homes.flatMap((home) => {
    const versions = (program.disk.list(home) ?? []).filter((name) => /^\d+\.\d+(\.\d+)?$/.test(name)).map((name) =>
      join(home, name)
    );
    const inner = versions.flatMap((folder) => [
      folder,
      ...(program.disk.list(folder) ?? []).filter((name) => /linux/.test(name)).map((name) => join(folder, name)),
    ]);
    return home.endsWith("_ruby") ? [...inner, home] : inner;
  });
  return [...given as ByteString[], ...environment, ...own].map((folder) => join(program.cwd, folder));
}

/** Loads features, and what these require, depth first, each once. */
class Loader {
  readonly #program: Program;
  readonly #folders: readonly ByteString[];
  readonly #loaded = new Set<string>();

  constructor(program: Program, folders: readonly ByteString[]) {
    this.#program = program;
    this.#folders = folders;
  }

  run(source: string, folder: ByteString): void {
    for (const [, how, name] of source.replace(/^__END__[^]*/m, "").matchAll(requirement)) {
      if (how === "require_relative") this.#loadFirst([join(folder, name as ByteString)]);
      else this.require(name);
    }
  }

  require(feature: string): void {
    if (this.#loaded.has(feature) || this.#loaded.size >= MAX_FEATURES) return;
    this.#loaded.add(feature);
    this.#loadFirst(this.#folders.map((folder) => join(folder, feature as ByteString)));
  }

  runFile(file: ByteString): void {
    if (this.#loaded.has(file) || !this.#program.content(file)) return;
    this.#loaded.add(file);
    this.run(this.#program.disk.readSource(file) ?? "", dirname(this.#program.disk.realPath(file) ?? file));
  }

  /** Source in any of the folders comes before a library in any. */
  #loadFirst(places: readonly ByteString[]): void {
    for (const extension of [".rb", ".so"].map(fromText)) {
      for (const place of places) {
        const file = place.endsWith(extension) ? place : path`${place}${extension}`;
        if (!this.#program.name(file)) continue;
        if (extension === ".rb") this.runFile(file);
        else this.#program.libraries?.open(file);
        return;
      }
    }
  }
}
