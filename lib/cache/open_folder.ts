import { type ByteString, fromText, toBytes } from "../bytes/mod.ts";
import {
  accessFd,
  AT_FDCWD,
  changeModeFd,
  close,
  decodeDirectory,
  effectiveUser,
  Errno,
  errnoName,
  makeDirectoryAt,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
  readDirectory,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  type Stat,
  statAt,
  statFd,
  statFs,
  writeAll,
} from "../linux/mod.ts";
import { CacheError } from "./cache_error.ts";

const TAG = fromText("CACHEDIR.TAG");
const TAG_TEXT =
  "Signature: 8a477f597d28d172789f06886806bc55\n# outrun keeps contents of files in here: outrun cache\n";
const OWNER_ONLY = 0o700;
const OTHERS_MAY_WRITE = 0o022;
const W_OK_AND_X_OK = 3;

/**
 * File systems that other machines write too (`linux/magic.h` and their own sources): SQLite's WAL is memory that all
 * users of the index share.
 */
const network: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x5346414f, // AFS
  0x6b414653, // kAFS
  0x73757245, // Coda
  0x00c36400, // Ceph
  0x01021997, // 9p
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x19830326, // BeeGFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
]);

/** A descriptor of the cache's folder, which is made if it is missing; throws a CacheError when it will not do. */
export function openFolder(path: string): number {
  const refuse = (why: string) => new CacheError(`Cannot use the cache "${path}": ${why}`);
  const name = fromText(path);
  const made = make(name);
  if (made < 0 && made !== -Errno.EEXIST) throw refuse(explain(made));
  const stat = statAt(AT_FDCWD, name);
  if (typeof stat !== "number" && (stat.mode & S_IFMT) === S_IFLNK) throw refuse("it is a symbolic link");
  if (typeof stat !== "number" && (stat.mode & S_IFMT) !== S_IFDIR) throw refuse("it is not a folder");
  const fd = openAt(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) throw refuse(explain(fd));
  const fault = faultOf(fd);
  if (fault === undefined) return fd;
  close(fd);
  throw refuse(fault);
}

/** The folder, and those above it that are missing. */
function make(path: ByteString): number {
  const made = makeDirectoryAt(AT_FDCWD, path, OWNER_ONLY);
  const parent = path.slice(0, path.lastIndexOf("/")) as ByteString;
  if (made !== -Errno.ENOENT || parent === "") return made;
  const above = make(parent);
  return above < 0 && above !== -Errno.EEXIST ? above : makeDirectoryAt(AT_FDCWD, path, OWNER_ONLY);
}

function faultOf(fd: number): string | undefined {
  const stat = statFd(fd);
  if (typeof stat === "number") return explain(stat);
  if (stat.uid !== effectiveUser()) return `it belongs to user ${stat.uid}`;
  if ((stat.mode & OTHERS_MAY_WRITE) !== 0) return "others may write to it";
  const disk = statFs(fd);
  if (typeof disk !== "number" && network.has(disk.type)) return "it is on a network file system";
  const access = accessFd(fd, W_OK_AND_X_OK);
  if (access < 0) return explain(access);
  const taken = claim(fd);
  if (taken !== undefined) return taken;
  const closed = makePrivate(fd, stat);
  return closed < 0 ? explain(closed) : undefined;
}

/**
 * Marks the folder as the cache's, which removes what it does not know in there; undefined, or why it is not to be. The mark
 * is that of the Cache Directory Tagging Specification, which keeps backups from it too.
 */
function claim(folder: number): string | undefined {
  const tag = openAt(folder, TAG, O_RDONLY | O_NOFOLLOW);
  if (tag >= 0) return void close(tag);
  if (!isEmpty(folder)) return "it holds other files; name a folder that is empty, or not there yet";
  const made = openAt(folder, TAG, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
  if (made < 0) return explain(made);
  // An empty mark is one, too: the disk may be full.
  writeAll(made, toBytes(fromText(TAG_TEXT)));
  close(made);
  return undefined;
}

function isEmpty(folder: number): boolean {
  const fd = openAt(folder, fromText("."), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return false;
  const buffer = new Uint8Array(4096);
  const length = readDirectory(fd, buffer);
  close(fd);
  return length >= 0 && decodeDirectory(buffer.subarray(0, length)).every(({ name }) => name === "." || name === "..");
}

/** What is in there may be readable for nobody but root where it comes from. */
function makePrivate(fd: number, { mode }: Stat): number {
  return (mode & 0o777) === OWNER_ONLY ? 0 : changeModeFd(fd, OWNER_ONLY);
}

function explain(result: number): string {
  if (result === -Errno.EROFS) return "the file system is read-only";
  if (result === -Errno.EACCES) return "permission denied";
  return errnoName(-result);
}
