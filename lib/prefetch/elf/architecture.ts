/** What the loaders make of an e_machine. */
export interface ElfArchitecture {
  /** What `$PLATFORM` stands for on most machines, and what musl calls it. */
  readonly platform: string;
  /** Folders below `glibc-hwcaps`, best first; which of them are tried depends on the machine that runs it. */
  readonly capabilities: readonly string[];
  /** Folders that loaders before glibc 2.37 look for in each directory they search. */
  readonly legacy: readonly string[];
}

const EM_386 = 3;
const EM_ARM = 40;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;

/** glibc `sysdeps/.../dl-procinfo.c`, `dl-hwcap.h`, `dl-hwcaps_subdirs.c`. */
export const architectures: Readonly<Record<number, ElfArchitecture>> = {
  [EM_386]: { platform: "i386", capabilities: [], legacy: ["tls", "i686", "sse2"] },
  [EM_ARM]: { platform: "arm", capabilities: [], legacy: ["tls", "v7l", "neon", "vfp"] },
  [EM_X86_64]: {
    platform: "x86_64",
    capabilities: ["x86-64-v4", "x86-64-v3", "x86-64-v2"],
    legacy: ["tls", "haswell", "avx512_1", "x86_64"],
  },
  [EM_AARCH64]: { platform: "aarch64", capabilities: [], legacy: ["tls", "aarch64", "atomics"] },
};

/** For machines that are not in the table. */
export const otherArchitecture: ElfArchitecture = { platform: "", capabilities: [], legacy: ["tls"] };
