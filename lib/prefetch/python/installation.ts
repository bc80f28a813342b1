import { type ByteString, fromText } from "../../bytes/mod.ts";
import { basename, dirname, path } from "../paths.ts";
import type { Program } from "../program.ts";

/** Where an interpreter keeps what it comes with. */
export interface PythonInstallation {
  readonly major: number;
  readonly minor: number;
  /** Of the interpreter, or of the virtual environment that it is run from. */
  readonly prefix: ByteString;
  /** Of the interpreter. */
  readonly basePrefix: ByteString;
  /** The library of Python itself: /usr/lib/python3.11. */
  readonly library: ByteString;
  readonly isVirtual: boolean;
  /** Whether packages of the interpreter are seen from the virtual environment. */
  readonly seesSystem: boolean;
}

/** Fedora keeps it in lib64. */
const LIBRARIES = [path`lib`, path`lib64`];

/**
 * Finds the interpreter's library as it does itself (`Modules/getpath.py`): a virtual environment's configuration beside
 * or above the executable, then landmarks up from the real one. undefined where no landmark is found.
 */
export function findPython(program: Program): PythonInstallation | undefined {
  const folder = dirname(program.path);
  const real = program.realPath;
  const configuration = wantConfiguration(program, folder);
  program.name(path`${program.path}._pth`);
  program.name(path`${real}._pth`);
  const start = configuration?.home ?? dirname(real);
  for (const name of ["pybuilddir.txt", "Modules/Setup.local", "Modules/Setup"]) {
    program.name(path`${start}/${fromText(name)}`);
  }
  const home = program.nonEmpty("PYTHONHOME");
  const found = home === undefined
    ? searchUp(program, start, real)
    : libraryBelow(program, home.split(":")[0] as ByteString, real);
  if (found === undefined) return undefined;
  const virtual = configuration !== undefined && configuration.home !== undefined;
  return {
    ...found,
    basePrefix: found.prefix,
    prefix: virtual ? configuration.folder : found.prefix,
    isVirtual: virtual,
    seesSystem: !virtual || configuration.seesSystem,
  };
}

interface Configuration {
  /** Where it was found: the environment's root. */
  readonly folder: ByteString;
  /** Of the interpreter that the environment was made with. */
  readonly home: ByteString | undefined;
  readonly seesSystem: boolean;
}

function wantConfiguration(program: Program, folder: ByteString): Configuration | undefined {
  const files = [path`${folder}/pyvenv.cfg`, path`${dirname(folder)}/pyvenv.cfg`];
  for (const file of files) program.content(file);
  for (const file of files) {
    const text = program.disk.readText(file);
    if (text === undefined) continue;
    const home = /^[ \t]*home[ \t]*=[ \t]*(.*?)[ \t]*$/im.exec(text)?.[1] as ByteString | undefined;
    const seesSystem = /^[ \t]*include-system-site-packages[ \t]*=[ \t]*true/im.test(text);
    return { folder: dirname(folder), home, seesSystem };
  }
  return undefined;
}

type Library = Pick<PythonInstallation, "major" | "minor" | "prefix" | "library">;

/** From the executable's folder upwards, the first that has the landmark; archives are looked for up to the root. */
function searchUp(program: Program, start: ByteString, executable: ByteString): Library | undefined {
  let found: Library | undefined;
  for (let folder = start; folder !== "/" && folder !== "."; folder = dirname(folder)) {
    if (found === undefined) found = libraryBelow(program, folder, executable);
    else program.name(path`${folder}/${basename(dirname(found.library))}/python${found.major}${found.minor}.zip`);
  }
  return found;
}

function libraryBelow(program: Program, prefix: ByteString, executable: ByteString): Library | undefined {
  for (const lib of LIBRARIES) {
    const version = versionOf(program, path`${prefix}/${lib}`, executable);
    if (version === undefined) continue;
    const [major, minor] = version;
    program.name(path`${prefix}/${lib}/python${major}${minor}.zip`);
    const library = path`${prefix}/${lib}/python${major}.${minor}`;
    const found = program.name(path`${library}/os.py`) || program.name(path`${library}/os.pyc`);
    program.name(path`${library}/lib-dynload`);
    if (found) return { major, minor, prefix, library };
  }
  return undefined;
}

/** By the executable's name, or where that says too little, by what there is in `lib`. */
function versionOf(program: Program, lib: ByteString, executable: ByteString): [number, number] | undefined {
  const candidates = [basename(executable), program.libraries?.find("libpython") ?? path``];
  if (!/python\d+\.\d/.test(candidates.join(" "))) candidates.push(...program.disk.list(lib) ?? []);
  for (const name of candidates) {
    const [, major, minor] = /python(\d+)\.(\d+)/.exec(name) ?? [];
    if (major !== undefined) return [Number(major), Number(minor)];
  }
  return undefined;
}
