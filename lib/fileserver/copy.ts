import { type CopyRange, copyRange, Errno, readAtAsync, writeAt } from "../linux/mod.ts";
import { decodeCopy, encodeCopied } from "../protocol/mod.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";

/** After that long what is done is answered: whoever wants more asks again, or was killed meanwhile. */
const SLICE_MS = 1000;
/** Bytes of one copy_file_range(2): a disk writes them within that time. Where files share blocks it takes none. */
const STEP = 256 << 20;
const BUFFER = 1 << 20;
const buffers = new BufferPool(BUFFER, 4);

/** The kernel cannot copy between these two files by itself: between file systems of two kinds, most often. */
const cannotCopy: ReadonlySet<number> = new Set([-Errno.EXDEV, -Errno.EOPNOTSUPP, -Errno.ENOSYS]);

/** Copies from one open file to another without a byte crossing the link. */
export async function copy(context: Context, body: Uint8Array): Promise<Answer> {
  const { from, to, ...range } = decodeCopy(body);
  const { handles, statistics } = context;
  const [source, target] = [handles.find(from), handles.find(to)];
  if (source === undefined || target === undefined) return -Errno.EBADF;
  handles.hold(source);
  handles.hold(target);
  try {
    const copied = await copyFor(SLICE_MS, { ...range, from: source.fd, to: target.fd });
    if (copied < 0) return copied;
    statistics.bytesWritten += copied;
    const stat = describeFd(target.fd);
    return typeof stat === "number" ? stat : encodeCopied({ copied, stat });
  } finally {
    handles.drop(source);
    handles.drop(target);
  }
}

/** Bytes copied in about this time; minus errno when not even one was. */
async function copyFor(ms: number, range: CopyRange): Promise<number> {
  const end = performance.now() + ms;
  let copied = 0;
  let step = copyRange;
  do {
    const [fromOffset, toOffset] = [range.fromOffset + copied, range.toOffset + copied];
    const length = Math.min(STEP, range.length - copied);
    const result = await step({ ...range, fromOffset, toOffset, length });
    if (cannotCopy.has(result) && step === copyRange) step = copyBytes;
    else if (result <= 0) return copied > 0 ? copied : result;
    else copied += result;
  } while (copied < range.length && performance.now() < end);
  return copied;
}

/** By way of memory, a buffer at a time. */
async function copyBytes({ from, fromOffset, to, toOffset, length }: CopyRange): Promise<number> {
  const buffer = buffers.take();
  try {
    const read = await readAtAsync(from, buffer.subarray(0, Math.min(length, BUFFER)), fromOffset);
    return read <= 0 ? read : writeAt(to, buffer.subarray(0, read), toOffset);
  } finally {
    buffers.give(buffer);
  }
}
