import { allocate, Errno, seek } from "../linux/mod.ts";
import { decodeAllocate, decodeSeek, encodePosition } from "../protocol/mod.ts";
import { answerStat } from "./attributes.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";

/** fallocate(2) with whatever modes the file system has. */
export async function allocateRange(context: Context, body: Uint8Array): Promise<Answer> {
  const { fh, ...range } = decodeAllocate(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  context.handles.hold(file);
  try {
    const failed = await allocate(file.fd, range);
    return failed < 0 ? failed : answerStat(describeFd(file.fd));
  } finally {
    context.handles.drop(file);
  }
}

export function seekIn(context: Context, body: Uint8Array): Answer {
  const { fh, offset, whence } = decodeSeek(body);
  const file = context.handles.find(fh);
  if (file === undefined) return -Errno.EBADF;
  const found = seek(file.fd, offset, whence);
  // Behind the last position that a message can hold.
  if (found > Number.MAX_SAFE_INTEGER) return -Errno.EOVERFLOW;
  return found < 0 ? found : encodePosition(found);
}
