/** Attributes. */
import {
  AT_FDCWD,
  changeModeFd,
  changeTimes,
  close,
  decodeDevice,
  libc,
  negative,
  O_CLOEXEC,
  O_PATH,
  type Stat,
  statAt,
  statFd,
  statFs,
  statPath,
  type Time,
  UTIME_NOW,
  UTIME_OMIT,
} from "../../../lib/linux/mod.ts";
import type { FileFacts, FileTimes, OrErrno, Os } from "../os.ts";
import { path, type Process } from "./process.ts";

type Part = Pick<
  Os,
  | "stat"
  | "lstat"
  | "fstat"
  | "times"
  | "setTimes"
  | "setTimesOpen"
  | "chmod"
  | "fchmod"
  | "chown"
  | "lchown"
  | "fchown"
  | "access"
  | "statfs"
>;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EACCESS = 0x200;

export function factCalls(process: Process): Part {
  const chown = (name: string, uid: number, gid: number, flags = 0) =>
    negative(libc().fchownat(AT_FDCWD, path(name), uid >>> 0, gid >>> 0, flags));
  return {
    stat: (name) => facts(statPath(name as never)),
    lstat: (name) => facts(statAt(AT_FDCWD, name as never)),
    fstat: (fd) => facts(statFd(process.fd(fd))),
    times: (name) => times(statAt(AT_FDCWD, name as never)),
    setTimes(name, { atime, mtime, follow = true }) {
      const values = new BigInt64Array(
        [time(atime), time(mtime)].flatMap(({ sec, nsec }) => [BigInt(sec), BigInt(nsec)]),
      );
      const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
      return negative(libc().utimensat(AT_FDCWD, path(name), new Uint8Array(values.buffer), flags));
    },
    setTimesOpen: (fd, { atime, mtime }) => changeTimes(process.fd(fd), time(atime), time(mtime)),
    chmod: (name, mode) => negative(libc().fchmodat(AT_FDCWD, path(name), mode, 0)),
    fchmod: (fd, mode) => changeModeFd(process.fd(fd), mode),
    chown: (name, uid, gid) => chown(name, uid, gid),
    lchown: (name, uid, gid) => chown(name, uid, gid, AT_SYMLINK_NOFOLLOW),
    fchown: (fd, uid, gid) => negative(libc().fchown(process.fd(fd), uid >>> 0, gid >>> 0)),
    access: (name, mask) => negative(libc().faccessat(AT_FDCWD, path(name), mask, AT_EACCESS)),
    statfs(name) {
      const fd = negative(libc().openat(AT_FDCWD, path(name), O_PATH | O_CLOEXEC, 0));
      if (fd < 0) return fd;
      const found = statFs(fd);
      close(fd);
      return typeof found === "number" ? found : { bsize: found.bsize, namelen: found.namelen, blocks: found.blocks };
    },
  };
}

/** What `find` calls the types, by the type's bits. */
const typeLetters: Record<number, string> = { 1: "p", 2: "c", 4: "d", 6: "b", 8: "f", 10: "l", 12: "s" };

export function facts(stat: OrErrno<Stat>): OrErrno<FileFacts> {
  if (typeof stat === "number") return stat;
  const { major, minor } = decodeDevice(stat.rdev);
  return {
    type: typeLetters[stat.mode >> 12],
    mode: stat.mode & 0o7777,
    nlink: stat.nlink,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    rdev: `${major}:${minor}`,
    blksize: stat.blksize,
    ino: String(stat.ino),
  };
}

export function times(stat: OrErrno<Stat>): OrErrno<FileTimes> {
  if (typeof stat === "number") return stat;
  const ns = (sec: number, nsec: number) => String(BigInt(sec) * 1_000_000_000n + BigInt(nsec));
  return {
    atime: ns(stat.atime, stat.atimeNsec),
    mtime: ns(stat.mtime, stat.mtimeNsec),
    ctime: ns(stat.ctime, stat.ctimeNsec),
    btime: ns(stat.btime, stat.btimeNsec),
  };
}

/** Nanoseconds as digits, "now" or "omit", as utimensat(2) takes it. */
export function time(text: string): Time {
  if (text === "now") return { sec: 0, nsec: UTIME_NOW };
  if (text === "omit") return { sec: 0, nsec: UTIME_OMIT };
  const ns = BigInt(text);
  const nsec = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { sec: Number((ns - nsec) / 1_000_000_000n), nsec: Number(nsec) };
}
