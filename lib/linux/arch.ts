/**
 * What differs between architectures: system call numbers (`asm/unistd.h`) and open flags (`asm/fcntl.h`). Everything
 * else this program uses (struct statx, the FUSE protocol, ioctl numbers of /dev/fuse) is the same on both.
 */
export interface Architecture {
  readonly syscall: Readonly<
    Record<
      | "closeRange"
      | "fchmodat2"
      | "getdents64"
      | "openat2"
      | "pidfdOpen"
      | "pivotRoot"
      | "renameat2"
      | "rtSigaction"
      | "statx"
      | "capget"
      | "capset",
      number
    >
  >;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly O_DIRECT: number;
  readonly O_LARGEFILE: number;
}

/** By the name `uname -m` gives. */
export const architectures: Readonly<Record<"x86_64" | "aarch64", Architecture>> = {
  x86_64: {
    syscall: {
      capget: 125,
      capset: 126,
      closeRange: 436,
      fchmodat2: 452,
      getdents64: 217,
      openat2: 437,
      pidfdOpen: 434,
      pivotRoot: 155,
      renameat2: 316,
      rtSigaction: 13,
      statx: 332,
    },
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    O_DIRECT: 0o40000,
    O_LARGEFILE: 0o100000,
  },
  aarch64: {
    syscall: {
      capget: 90,
      capset: 91,
      closeRange: 436,
      fchmodat2: 452,
      getdents64: 61,
      openat2: 437,
      pidfdOpen: 434,
      pivotRoot: 41,
      renameat2: 276,
      rtSigaction: 134,
      statx: 291,
    },
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
    O_DIRECT: 0o200000,
    O_LARGEFILE: 0o400000,
  },
};

/** This machine's. Deno.build.arch has the same names as `uname -m` on Linux. */
export const arch: Architecture = architectures[Deno.build.arch];
