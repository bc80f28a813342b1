import type { ByteString } from "../../bytes/mod.ts";
import { basename, dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import { type PythonArguments, readPythonArguments } from "../python/arguments.ts";
import { Importer } from "../python/importer.ts";
import { findPython, type PythonInstallation } from "../python/installation.ts";
import type { Rule } from "../rule.ts";

/** CPython 3: where it looks for its library, what it imports at start, and what it is told to run imports. */
export const pythonRule: Rule = {
  name: "python",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^python(3(\.\d+)?)?[dt]?$/.test(title));
  },

  plan(program: Program): void {
    const args = readPythonArguments(program.argv);
    const python = findPython(program);
    if (python === undefined || python.major !== 3) return;
    const variable = (name: string) => args.ignoreEnvironment ? undefined : program.nonEmpty(name);
    const { major, minor, library } = python;
    const inner = [path`${dirname(library)}/python${major}${minor}.zip`, library, path`${library}/lib-dynload`];
    const importer = new Importer(program, {
      major,
      minor,
      path: [...searchPath(program, variable("PYTHONPATH")), ...inner],
      optimize: args.optimize,
      cachePrefix: variable("PYTHONPYCACHEPREFIX"),
    });
    importStart(importer);
    if (!args.noSite) planSite(program, { python, importer, args });
    run(program, importer, args);
  },
};

/** An empty entry is the working directory. */
function searchPath(program: Program, list: ByteString | undefined): ByteString[] {
  return list === undefined ? [] : split(list, ":").map((entry) => program.disk.normalize(join(program.cwd, entry)));
}

/** Before anything else: the codec of file names and streams. */
function importStart(importer: Importer): void {
  for (const module of ["encodings", "codecs", "encodings.aliases", "encodings.utf_8", "io", "abc", "site"]) {
    importer.import(module);
  }
}

/** site.py: package folders, their .pth files, customization. */
function planSite(
  program: Program,
  { python, importer, args }: { python: PythonInstallation; importer: Importer; args: PythonArguments },
): void {
  const home = program.nonEmpty("HOME");
  const { major, minor } = python;
  const folders = siteFolders(program, python);
  const noUserSite = args.noUserSite || (!args.ignoreEnvironment && program.nonEmpty("PYTHONNOUSERSITE") !== undefined);
  if (!noUserSite && python.seesSystem) {
    const base = (!args.ignoreEnvironment && program.nonEmpty("PYTHONUSERBASE")) || (home && path`${home}/.local`);
    if (base) folders.unshift(path`${base}/lib/python${major}.${minor}/site-packages`);
  }
  for (const folder of folders) if (program.name(folder)) addSiteFolder(program, importer, folder);
  importer.import("sitecustomize");
  if (!noUserSite) importer.import("usercustomize");
}

/** site.getsitepackages(); Debian has changed it for its own interpreter. */
function siteFolders(program: Program, python: PythonInstallation): ByteString[] {
  const { major, minor, prefix, basePrefix, library, seesSystem } = python;
  const version = path`python${major}.${minor}`;
  const lib = basename(dirname(library));
  const prefixes = new Set(seesSystem ? [prefix, basePrefix] : [prefix]);
  return [...prefixes].flatMap((prefix) => {
    const debian = path`${prefix}/lib/python3/dist-packages`;
    if (program.disk.isDirectory(debian)) {
      const local = path`${prefix}/local/lib/${version}/dist-packages`;
      return [local, debian, path`${prefix}/lib/${version}/dist-packages`];
    }
    const folder = path`${prefix}/lib/${version}/site-packages`;
    return lib === "lib" ? [folder] : [path`${prefix}/${lib}/${version}/site-packages`, folder];
  });
}

/** site.addsitedir(): each line of a .pth file is a path, or code when it begins with `import`. */
function addSiteFolder(program: Program, importer: Importer, folder: ByteString): void {
  const names = program.listing(folder);
  importer.path.push(folder);
  for (const name of [...names ?? []].filter((name) => name.endsWith(".pth") && !name.startsWith(".")).sort()) {
    program.content(path`${folder}/${name}`);
    for (const line of split(program.disk.readText(path`${folder}/${name}`) ?? path``, /\r?\n/)) {
      if (/^import[ \t]/.test(line)) runLine(importer, line);
      else if (line.trim() !== "" && !line.startsWith("#")) {
        const added = join(folder, line.trimEnd() as ByteString);
        if (program.name(added)) importer.path.push(added);
      }
    }
  }
}

/** One line of code, which may have several statements and import by function. */
function runLine(importer: Importer, line: string): void {
  importer.run(line.replace(/;[ \t]*/g, "\n"));
  for (const [, name] of line.matchAll(/\b(?:__import__|import_module)\(\s*['"]([\w.]+)['"]/g)) importer.import(name);
}

/** What is run comes last, its folder first in the search path. */
function run(program: Program, importer: Importer, args: PythonArguments): void {
  const { kind, target, safePath } = args;
  if (kind === "script") {
    const file = join(program.cwd, target);
    if (program.disk.isDirectory(file)) return runFolder(program, importer, file);
    if (!program.content(file)) return;
    if (!safePath) importer.path.unshift(dirname(program.disk.realPath(file) ?? file));
    importer.run(program.disk.readSource(file) ?? "");
    return;
  }
  if (!safePath) importer.path.unshift(program.cwd);
  if (kind === "command") importer.run(target.replace(/;[ \t]*/g, "\n"));
  if (kind === "module") runModule(program, importer, target);
}

/** `python3 folder`: its __main__.py. */
function runFolder(program: Program, importer: Importer, folder: ByteString): void {
  importer.path.unshift(folder);
  const main = path`${folder}/__main__.py`;
  if (program.content(main)) importer.run(program.disk.readSource(main) ?? "");
}

/** `python3 -m name`: runpy, the packages around it, then the module itself or a package's __main__. */
function runModule(program: Program, importer: Importer, name: string): void {
  importer.import("runpy");
  for (const module of ["importlib", "importlib.machinery", "importlib.util", "pkgutil"]) importer.import(module);
  let spec = importer.locate(name);
  let packageName = name.slice(0, Math.max(0, name.lastIndexOf(".")));
  if (spec?.path !== undefined) {
    importer.import(name);
    packageName = name;
    spec = importer.locate(`${name}.__main__`);
  }
  if (spec?.kind !== "source") return;
  importer.readCode(spec);
  importer.run(program.disk.readSource(spec.file) ?? "", packageName);
}
