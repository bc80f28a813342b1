import type { ByteString } from "../../bytes/mod.ts";
import { constantsWith } from "../elf/constants.ts";
import { join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";

/** What a perl is built with. */
export interface PerlBuild {
  /** @INC as it is compiled in, in order. */
  readonly folders: readonly ByteString[];
  /** "5.36.0" and "x86_64-linux-gnu-thread-multi": folders that are looked for in others; undefined where not found. */
  readonly version: ByteString | undefined;
  readonly architecture: ByteString | undefined;
}

/** An absolute path without an extension that is no program's. */
const isFolder = /^\/(?!.*\/bin\/)(?!.*\.[a-z]\w*$)[\w.+/-]+$/;

/**
 * Reads the include path out of the executable (or libperl): absolute paths among its constants that speak of perl. The
 * linker has put them in another order; that of `S_init_perllib` (`perl.c`) is by what they are for.
 */
export function readPerlBuild(program: Program): PerlBuild {
  const file = program.libraries?.find("libperl.so") ?? program.path;
  return program.once(`perl build ${file}`, () => {
    const folders = new Set(constantsWith(program, file, "perl").filter((text) => isFolder.test(text)));
    const named = constantsWith(program, file, "/5.").map((text) => /^\/(5\.\d+\.\d+)\/([\w.-]+)$/.exec(text));
    const [, version, architecture] = named.find((match) => match !== null) ?? [];
    return {
      folders: [...folders].sort((one, other) => rank(one) - rank(other)),
      version: version as ByteString | undefined,
      architecture: architecture as ByteString | undefined,
    };
  });
}

/** All of @INC for one program: its options, the environment, what is compiled in. */
export function includePath(program: Program, build: PerlBuild): ByteString[] {
  const own: ByteString[] = [];
  for (let at = 1; at < program.argv.length && program.argv[at].startsWith("-"); at++) {
    const value = /^-I(.*)$/.exec(program.argv[at])?.[1];
    if (value !== undefined) own.push((value || program.argv[++at] || "") as ByteString);
  }
  const environment = split(program.nonEmpty("PERL5LIB") ?? path``, ":");
  const folders = [...own, ...environment].filter((folder) => folder !== "");
  return [...folders.map((folder) => join(program.cwd, folder)), ...build.folders];
}

/** Where a folder stands in @INC: the administrator's, the site's, the vendor's, perl's own, the unversioned site's. */
function rank(folder: string): number {
  const isArchitecture = /lib64|linux|^\/usr\/lib\//.test(folder) ? 0 : 0.5;
  if (folder.startsWith("/etc/")) return 0;
  if (/site_perl$/.test(folder) && folder.startsWith("/usr/local/")) return 6;
  if (/site_perl|^\/usr\/local\//.test(folder)) return 1 + isArchitecture;
  if (/vendor_perl/.test(folder)) return 2 + isArchitecture;
  if (/perl5/.test(folder) && !/core_perl|\/perl5\/5\.\d+\.\d+/.test(folder)) return 3 + isArchitecture;
  if (/perl-base/.test(folder)) return 4;
  return 5 + isArchitecture;
}
