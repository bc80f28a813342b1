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

/**
 * When an error comes after some bytes, these are reported, and the error shows at the next write. With O_APPEND the bytes go
 * to the end whatever the offset (a peculiarity of Linux's pwrite that is wanted here).
 */
export function write(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  return writeTo(context, body, writeAt);
}

/** As {@link write}, to the last byte: an error after some bytes is the answer. For who does not ask again. */
export function writeAll(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  return writeTo(context, body, writeToTheEnd);
}

/** Bytes written at an offset, or minus errno. */
type Put = (fd: number, data: Buffer, offset: number) => number;

function writeTo(context: Context, body: Uint8Array, put: Put): Answer | Promise<Answer> {
  const { fh, offset, data } = decodeWrite(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  if (context.slowDisks.take(file.device, data.length)) return writeSlowly(context, file, { data, offset, put });
  const began = performance.now();
  const written = put(file.fd, data as Buffer, offset);
  context.slowDisks.took(file.device, performance.now() - began);
  return answerWritten(context, file, written);
}

async function writeSlowly(
  context: Context,
  file: OpenFile,
  { data, offset, put }: { data: Uint8Array; offset: number; put: Put },
): Promise<Answer> {
  const { handles, slowDisks } = context;
  handles.hold(file);
  try {
    // The request may be cancelled, and its bytes be gone, before the thread is done.
    const own = data.slice();
    const began = performance.now();
    const written = await writeAtAsync(file.fd, own, offset);
    slowDisks.took(file.device, performance.now() - began);
    if (written <= 0 || written === own.length || put === writeAt) return answerWritten(context, file, written);
    const rest = put(file.fd, own.subarray(written), offset + written);
    return answerWritten(context, file, rest < 0 ? rest : written + rest);
  } finally {
    slowDisks.written(data.length);
    handles.drop(file);
  }
}

function writeToTheEnd(fd: number, data: Buffer, offset: number): number {
  for (let at = 0; at < data.length;) {
    const written = writeAt(fd, data.subarray(at), offset + at);
    if (written <= 0) return written < 0 ? written : -Errno.EIO;
    at += written;
  }
  return data.length;
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
