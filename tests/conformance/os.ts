/** A process's view of the files, call by call. Names and data are byte strings: one character is one byte. */

/** What a call gives: a value, or minus errno. */
export type OrErrno<T> = T | number;

/** What a program sees of a file, apart from its times. */
export interface FileFacts {
  /** As `find -printf %y`: f d l p s c b. */
  readonly type: string;
  /** Permission bits, setuid, setgid and sticky included. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** `MAJOR:MINOR` of a device. */
  readonly rdev: string;
  readonly blksize: number;
  /** The same for two names of one file; runs are compared by which are the same, not by the number. */
  readonly ino: string;
}

/** Nanoseconds since 1970, as decimal digits: JSON has no integers of that size. */
export interface FileTimes {
  readonly atime: string;
  readonly mtime: string;
  readonly ctime: string;
  readonly btime: string;
}

/** Arguments of fcntl(2) locks. */
export interface RecordLock {
  readonly type: "read" | "write" | "unlock";
  readonly start: number;
  /** 0: to the end of the file, wherever that moves. */
  readonly length: number;
  /** F_OFD_SETLK and its kin: the lock belongs to the open file, not to the process. */
  readonly ofd?: boolean;
  /** Waits until it is granted. */
  readonly wait?: boolean;
}

/** How a program ended, and what it said. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The system calls that cases make. Paths are taken from the case's own folder. A file descriptor is an index, the lowest
 * free one, so that two runs give the same numbers; so is a mapping.
 */
export interface Os {
  chdir(path: string): number;
  umask(mask: number): number;
  /** Of this process's file accesses (setfsuid): without root's powers unless uid is 0. */
  become(uid: number, gid: number): number;

  open(path: string, flags: number, mode?: number): number;
  openAt(dir: number, path: string, flags: number, mode?: number): number;
  /** By way of /proc/self/fd. */
  reopen(fd: number, flags: number): number;
  dup(fd: number): number;
  close(fd: number): number;
  read(fd: number, size: number): OrErrno<string>;
  pread(fd: number, size: number, offset: number): OrErrno<string>;
  write(fd: number, data: string): number;
  pwrite(fd: number, data: string, offset: number): number;
  /** Writes `size` bytes of a sequence that `seed` determines; as many as were written. */
  fill(fd: number, at: { offset: number; size: number; seed: number }): number;
  /** SHA-256 of all there is, read in pieces of `piece` bytes from the start. */
  digest(fd: number, piece: number): OrErrno<string>;
  seek(fd: number, offset: number, whence: number): number;
  truncate(path: string, size: number): number;
  ftruncate(fd: number, size: number): number;
  fsync(fd: number): number;
  fdatasync(fd: number): number;
  ioctl(fd: number, request: number): number;

  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  symlink(target: string, path: string): number;
  readlink(path: string): OrErrno<string>;
  /** A symbolic link is linked itself. */
  link(from: string, to: string): number;
  /** A symbolic link is followed. */
  linkFollowing(from: string, to: string): number;
  /** What is open gets a name, by way of /proc/self/fd. */
  linkOpen(fd: number, to: string): number;
  rename(from: string, to: string, flags?: number): number;
  /** `mode` with the type's bits; `device`: major and minor. */
  mknod(path: string, mode: number, device?: [number, number]): number;
  /** Names and types, in order of the names; "." and ".." are left out, their absence is ENOENT. */
  list(path: string): OrErrno<string[]>;
  /** Some entries, from the descriptor's position: `name type cookie` each. */
  getdents(fd: number, size: number): OrErrno<string[]>;
  /** Continues a listing after an entry, by its cookie. */
  seekdir(fd: number, cookie: string): number;

  stat(path: string): OrErrno<FileFacts>;
  lstat(path: string): OrErrno<FileFacts>;
  fstat(fd: number): OrErrno<FileFacts>;
  times(path: string): OrErrno<FileTimes>;
  /** ns since 1970 as digits, "now" or "omit"; a link's own times where `follow` is false. */
  setTimes(path: string, times: { atime: string; mtime: string; follow?: boolean }): number;
  setTimesOpen(fd: number, times: { atime: string; mtime: string }): number;
  chmod(path: string, mode: number): number;
  fchmod(fd: number, mode: number): number;
  /** -1 leaves an id as it is. */
  chown(path: string, uid: number, gid: number): number;
  lchown(path: string, uid: number, gid: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  /** With the effective ids. */
  access(path: string, mask: number): number;
  statfs(path: string): OrErrno<{ bsize: number; namelen: number; blocks: number }>;

  fallocate(fd: number, mode: number, range: { offset: number; length: number }): number;
  copyRange(from: number, to: number, range: { fromOffset: number; toOffset: number; length: number }): number;
  sendfile(from: number, to: number, range: { offset: number; length: number }): number;

  getxattr(path: string, name: string): OrErrno<string>;
  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
  setxattr(path: string, name: string, value: string, flags?: number): number;
  removexattr(path: string, name: string): number;
  listxattr(path: string): OrErrno<string[]>;
  /** Of a symbolic link itself. */
  lgetxattr(path: string, name: string): OrErrno<string>;
  lsetxattr(path: string, name: string, value: string): number;
  fgetxattr(fd: number, name: string): OrErrno<string>;
  fsetxattr(fd: number, name: string, value: string): number;

  flock(fd: number, operation: number): number;
  lock(fd: number, lock: RecordLock): number;
  /** The type of a lock that is in the way, or "unlock". */
  getLock(fd: number, lock: RecordLock): OrErrno<string>;

  map(fd: number, how: { offset: number; length: number; write: boolean; shared: boolean }): number;
  peek(mapping: number, offset: number, size: number): string;
  poke(mapping: number, offset: number, data: string): number;
  msync(mapping: number): number;
  unmap(mapping: number): number;

  /** Runs a script of sh. */
  run(script: string): Ended;
  /** All there is below, a line each: name, type, mode, owner, links, target, content, extended attributes. */
  describe(path: string): string[];
}

/** The same, from a distance. */
export type Calls = {
  [K in keyof Os]: (...args: Parameters<Os[K]>) => Promise<ReturnType<Os[K]>>;
};
