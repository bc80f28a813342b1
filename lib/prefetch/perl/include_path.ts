import { type ByteString, byteString } from "../../bytes/mod.ts";
import { join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Segment } from "../elf/elf_file.ts";
import { searchable } from "../text.ts";

/** What a perl is built with. */
export interface PerlBuild {
  /** @INC as it is compiled in, in order. */
  readonly folders: readonly ByteString[];
  /** "5.36.0" and "x86_64-linux-gnu-thread-multi": folders that are looked for in others; undefined where not found. */
  readonly version: ByteString | undefined;
  readonly architecture: ByteString | undefined;
}

const PF_X = 1;
const PF_W = 2;
/** An absolute path without an extension that is no program's. */
const isFolder = /^\/(?!.*\/bin\/)(?!.*\.[a-z]\w*$)[\w.+/-]+$/;
/** Bytes of constants that are searched. */
const MAX_CONSTANTS = 4 << 20;

/**
 * Reads the include path out of the executable (or libperl): absolute paths among its constants that speak of perl. The
 * linker has put them in another order; that of `S_init_perllib` (`perl.c`) is by what they are for.
 */
export function readPerlBuild(program: Program): PerlBuild {
  const file = program.libraries?.find("libperl.so") ?? program.path;
  return program.once(`perl build ${file}`, () => {
    const constants = readConstants(program, file);
    const strings = (part: string) => constants.flatMap((data) => stringsWith(part, data));
    const folders = new Set(strings("perl").filter((text) => isFolder.test(text)));
    const named = strings("/5.").map((text) => /^\/(5\.\d+\.\d+)\/([\w.-]+)$/.exec(text));
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

/** The strings among the constants of a file, each between two NULs, that have `part` in them. */
function stringsWith(part: string, data: Uint8Array): ByteString[] {
  const constants = searchable(data);
  const found: ByteString[] = [];
  for (let at = constants.indexOf(part); at >= 0;) {
    const end = constants.indexOf("\0", at);
    if (end < 0) break;
    found.push(byteString(data, constants.lastIndexOf("\0", at) + 1, end));
    at = constants.indexOf(part, end);
  }
  return found;
}

/** The parts of a file that are neither code nor variables. */
function readConstants(program: Program, file: ByteString): Uint8Array[] {
  const isConstant = ({ flags }: Segment) => (flags & (PF_X | PF_W)) === 0;
  const segments = program.readElf(file)?.segments.filter(isConstant) ?? [];
  return segments.map(({ offset, size }) => program.disk.read(file, { offset, length: Math.min(size, MAX_CONSTANTS) }))
    .filter((data) => data !== undefined);
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
