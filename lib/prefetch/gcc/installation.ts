import type { ByteString } from "../../bytes/mod.ts";
import { basename, dirname, path } from "../paths.ts";
import type { Program } from "../program.ts";

/** Where a compiler driver keeps what it runs. */
export interface GccInstallation {
  /** Of cc1, collect2: /usr/lib/gcc/x86_64-linux-gnu/12 or below /usr/libexec. */
  readonly programs: ByteString;
  /** Of headers and crt files, below /usr/lib. */
  readonly library: ByteString;
  /** "/usr" */
  readonly prefix: ByteString;
  /** "x86_64-linux-gnu" */
  readonly target: ByteString;
  /** "12" */
  readonly version: ByteString;
}

/** Finds the installation by the driver's place and name: `/usr/bin/x86_64-linux-gnu-gcc-12`. */
export function findGcc(program: Program): GccInstallation | undefined {
  const real = program.realPath;
  const prefix = dirname(dirname(real));
  const [, target, wanted] = /^(?:(.+?-.+)-)?(?:gcc|g\+\+|cpp|cc|c\+\+)(?:-(\d+))?$/.exec(basename(real)) ?? [];
  const home = path`${prefix === "/" ? path`` : prefix}/lib/gcc`;
  for (const name of target === undefined ? program.disk.list(home) ?? [] : [target as ByteString]) {
    const versions = [...program.disk.list(path`${home}/${name}`) ?? []].filter((version) => /^\d/.test(version));
    const version = wanted === undefined
      ? versions.sort(byNumber).pop()
      : versions.find((version) => version === wanted);
    if (version === undefined) continue;
    const library = path`${home}/${name}/${version}`;
    const programs = [library, path`${prefix}/libexec/gcc/${name}/${version}`].find((folder) =>
      program.disk.isFile(path`${folder}/collect2`)
    );
    if (programs !== undefined) return { programs, library, prefix, target: name, version };
  }
  return undefined;
}

/** Folders in which the driver and collect2 look for other programs before they search PATH. */
export function programFolders({ programs, library, prefix, target }: GccInstallation): ByteString[] {
  const own = [programs, dirname(programs), library, dirname(library)];
  return [...new Set([...own, path`${prefix}/${target}/bin`])];
}

/** Folders in which crt files and libraries are looked for, in order. */
export function libraryFolders({ library, prefix, target, version }: GccInstallation): ByteString[] {
  const folders = [`${target}/lib`, `lib/${target}/${version}`, `lib/${target}`, "lib64", "lib"];
  return [library, ...folders.map((folder) => path`${prefix}/${folder as ByteString}`)];
}

function byNumber(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}
