import { type ByteString, fromText } from "../../bytes/mod.ts";
import { isInside } from "../blocks.ts";
import { constantsWith } from "../elf/constants.ts";
import { basename, dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

const MAX_FEATURES = 1000;
/** `require "x"` and `require_relative "x"` at the beginning of a line. */
const requirement = /^[ \t]*(require|require_relative|load)[ \t(]+['"]([\w./-]+)['"]/gm;
/** What is in there is not run until it is called. */
const method = /^[ \t]*def\b/;
/** Of the load path: `/usr/lib/x86_64-linux-gnu/ruby/3.1.0`. */
const isFolder = /^\/[\w.+/-]*\/(?:site_ruby|vendor_ruby|ruby)(?:\/[\w.+-]+)*$/;
/** What ruby loads before the script: encodings, gems, and the suggestions for misspelled names. */
const START = [
  "enc/encdb.so",
  "enc/trans/transdb.so",
  "rubygems",
  "rubygems/defaults/operating_system",
  "rubygems/defaults/ruby",
  "rubygems/util",
  "rubygems/dependency",
  "error_highlight",
  "did_you_mean",
  "rubygems/path_support",
];
/** Features that are part of ruby, and are looked for in the working directory. */
const BUILT_IN = ["enumerator.so", "thread.rb", "fiber.so"];
const MAX_SPECIFICATIONS = 300;

/** Ruby: the search for features through $LOAD_PATH. The path is read off the folders that there are. */
export const rubyRule: Rule = {
  name: "ruby",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^ruby[\d.]*$/.test(title));
  },

  plan(program: Program): void {
    const folders = loadPath(program);
    const loader = new Loader(program, folders);
    for (const name of BUILT_IN) program.name(fromText(name));
    for (const feature of START) loader.require(feature);
    wantSpecifications(program, folders);
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

/** $LOAD_PATH: -I, RUBYLIB, and what is compiled in one behind the other (`ruby_initial_load_paths` in `loadpath.c`). */
function loadPath(program: Program): ByteString[] {
  const { argv } = program;
  const given = argv.flatMap((arg, i) =>
    arg === "-I" ? [argv[i + 1] ?? path``] : arg.startsWith("-I") ? [arg.slice(2)] : []
  );
  const environment = split(program.nonEmpty("RUBYLIB") ?? path``, ":").filter((folder) => folder !== "");
  const file = program.libraries?.find("libruby") ?? program.path;
  const constants = program.once(`ruby constants ${file}`, () => constantsWith(program, file, "ruby"));
  const own = new Set(constants.filter((text) => isFolder.test(text)));
  return [...given as ByteString[], ...environment, ...own].map((folder) => join(program.cwd, folder));
}

/** The descriptions of the gems that come with ruby, all of which rubygems reads, and the folders of others. */
function wantSpecifications(program: Program, folders: readonly ByteString[]): void {
  const own = folders.find((folder) => /\/lib\/ruby\/\d[\d.]*$/.test(folder));
  if (own === undefined) return;
  const version = basename(own);
  const defaults = path`${dirname(own)}/gems/${version}/specifications/default`;
  for (const name of (program.listing(defaults) ?? []).slice(0, MAX_SPECIFICATIONS)) {
    program.content(join(defaults, name));
  }
  const home = program.nonEmpty("HOME");
  const homes = [
    path`${dirname(own)}/gems/${version}`,
    path`/var/lib/gems/${version}`,
    path`/usr/local/lib/ruby/gems/${version}`,
    path`/usr/share/rubygems-integration/${version}`,
    path`/usr/share/rubygems-integration/all`,
    ...(home === undefined ? [] : [path`${home}/.gem`, path`${home}/.local/share/gem/ruby/${version}`]),
  ];
  for (const gems of homes) program.listing(path`${gems}/specifications`);
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
    const text = source.replace(/^__END__[^]*/m, "");
    for (const { 1: how, 2: name, index } of text.matchAll(requirement)) {
      if (isInside([method], text, index)) continue;
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
    const isNamed = /\.(?:rb|so)$/.test(places[0] ?? "");
    for (const extension of (isNamed ? [""] : [".rb", ".so"]).map(fromText)) {
      for (const place of places) {
        const file = path`${place}${extension}`;
        if (!this.#program.name(file)) continue;
        if (file.endsWith(".rb")) this.runFile(file);
        else this.#program.libraries?.open(file);
        return;
      }
    }
  }
}
