import type { ByteString } from "../bytes/mod.ts";
import {
  makeDirectoryAt,
  makeNodeAt,
  removeDirectoryAt,
  renameAt,
  S_IFMT,
  symlinkAt,
  unlinkAt,
  withUmask,
} from "../linux/mod.ts";
import { decodeLink, decodeMake, decodeName, decodeRename, decodeSymlink, type NameIn } from "../protocol/mod.ts";
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
  return failed < 0 ? failed : answerStat(describeAt(fd, name));
}

export function unlink(context: Context, body: Uint8Array): Answer {
  const { dir, name } = decodeName(body);
  const fd = context.directories.findFor(dir, name);
  return fd < 0 ? fd : unlinkAt(fd, name);
}

export function removeDirectory(context: Context, body: Uint8Array): Answer {
  const { dir, name } = decodeName(body);
  const fd = context.directories.findFor(dir, name);
  return fd < 0 ? fd : removeDirectoryAt(fd, name);
}

export function rename(context: Context, body: Uint8Array): Answer {
  const { dir, name, toDir, toName, flags } = decodeRename(body);
  const from = context.directories.findFor(dir, name);
  if (from < 0) return from;
  const to = context.directories.findFor(toDir, toName);
  return to < 0 ? to : renameAt(from, name, to, toName, flags);
}

export function link(context: Context, body: Uint8Array): Answer {
  const { ref, toDir, toName } = decodeLink(body);
  return withFile(context, ref, ({ fd }) => {
    const to = context.directories.findFor(toDir, toName);
    if (to < 0) return to;
    const failed = linkDescriptor(fd, to, toName);
    return failed < 0 ? failed : answerStat(describeFd(fd));
  });
}
