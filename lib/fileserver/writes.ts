import { fromText } from "../bytes/mod.ts";
import { close, duplicate, Errno, O_DIRECTORY, O_RDONLY, openAt, syncFile, writeAt } from "../linux/mod.ts";
import { decodeFlush, decodeSync, decodeWrite, encodeWritten } from "../protocol/mod.ts";
import type { Buffer } from "./buffer_pool.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";

const SELF = fromText(".");

/**
 * Writes at once. When an error comes after some bytes, these are reported, and the error shows at the next write. With
 * O_APPEND the bytes go to the end whatever the offset (a peculiarity of Linux's pwrite that is wanted here).
 */
export function write(context: Context, body: Uint8Array): Answer {
  const { fh, offset, data } = decodeWrite(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  const written = writeAt(file.fd, data as Buffer, offset);
  if (written < 0) return written;
  context.statistics.bytesWritten += written;
  const stat = describeFd(file.fd);
  return typeof stat === "number" ? stat : encodeWritten({ written, stat });
}

/** As {@link write}, to the last byte: an error after some bytes is the answer. For who does not ask again. */
export function writeAll(context: Context, body: Uint8Array): Answer {
  const { fh, offset, data } = decodeWrite(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  for (let at = 0; at < data.length;) {
    const written = writeAt(file.fd, data.subarray(at) as Buffer, offset + at);
    if (written <= 0) return written < 0 ? written : -Errno.EIO;
    context.statistics.bytesWritten += written;
    at += written;
  }
  const stat = describeFd(file.fd);
  return typeof stat === "number" ? stat : encodeWritten({ written: data.length, stat });
}

/** What close(2) says of the file so far: some file systems (NFS, quotas) report lost writes only there. */
export function flush(context: Context, body: Uint8Array): Answer {
  const { fh, owner } = decodeFlush(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  context.locks.closedBy(owner, file);
  const copy = duplicate(file.fd);
  return copy < 0 ? copy : close(copy);
}

export async function sync(context: Context, body: Uint8Array): Promise<Answer> {
  const { id, dataOnly } = decodeSync(body);
  const file = context.handles.find(id);
  if (file === undefined) return -Errno.EBADF;
  context.handles.hold(file);
  try {
    return await syncFile(file.fd, dataOnly);
  } finally {
    context.handles.drop(file);
  }
}

/** Through a descriptor of its own: the O_PATH one cannot be synced. */
export async function syncDirectory(context: Context, body: Uint8Array): Promise<Answer> {
  const { id, dataOnly } = decodeSync(body);
  const dir = context.directories.find(id);
  if (dir < 0) return dir;
  const fd = openAt(dir, SELF, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fd;
  try {
    return await syncFile(fd, dataOnly);
  } finally {
    close(fd);
  }
}
