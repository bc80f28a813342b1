import { fromText } from "../bytes/mod.ts";
import {
  accessFd,
  changeModePath,
  changeOwner,
  changeTimes,
  close,
  Errno,
  O_NONBLOCK,
  O_WRONLY,
  readLinkAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statFs,
  truncateFd,
  UTIME_OMIT,
} from "../linux/mod.ts";
import {
  decodeAccess,
  decodeRef,
  decodeSetAttr,
  encodeStat,
  encodeStatFs,
  type FileAttr,
  type SetAttrIn,
} from "../protocol/mod.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";
import { type Found, reopen, statRef, withFile } from "./references.ts";

/** Names the file behind the descriptor itself. */
const EMPTY = fromText("");
const UNCHANGED_ID = 0xffff_ffff;
const UNCHANGED_TIME = { sec: 0, nsec: UTIME_OMIT };

/** Attributes as a reply. */
export function answerStat(stat: FileAttr | number): Answer {
  return typeof stat === "number" ? stat : encodeStat(stat);
}

export function getAttr(context: Context, body: Uint8Array): Answer {
  return answerStat(statRef(context, decodeRef(body)));
}

/**
 * Owner first (it clears setuid bits), then mode (which may set them again), size (it changes mtime), times. The first
 * step that fails ends it; what was done before stays done, as with the system calls one by one.
 */
export function setAttr(context: Context, body: Uint8Array): Answer {
  const change = decodeSetAttr(body);
  return withFile(context, change.ref, (file) => {
    const failed = changeOwners(file, change) || changeMode(file, change) || changeSize(file, change) ||
      changeBothTimes(file, change);
    return failed < 0 ? failed : answerStat(describeFd(file.fd));
  });
}

function changeOwners({ fd }: Found, { uid, gid }: SetAttrIn): number {
  return uid === undefined && gid === undefined ? 0 : changeOwner(fd, uid ?? UNCHANGED_ID, gid ?? UNCHANGED_ID);
}

function changeMode({ fd }: Found, { mode }: SetAttrIn): number {
  return mode === undefined ? 0 : changeModePath(fd, mode);
}

function changeSize({ fd, stat }: Found, { ref, size }: SetAttrIn): number {
  if (size === undefined) return 0;
  if ((stat.mode & S_IFMT) === S_IFDIR) return -Errno.EISDIR;
  if ((stat.mode & S_IFMT) !== S_IFREG) return -Errno.EINVAL;
  // A file that is open for writing stays writable whatever its mode says by now.
  const result = ref.kind === "handle" ? truncateFd(fd, size) : -Errno.EINVAL;
  return result === -Errno.EINVAL ? truncateReopened(fd, size) : result;
}

function truncateReopened(fd: number, size: number): number {
  const writable = reopen(fd, O_WRONLY | O_NONBLOCK);
  if (writable < 0) return writable;
  const result = truncateFd(writable, size);
  close(writable);
  return result;
}

function changeBothTimes({ fd }: Found, { atime, mtime }: SetAttrIn): number {
  if (atime === undefined && mtime === undefined) return 0;
  return changeTimes(fd, atime ?? UNCHANGED_TIME, mtime ?? UNCHANGED_TIME);
}

export function readLink(context: Context, body: Uint8Array): Answer {
  return withFile(context, decodeRef(body), ({ fd, stat }) => {
    return (stat.mode & S_IFMT) === S_IFLNK ? readLinkAt(fd, EMPTY) : -Errno.EINVAL;
  });
}

/** With the effective ids of this process. */
export function access(context: Context, body: Uint8Array): Answer {
  const { ref, mask } = decodeAccess(body);
  return withFile(context, ref, ({ fd }) => accessFd(fd, mask));
}

export function statFileSystem(context: Context, body: Uint8Array): Answer {
  return withFile(context, decodeRef(body), ({ fd }) => {
    const found = statFs(fd);
    return typeof found === "number" ? found : encodeStatFs(found);
  });
}
