/**
 * What can differ between architectures: system call numbers (`asm/unistd.h`), open flags (`asm/fcntl.h`) and ioctl numbers
 * (`asm/ioctls.h`). The layouts that this program uses are the same on both, all of them 64-bit and little-endian: struct
 * statx, termios, winsize, flock64, statfs64, rlimit64, msghdr, cmsghdr, inotify_event, sigset_t,
 * posix_spawn_file_actions_t, posix_spawnattr_t, and the FUSE protocol. tests/unit/linux/arch_test.ts says how that is
 * known.
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
  readonly ioctl: Readonly<
    Record<"TCGETS" | "TCSETS" | "TIOCSCTTY" | "TIOCGWINSZ" | "TIOCSWINSZ" | "TIOCNOTTY", number>
  >;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly O_DIRECT: number;
  readonly O_LARGEFILE: number;
}

// asm-generic/ioctls.h
const genericIoctl = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCSCTTY: 0x540e,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCNOTTY: 0x5422,
};

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
    ioctl: genericIoctl,
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
    ioctl: genericIoctl,
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
    O_DIRECT: 0o200000,
    O_LARGEFILE: 0o400000,
  },
};

/** This machine's. Deno.build.arch has the same names as `uname -m` on Linux. */
export const arch: Architecture = architectures[Deno.build.arch];
