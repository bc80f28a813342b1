import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  clearFlag,
  close,
  Errno,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_TMPFILE,
  O_TRUNC,
  openAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  withUmask,
} from "../linux/mod.ts";
import { decodeCreate, decodeOpen, decodeTmpFile } from "../protocol/mod.ts";
import { answerStat } from "./attributes.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";
import { type Found, pin, type Place, reopen, withFile } from "./references.ts";

const SELF = fromText(".");
/** `asm-generic/fcntl.h`; O_SYNC contains O_DSYNC. */
const O_DSYNC = 0o10000;
const O_SYNC = 0o4010000;

/**
 * Flags that mean something here; the others are dropped: O_NONBLOCK (only regular files are opened), O_CREAT and
 * O_TMPFILE (CREATE and TMPFILE add them), O_PATH (not what a handle is for). O_DIRECT only asks whether the file system
 * has it: see {@link withoutDirect}.
 */
const ALLOWED = O_ACCMODE | O_APPEND | O_TRUNC | O_NOATIME | O_SYNC | O_DSYNC | O_DIRECT;

/** How often CREATE tries when the name appears and vanishes under its hands. */
const ATTEMPTS = 8;

export function open(context: Context, body: Uint8Array): Answer {
  const { ref, fh, flags } = decodeOpen(body);
  const refused = context.handles.check(fh);
  if (refused < 0) return refused;
  return withFile(context, ref, (file) => {
    context.walks.opened(file.stat);
    return admit(context, fh, withoutDirect(openRegular(file, flags), flags));
  });
}

/** Opens a file without a name. What the flags do not forbid (O_EXCL) may be given one by LINK. */
export function makeTmpFile(context: Context, body: Uint8Array): Answer {
  const { dir, fh, flags, mode, umask } = decodeTmpFile(body);
  const refused = context.handles.check(fh);
  if (refused < 0) return refused;
  const fd = context.directories.find(dir);
  if (fd < 0) return fd;
  const wanted = (flags & (ALLOWED | O_EXCL) & ~O_NOATIME) | O_TMPFILE;
  const opened = withUmask(umask, () => openAt(fd, SELF, wanted, mode));
  return admit(context, fh, withoutDirect(opened, flags));
}

/** Opens what was created, or without O_EXCL what was there: never by way of a link (ELOOP). */
export function create(context: Context, body: Uint8Array): Answer {
  const { dir, name, fh, ...how } = decodeCreate(body);
  const refused = context.handles.check(fh);
  if (refused < 0) return refused;
  const fd = context.directories.findFor(dir, name);
  if (fd < 0) return fd;
  const opened = createOrOpen(context, { number: dir, fd, name }, how);
  return admit(context, fh, withoutDirect(opened, how.flags));
}

/** Takes O_DIRECT off a descriptor: what crosses a link is in no buffer that is aligned, and need not be. */
function withoutDirect(fd: number, flags: number): number {
  if (fd >= 0 && (flags & O_DIRECT) !== 0) clearFlag(fd, O_DIRECT);
  return fd;
}

/** Puts an opened descriptor (or minus errno) under the agent's number and answers the file's attributes. */
function admit(context: Context, fh: number, fd: number): Answer {
  if (fd < 0) return fd;
  const stat = describeFd(fd);
  if (typeof stat === "number") close(fd);
  else context.handles.add(fh, fd, stat.dev);
  return answerStat(stat);
}

/** A descriptor for I/O of a regular file, or minus errno. What is not one is never opened: opening alone can act. */
export function openRegular({ fd, stat }: Found, flags: number): number {
  const type = stat.mode & S_IFMT;
  if (type !== S_IFREG) return refusals.get(type) ?? -Errno.EOPNOTSUPP;
  const opened = reopen(fd, flags & ALLOWED);
  // O_NOATIME is for the owner alone, and only a wish: the file is read all the same.
  return opened === -Errno.EPERM && (flags & O_NOATIME) !== 0 ? reopen(fd, flags & ALLOWED & ~O_NOATIME) : opened;
}

const refusals: ReadonlyMap<number, number> = new Map([
  [S_IFDIR, -Errno.EISDIR],
  [S_IFLNK, -Errno.ELOOP],
  [S_IFSOCK, -Errno.ENXIO],
]);

/** How a file is created. */
interface NewFile {
  readonly flags: number;
  readonly mode: number;
  readonly umask: number;
}

/**
 * Always with O_EXCL: a plain O_CREAT would also open a fifo or a device that has the name. What exists is opened as
 * OPEN does it.
 */
function createOrOpen(context: Context, place: Place, how: NewFile): number {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const created = createNew(place.fd, place.name, how);
    if (created !== -Errno.EEXIST || (how.flags & O_EXCL) !== 0) return created;
    const opened = openExisting(context, place, how.flags);
    if (opened !== -Errno.ENOENT) return opened;
  }
  return -Errno.ESTALE;
}

/** Without O_NOATIME: the new file may turn out to be another user's (NFS), and the call would fail after making it. */
function createNew(dir: number, name: ByteString, { flags, mode, umask }: NewFile): number {
  const wanted = (flags & ALLOWED & ~O_NOATIME) | O_CREAT | O_EXCL | O_NOFOLLOW;
  return withUmask(umask, () => openAt(dir, name, wanted, mode));
}

function openExisting(context: Context, place: Place, flags: number): number {
  const file = pin(context, place);
  if (typeof file === "number") return file;
  const opened = openRegular(file, flags);
  close(file.fd);
  return opened;
}
