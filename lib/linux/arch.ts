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
      | "capget"
      | "capset"
      | "chdir"
      | "close"
      | "closeRange"
      | "execve"
      | "fchmodat2"
      | "fcntl"
      | "getdents64"
      | "mount"
      | "openat"
      | "openat2"
      | "pidfdOpen"
      | "pivotRoot"
      | "prctl"
      | "pread64"
      | "prlimit64"
      | "renameat2"
      | "sendmsg"
      | "setgroups"
      | "setresgid"
      | "setresuid"
      | "statx"
      | "umask"
      | "umount2"
      | "write",
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
      chdir: 80,
      close: 3,
      closeRange: 436,
      execve: 59,
      fchmodat2: 452,
      fcntl: 72,
      getdents64: 217,
      mount: 165,
      openat: 257,
      openat2: 437,
      pidfdOpen: 434,
      pivotRoot: 155,
      prctl: 157,
      pread64: 17,
      prlimit64: 302,
      renameat2: 316,
      sendmsg: 46,
      setgroups: 116,
      setresgid: 119,
      setresuid: 117,
      statx: 332,
      umask: 95,
      umount2: 166,
      write: 1,
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
      chdir: 49,
      close: 57,
      closeRange: 436,
      execve: 221,
      fchmodat2: 452,
      fcntl: 25,
      getdents64: 61,
      mount: 40,
      openat: 56,
      openat2: 437,
      pidfdOpen: 434,
      pivotRoot: 41,
      prctl: 167,
      pread64: 67,
      prlimit64: 261,
      renameat2: 276,
      sendmsg: 211,
      setgroups: 159,
      setresgid: 149,
      setresuid: 147,
      statx: 291,
      umask: 166,
      umount2: 39,
      write: 64,
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
