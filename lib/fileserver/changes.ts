import type { ByteString } from "../bytes/mod.ts";
import {
  IN_CREATE,
  IN_DELETE,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  makeDirectoryAt,
  makeNodeAt,
  removeDirectoryAt,
  RENAME_EXCHANGE,
  renameAt,
  S_IFMT,
  symlinkAt,
  unlinkAt,
  withUmask,
} from "../linux/mod.ts";
import {
  decodeLink,
  decodeMake,
  decodeName,
  decodeRename,
  decodeSymlink,
  encodeStat,
  type NameIn,
} from "../protocol/mod.ts";
import { answerStat } from "./attributes.ts";
import type { Answer, Context } from "./context.ts";
import { describeAt, describeFd } from "./describe.ts";
import { linkDescriptor } from "./link_descriptor.ts";
import { withFile } from "./references.ts";

const PERMISSIONS = 0o7777;

export function symlink(context: Context, body: Uint8Array): Answer {
  const message = decodeSymlink(body);
  return make(context, message, (dir, name) => symlinkAt(message.target, dir, name));
}

export function makeNode(context: Context, body: Uint8Array): Answer {
  const message = decodeMake(body);
  const mode = message.mode & (S_IFMT | PERMISSIONS);
  return make(
    context,
    message,
    (dir, name) => withUmask(message.umask, () => makeNodeAt(dir, name, mode, message.rdev)),
  );
}

export function makeDirectory(context: Context, body: Uint8Array): Answer {
  const message = decodeMake(body);
  const mode = message.mode & PERMISSIONS;
  return make(context, message, (dir, name) => withUmask(message.umask, () => makeDirectoryAt(dir, name, mode)));
}

/** Makes something new and answers its attributes. */
function make(context: Context, { dir, name }: NameIn, action: (dir: number, name: ByteString) => number): Answer {
  const fd = context.directories.findFor(dir, name);
  if (fd < 0) return fd;
  const failed = action(fd, name);
  if (failed < 0) return failed;
  context.watches?.caused(dir, name, IN_CREATE);
  return answerStat(describeAt(fd, name));
}

export function unlink(context: Context, body: Uint8Array): Answer {
  const { dir, name } = decodeName(body);
  const fd = context.directories.findFor(dir, name);
  return fd < 0 ? fd : removed(context, { dir, name }, unlinkAt(fd, name));
}

export function removeDirectory(context: Context, body: Uint8Array): Answer {
  const { dir, name } = decodeName(body);
  const fd = context.directories.findFor(dir, name);
  return fd < 0 ? fd : removed(context, { dir, name }, removeDirectoryAt(fd, name));
}

function removed(context: Context, { dir, name }: NameIn, outcome: number): number {
  if (outcome >= 0) context.watches?.caused(dir, name, IN_DELETE);
  return outcome;
}

export function rename(context: Context, body: Uint8Array): Answer {
  const { dir, name, toDir, toName, flags } = decodeRename(body);
  const from = context.directories.findFor(dir, name);
  if (from < 0) return from;
  const to = context.directories.findFor(toDir, toName);
  if (to < 0) return to;
  const failed = renameAt(from, name, to, toName, flags);
  if (failed < 0) return failed;
  if ((flags & RENAME_EXCHANGE) === 0) {
    context.watches?.caused(dir, name, IN_MOVED_FROM);
    context.watches?.caused(toDir, toName, IN_MOVED_TO);
  }
  const moved = describeAt(to, toName);
  return typeof moved === "number" ? 0 : encodeStat(moved);
}

export function link(context: Context, body: Uint8Array): Answer {
  const { ref, toDir, toName } = decodeLink(body);
  return withFile(context, ref, ({ fd }) => {
    const to = context.directories.findFor(toDir, toName);
    if (to < 0) return to;
    const failed = linkDescriptor(fd, to, toName);
    if (failed < 0) return failed;
    context.watches?.caused(toDir, toName, IN_CREATE);
    return answerStat(describeFd(fd));
  });
}
