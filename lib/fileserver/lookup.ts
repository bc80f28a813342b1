import { type ByteString, byteString, fromText } from "../bytes/mod.ts";
import {
  close,
  duplicate,
  isCachedAt,
  lookAtAsync,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  readLinkAt,
  S_IFLNK,
  S_IFMT,
} from "../linux/mod.ts";
import { decodeName, encodeLookupOut, type LookupOut } from "../protocol/mod.ts";
import type { Answer, Context } from "./context.ts";
import { describeAt, describeFd } from "./describe.ts";

/** Names the file behind the descriptor itself. */
const EMPTY = fromText("");

export function lookup(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const { dir, name } = decodeName(body);
  const fd = context.directories.find(dir);
  if (fd < 0) return fd;
  return context.waitsHere || isCachedAt(fd, name) ? look(context, dir, name) : lookWarmed(context, dir, name);
}

async function lookWarmed(context: Context, dir: number, name: ByteString): Promise<Answer> {
  // The number may be given up meanwhile, and what was asked of the directory is answered all the same.
  const fd = duplicate(context.directories.find(dir));
  if (fd < 0) return fd;
  try {
    await lookAtAsync(fd, name);
    return context.directories.find(dir) < 0 ? answer(findAt(fd, name)) : look(context, dir, name);
  } finally {
    close(fd);
  }
}

function look({ directories }: Context, dir: number, name: ByteString): Answer {
  return answer(directories.look(dir, name));
}

function answer(found: LookupOut | number): Answer {
  return typeof found === "number" ? found : encodeLookupOut(found);
}

/** Attributes of `name` in the directory `dir`, and a symbolic link's target, both of the same inode; or minus errno. */
export function findAt(dir: number, name: ByteString): LookupOut | number {
  const stat = describeAt(dir, name);
  if (typeof stat === "number") return stat;
  return (stat.mode & S_IFMT) === S_IFLNK ? findLink(dir, name) : { stat };
}

function findLink(dir: number, name: ByteString): LookupOut | number {
  const fd = openAt(dir, name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return fd;
  try {
    const stat = describeFd(fd);
    if (typeof stat === "number") return stat;
    // What was put in its place in this moment has no target.
    const target = readLinkAt(fd, EMPTY);
    return typeof target === "number" ? { stat } : { stat, target: byteString(target) };
  } finally {
    close(fd);
  }
}
