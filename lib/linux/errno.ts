/** Linux error numbers by name (`asm-generic/errno-base.h`, `asm-generic/errno.h`). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
} as const;

const names = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]));

/** `ENOENT` for 2; the number itself where the table has no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/** A system call that failed. */
export class ErrnoError extends Error {
  override name = "ErrnoError";
  /** Positive. */
  readonly errno: number;

  constructor(errno: number, action: string) {
    super(`Cannot ${action}: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/** A result in the kernel's convention, or an {@link ErrnoError} that says what was tried (`mount /dev/fuse`). */
export function unwrap(result: number, action: string): number {
  if (result < 0) throw new ErrnoError(-result, action);
  return result;
}

/** Minus errno; EIO where a failed call left none, so that a failure is never taken for success. */
export function errnoAfter(errno: number): number {
  return errno > 0 ? -errno : -Errno.EIO;
}
