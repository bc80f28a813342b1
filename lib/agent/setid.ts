import type { Caller } from "../fuse/mod.ts";
import { S_IFMT, S_ISGID, S_ISUID, S_IXGRP, type Stat } from "../linux/mod.ts";
import { encodeSetAttr, FileOp } from "../protocol/mod.ts";
import type { Node } from "./nodes.ts";
import type { Tree } from "./tree.ts";

/**
 * Takes the setuid and setgid bits off before somebody else than root changes the content. The kernel on the local side
 * does that by itself unless we are root there: then it sees root writing.
 */
export async function killSetid(tree: Tree, node: Node, caller: Caller, fh?: number): Promise<void> {
  const mode = withoutSetid(node.attr, caller);
  if (!tree.servedByRoot || caller.uid === 0 || mode === node.attr.mode) return;
  const ref = tree.ref(node, fh);
  node.ctimeKnown = false;
  node.update(await tree.stat(FileOp.SETATTR, encodeSetAttr({ ref, mode: mode & ~S_IFMT })));
}

/** The mode that a write by somebody else than root leaves; setgid stays for the own group if that may not execute. */
function withoutSetid({ mode, gid }: Stat, caller: Caller): number {
  const keepsGroup = (mode & S_IXGRP) === 0 && gid === caller.gid;
  return mode & ~(keepsGroup ? S_ISUID : S_ISUID | S_ISGID);
}
