import { FUSE_KERNEL_MINOR_VERSION, FUSE_KERNEL_VERSION, InitFlag } from "./abi.ts";
import type { InitIn } from "./decode.ts";

/** The oldest protocol spoken: 7.31, Linux 5.4. */
const MIN_MINOR = 31;

/** Bytes of the largest READ and WRITE: 256 pages, the most the kernel allows without a changed sysctl. */
export const MAX_WRITE = 1 << 20;
const MAX_PAGES = 256;

/** What the file system wants of the kernel. */
export interface InitOptions {
  /**
   * Writes go to the page cache first, and come later and larger. The file system must then open for reading too what
   * is opened for writing only (the kernel fills partial pages) and take O_APPEND off. Default false.
   */
  readonly writebackCache?: boolean;
  /**
   * Cached data goes only by {@link encodeInvalInode}, by an open without FOPEN_KEEP_CACHE, or with the size; otherwise
   * a changed mtime drops it. Without effect under `writebackCache`. Default true.
   */
  readonly explicitInvalData?: boolean;
  /** Targets of symbolic links are kept as long as their inode. Default true. */
  readonly cacheSymlinks?: boolean;
  /**
   * The kernel keeps to ACLs. It then checks permissions itself, however the file system is mounted. Default true.
   */
  readonly posixAcl?: boolean;
  /** Listings that are followed by lookups bring the attributes with them. Default true. */
  readonly readdirplus?: boolean;
  /** How many requests nobody waits for (readahead, write-back) may be under way at a time. Default 16. */
  readonly maxBackground?: number;
  /** From how many of them on the kernel holds back new ones. Default three quarters of `maxBackground`. */
  readonly congestionThreshold?: number;
  /** Bytes; the kernel's own limit (read_ahead_kb of its bdi) holds as well. Default {@link MAX_WRITE}. */
  readonly maxReadahead?: number;
}

/** What was agreed on: the content of fuse_init_out. */
export interface Negotiated {
  readonly major: number;
  readonly minor: number;
  /** {@link InitFlag}: what both sides know and we want. */
  readonly flags: number;
  /** {@link InitFlag2} */
  readonly flags2: number;
  readonly maxReadahead: number;
  readonly maxBackground: number;
  readonly congestionThreshold: number;
  readonly maxWrite: number;
  readonly maxPages: number;
}

/**
 * FUSE_HANDLE_KILLPRIV_V2 obliges the file system to clear setuid and setgid bits on chown, and on writes and
 * truncation by a caller without CAP_FSETID (flags of WRITE, OPEN and SETATTR say so). Whoever does these by the same
 * system calls under the caller's ids has it done by the kernel there; the kernel here then need not look at the mode
 * before each write.
 *
 * FUSE_POSIX_ACL has the kernel here fetch ACLs (by GETXATTR, in the ids of the mount's user namespace) and check
 * permissions by them; FUSE_DONT_MASK, which belongs to it, leaves the umask to the local kernel, because a directory's
 * default ACL takes its place.
 *
 * Without FUSE_POSIX_LOCKS and FUSE_FLOCK_LOCKS the kernel here would keep the locks to itself.
 *
 * Not asked for: FUSE_NO_OPEN_SUPPORT (a file may vanish while it is open: handles are needed).
 */
const always = InitFlag.FUSE_ASYNC_READ |
  InitFlag.FUSE_POSIX_LOCKS |
  InitFlag.FUSE_FLOCK_LOCKS |
  InitFlag.FUSE_ATOMIC_O_TRUNC |
  InitFlag.FUSE_BIG_WRITES |
  InitFlag.FUSE_ASYNC_DIO |
  InitFlag.FUSE_PARALLEL_DIROPS |
  InitFlag.FUSE_MAX_PAGES |
  InitFlag.FUSE_HANDLE_KILLPRIV_V2 |
  InitFlag.FUSE_DONT_MASK |
  InitFlag.FUSE_SETXATTR_EXT |
  InitFlag.FUSE_INIT_EXT;

/**
 * Our answer to INIT; throws where the kernel is too old. A kernel with a newer major version is told ours, and sends
 * INIT again.
 */
export function negotiate(kernel: InitIn, options: InitOptions = {}): Negotiated {
  const { major, minor } = kernel;
  if (major < FUSE_KERNEL_VERSION || (major === FUSE_KERNEL_VERSION && minor < MIN_MINOR)) {
    throw new Error(`Cannot serve FUSE: this kernel speaks ${major}.${minor}; 7.31 (Linux 5.4) or newer is needed`);
  }
  const maxBackground = options.maxBackground ?? 16;
  return {
    major: FUSE_KERNEL_VERSION,
    minor: major > FUSE_KERNEL_VERSION ? FUSE_KERNEL_MINOR_VERSION : Math.min(minor, FUSE_KERNEL_MINOR_VERSION),
    flags: kernel.flags & wanted(options),
    flags2: 0,
    maxReadahead: Math.min(kernel.maxReadahead, options.maxReadahead ?? MAX_WRITE),
    maxBackground,
    congestionThreshold: options.congestionThreshold ?? Math.max(1, Math.floor(maxBackground * 3 / 4)),
    maxWrite: MAX_WRITE,
    maxPages: MAX_PAGES,
  };
}

function wanted(options: InitOptions): number {
  let flags = always;
  if (options.writebackCache ?? false) flags |= InitFlag.FUSE_WRITEBACK_CACHE;
  flags |= options.explicitInvalData ?? true ? InitFlag.FUSE_EXPLICIT_INVAL_DATA : InitFlag.FUSE_AUTO_INVAL_DATA;
  if (options.posixAcl ?? true) flags |= InitFlag.FUSE_POSIX_ACL;
  if (options.cacheSymlinks ?? true) flags |= InitFlag.FUSE_CACHE_SYMLINKS;
  if (options.readdirplus ?? true) flags |= InitFlag.FUSE_DO_READDIRPLUS | InitFlag.FUSE_READDIRPLUS_AUTO;
  return flags;
}
