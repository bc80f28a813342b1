import { type ByteString, fromText } from "../bytes/mod.ts";
import { AT_FDCWD, close, Errno, O_NOFOLLOW, O_PATH, openAt, type Stat, statFd } from "../linux/mod.ts";
import { ANY_INODE, type FileAttr, type FileRef, type NamedRef } from "../protocol/mod.ts";
import type { Answer, Context } from "./context.ts";
import { describeAt, describeFd } from "./describe.ts";

/** A file that a request names, found and checked. */
export interface Found {
  /** O_PATH for names and directories. Valid during the call only. */
  readonly fd: number;
  readonly stat: Stat;
}

/** Runs `action` on the file that `ref` stands for, or answers why it cannot be had: ESTALE, EACCES, EBADF. */
export function withFile(context: Context, ref: FileRef, action: (file: Found) => Answer): Answer {
  if (ref.kind === "name") {
    const dir = context.directories.findFor(ref.dir, ref.name);
    return dir < 0 ? dir : withName(context, { ref, dir }, action);
  }
  const fd = ref.kind === "handle"
    ? context.handles.find(ref.fh)?.fd ?? -Errno.EBADF
    : context.directories.find(ref.dir);
  if (fd < 0) return fd;
  const stat = statFd(fd);
  return typeof stat === "number" ? stat : action({ fd, stat });
}

function withName(context: Context, at: { ref: NamedRef; dir: number }, action: (file: Found) => Answer): Answer {
  const { ref, dir } = at;
  const file = pin(context, { number: ref.dir, fd: dir, name: ref.name });
  if (typeof file === "number") return file === -Errno.ENOENT ? -Errno.ESTALE : file;
  try {
    return isMeant(ref, file.stat) ? action(file) : -Errno.ESTALE;
  } finally {
    close(file.fd);
  }
}

/** A name in a directory: the directory's number and descriptor. */
export interface Place {
  readonly number: number;
  readonly fd: number;
  readonly name: ByteString;
}

/**
 * Whatever has this name now, held by an O_PATH descriptor that the caller closes, so that the file checked is the file
 * worked on; or minus errno. Nothing is followed, and nothing happens to a fifo or a device.
 */
export function pin(context: Context, place: Place): Found | number {
  const fd = openAt(place.fd, place.name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return fd;
  const file = describe(context, place, fd);
  if (typeof file === "number") close(fd);
  return file;
}

function describe(context: Context, { number }: Place, fd: number): Found | number {
  const stat = statFd(fd);
  if (typeof stat === "number") return stat;
  // A single file can be mounted over another one, from any file system.
  const isForeign = context.directories.isBorder(number, stat.dev);
  return isForeign && context.policy.refusesFileSystem(fd) ? -Errno.EACCES : { fd, stat };
}

/** Attributes of the file that `ref` stands for; of names without opening anything. */
export function statRef(context: Context, ref: FileRef): FileAttr | number {
  if (ref.kind === "handle") return describeFd(context.handles.find(ref.fh)?.fd ?? -1);
  const dir = context.directories.find(ref.dir);
  if (dir < 0) return dir;
  if (ref.kind === "directory") return describeFd(dir);
  const stat = describeAt(dir, ref.name);
  if (typeof stat === "number") return stat === -Errno.ENOENT ? -Errno.ESTALE : stat;
  return isMeant(ref, stat) ? stat : -Errno.ESTALE;
}

function isMeant(ref: NamedRef, stat: Stat): boolean {
  return stat.dev === ref.dev && (ref.ino === ANY_INODE || stat.ino === ref.ino);
}

/** A path to the very file that `fd` holds, O_PATH or not: following it cannot lead elsewhere. */
export function descriptorPath(fd: number): ByteString {
  return fromText(`/proc/self/fd/${fd}`);
}

/** A new descriptor of the file that `fd` holds: minus errno when the user may not open it so. */
export function reopen(fd: number, flags: number): number {
  return openAt(AT_FDCWD, descriptorPath(fd), flags);
}
