import { fromText } from "../bytes/mod.ts";
import {
  close,
  duplicate,
  Errno,
  O_DIRECTORY,
  O_RDONLY,
  openAt,
  syncFile,
  writeAt,
  writeAtAsync,
} from "../linux/mod.ts";
import { decodeFlush, decodeSync, decodeWrite, encodeWritten } from "../protocol/mod.ts";
import type { Buffer } from "./buffer_pool.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";
import type { OpenFile } from "./handles.ts";

const SELF = fromText(".");
/** A write into the page cache takes a ms or less; where it takes so long, the kernel has it wait for the disk. */
const SLOW_MS = 20;

/**
 * Writes at once. When an error comes after some bytes, these are reported, and the error shows at the next write. With
 * O_APPEND the bytes go to the end whatever the offset (a peculiarity of Linux's pwrite that is wanted here).
 */
export function write(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const { fh, offset, data } = decodeWrite(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  if (file.isSlow) return writeSlowly(context, file, { data, offset });
  return answerWritten(context, file, put(file, data, offset));
}

/** As {@link write}, to the last byte: an error after some bytes is the answer. For who does not ask again. */
export function writeAll(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const { fh, offset, data } = decodeWrite(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  if (file.isSlow) return writeSlowly(context, file, { data, offset, toTheEnd: true });
  return answerWritten(context, file, putAll(file, data, offset));
}

/** Bytes written, or minus errno; notes whether the disk keeps up. */
function put(file: OpenFile, data: Uint8Array, offset: number): number {
  const began = performance.now();
  const written = writeAt(file.fd, data as Buffer, offset);
  if (performance.now() - began >= SLOW_MS) file.isSlow = true;
  return written;
}

/** The same, of all of `data` from byte `done` on: its length, or minus errno. */
function putAll(file: OpenFile, data: Uint8Array, offset: number, done = 0): number {
  for (let at = done; at < data.length;) {
    const written = put(file, data.subarray(at), offset + at);
    if (written <= 0) return written < 0 ? written : -Errno.EIO;
    at += written;
  }
  return data.length;
}

/** Off this thread, as is all that is written to this handle from now on. */
async function writeSlowly(
  context: Context,
  file: OpenFile,
  { data, offset, toTheEnd = false }: { data: Uint8Array; offset: number; toTheEnd?: boolean },
): Promise<Answer> {
  context.handles.hold(file);
  try {
    // The request may be cancelled, and its bytes be gone, before the thread is done.
    const own = data.slice();
    const written = await writeAtAsync(file.fd, own, offset);
    return answerWritten(context, file, toTheEnd && written > 0 ? putAll(file, own, offset, written) : written);
  } finally {
    context.handles.drop(file);
  }
}

function answerWritten(context: Context, { fd }: OpenFile, written: number): Answer {
  if (written < 0) return written;
  context.statistics.bytesWritten += written;
  const stat = describeFd(fd);
  return typeof stat === "number" ? stat : encodeWritten({ written, stat });
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
