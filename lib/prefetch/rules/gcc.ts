import { type ByteString, fromText } from "../../bytes/mod.ts";
import { type GccArguments, readGccArguments } from "../gcc/arguments.ts";
import { Headers, systemFolders } from "../gcc/headers.ts";
import { findGcc, type GccInstallation, libraryFolders, programFolders } from "../gcc/installation.ts";
import { basename, dirname, join, path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** GCC's drivers for C and C++: the programs that they run, one after the other, and what those read. */
export const gccRule: Rule = {
  name: "gcc",

  applies(program: Program): boolean {
    return program.elf !== undefined &&
      program.titles.some((title) => /^(.*-)?(gcc|g\+\+|cpp|cc|c\+\+)(-\d+)?$/.test(title));
  },

  plan(program: Program): void {
    const gcc = findGcc(program);
    if (gcc === undefined) return;
    const isPlusPlus = program.titles.some((title) => title.includes("++"));
    const args = readGccArguments(program.argv, isPlusPlus);
    if (program.argv[0] !== undefined && !program.argv[0].includes("/")) program.search(program.argv[0]);
    wantSpecs(program, gcc);
    for (const { file, language } of args.sources) {
      if (language !== "assembler") compile(program, { gcc, args, file: join(program.cwd, file), language });
      if (args.until === "assemble" || args.until === "link") runTool(program, gcc, "as");
    }
    if (args.until === "link" && program.argv.length > 1) link(program, { gcc, args, isPlusPlus });
  },
};

function wantSpecs(program: Program, { library, programs, prefix, target }: GccInstallation): void {
  for (const folder of [library, path`${prefix}/${target}/lib`, dirname(library)]) program.name(path`${folder}/specs`);
  program.name(path`${programs}/lto-wrapper`);
  program.name(program.nonEmpty("TMPDIR") ?? path`/tmp`);
}

interface Compilation {
  readonly gcc: GccInstallation;
  readonly args: GccArguments;
  readonly file: ByteString;
  readonly language: "c" | "c++";
}

function compile(program: Program, { gcc, args, file, language }: Compilation): void {
  const compiler = path`${gcc.programs}/${fromText(language === "c" ? "cc1" : "cc1plus")}`;
  program.execute({ path: compiler, argv: [compiler] });
  const folders = [...args.includeFolders.map((folder) => join(program.cwd, folder)), ...systemFolders(gcc, language)];
  new Headers(program, folders).includeSource(file);
}

/** A program that is looked for in GCC's folders, and then in PATH. */
function runTool(program: Program, gcc: GccInstallation, name: string): void {
  for (const folder of programFolders(gcc)) {
    for (const file of [path`${folder}/${gcc.target}-${fromText(name)}`, path`${folder}/${fromText(name)}`]) {
      if (program.disk.isFile(file)) return program.execute({ path: file, argv: [file] });
      program.name(file);
    }
  }
  program.executeByName([fromText(name)]);
}

interface Linking {
  readonly gcc: GccInstallation;
  readonly args: GccArguments;
  readonly isPlusPlus: boolean;
}

function link(program: Program, { gcc, args, isPlusPlus }: Linking): void {
  const folders = [...args.libraryFolders.map((folder) => join(program.cwd, folder)), ...libraryFolders(gcc)];
  const collect = path`${gcc.programs}/collect2`;
  program.content(path`${gcc.programs}/liblto_plugin.so`);
  for (const folder of folders) program.name(folder);
  for (const name of args.isStatic ? ["crt1.o", "crtbeginT.o", "crtend.o"] : ["Scrt1.o", "crtbeginS.o", "crtendS.o"]) {
    wantFirst(program, folders, [name]);
  }
  for (const name of ["crti.o", "crtn.o"]) wantFirst(program, folders, [name]);
  program.execute({ path: collect, argv: [collect] });
  for (const name of ["real-ld", "collect-ld", "gnm", "nm", "gstrip", "strip"]) lookForTool(program, gcc, name);
  lookForTool(program, gcc, basename(program.argv[0] ?? path`gcc`));
  runLinker(program, gcc);
  program.name(join(program.cwd, args.output));
  const libraries = [...args.libraries, ...(isPlusPlus ? ["stdc++", "m"] : []).map(fromText)];
  for (const name of [...libraries, ...["gcc", "gcc_s", "c"].map(fromText)]) {
    // The plug-in takes options for names of files.
    program.name(join(program.cwd, path`-l${name}`));
    wantLibrary(program, folders, name, args.isStatic);
  }
}

/** collect2 finds out where its tools are, though it runs but the linker. */
function lookForTool(program: Program, gcc: GccInstallation, name: string): void {
  for (const folder of programFolders(gcc)) if (program.name(path`${folder}/${fromText(name)}`)) return;
  // real-ld and collect-ld are not for PATH.
  if (!name.includes("-ld")) program.search(fromText(name));
}

function runLinker(program: Program, gcc: GccInstallation): void {
  for (const folder of programFolders(gcc)) {
    const file = path`${folder}/ld`;
    if (program.name(file)) return program.execute({ path: file, argv: [file] });
  }
  program.executeByName([path`ld`]);
}

/** The first of the folders that has one of the files. */
function wantFirst(program: Program, folders: readonly ByteString[], names: readonly string[]): ByteString | undefined {
  for (const folder of folders) {
    for (const name of names) {
      if (program.content(path`${folder}/${fromText(name)}`)) return path`${folder}/${fromText(name)}`;
    }
  }
  return undefined;
}

function wantLibrary(program: Program, folders: readonly ByteString[], name: ByteString, isStatic: boolean): void {
  const names = isStatic ? [`lib${name}.a`] : [`lib${name}.so`, `lib${name}.a`];
  const found = wantFirst(program, folders, names);
  const size = found && program.disk.stat(found)?.size;
  // A small ".so" is a linker script that names others.
  if (found === undefined || !found.endsWith(".so") || size === undefined || size > 4096) return;
  const script = program.disk.readText(found) ?? path``;
  for (const [word] of script.replace(/\/\*[^]*?\*\//g, "").matchAll(/[\w./+-]+\.(?:so[\w.]*|a)\b/g)) {
    const name = word as ByteString;
    if (program.content(join(program.cwd, name)) || name.startsWith("/")) continue;
    wantFirst(program, folders, [name]);
  }
}
