import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { GccInstallation } from "./installation.ts";

const MAX_HEADERS = 1000;
/** `#include <x>`, `#include "x"`, `# include_next <x>`. */
const directive = /^[ \t]*#[ \t]*(include|include_next|import)[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")/gm;

/** One of the two names, undefined for the other. */
interface Directive {
  readonly how: string;
  readonly system?: string;
  readonly own?: string;
}

/** Where headers are looked for, after the folders that the command line gives. */
export function systemFolders(gcc: GccInstallation, language: "c" | "c++" | "assembler"): ByteString[] {
  const { library, prefix, target, version } = gcc;
  const plusPlus = [path`${prefix}/include/c++/${version}`, path`${prefix}/include/${target}/c++/${version}`];
  return [
    ...(language === "c++" ? [...plusPlus, path`${plusPlus[0]}/backward`] : []),
    path`${library}/include`,
    path`${prefix}/local/include/${target}`,
    path`${prefix}/local/include`,
    path`${library}/include-fixed`,
    path`${prefix}/${target}/include`,
    path`${prefix}/include/${target}`,
    path`${prefix}/include`,
  ];
}

/**
 * Includes headers as the preprocessor does, and what these include, depth first, each once. Conditions are not
 * evaluated: headers of other systems are not found, others may not be needed.
 */
export class Headers {
  readonly #program: Program;
  readonly #folders: readonly ByteString[];
  readonly #seen = new Set<ByteString>();

  constructor(program: Program, folders: readonly ByteString[]) {
    this.#program = program;
    this.#folders = folders;
    for (const folder of folders) program.name(folder);
  }

  /** A file of the command line: compiled forms are looked for of it, and of the headers that it names itself. */
  includeSource(file: ByteString): void {
    this.#program.name(path`${file}.gch`);
    if (!this.#program.content(file)) return;
    this.#include(fromText("stdc-predef.h"), { from: file, first: 0, isSource: true });
    this.#scan(file, -1, true);
  }

  #scan(file: ByteString, found: number, isSource = false): void {
    for (const { how, system, own } of this.#directivesOf(file)) {
      const first = how === "include_next" ? found + 1 : own === undefined ? 0 : -1;
      this.#include((system ?? own) as ByteString, { from: file, first, isSource });
    }
  }

  #directivesOf(file: ByteString): Directive[] {
    return this.#program.once(`includes ${file}`, () => {
      const source = this.#program.disk.readSource(file) ?? "";
      return [...source.matchAll(directive)].map(([, how, system, own]) => ({ how, system, own }));
    });
  }

  /** `first`: where in the folders the search begins; -1: beside the file that includes it. */
  #include(name: ByteString, { from, first, isSource }: { from: ByteString; first: number; isSource: boolean }): void {
    for (let at = first; at < this.#folders.length; at++) {
      const file = join(at < 0 ? dirname(from) : this.#folders[at], name);
      if (isSource) this.#program.name(path`${file}.gch`);
      if (!this.#program.content(file)) continue;
      if (this.#seen.has(file) || this.#seen.size >= MAX_HEADERS) return;
      this.#seen.add(file);
      this.#scan(file, at);
      return;
    }
  }
}
