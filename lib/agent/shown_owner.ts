import type { Attr } from "../fuse/mod.ts";
import type { CommandIds, UserIds } from "./command/mod.ts";

/** `nobody`, who stands for all that have no id where files are shown. */
const OVERFLOW_ID = 65534;

/** Attributes as the kernel of the other machine is to see them. */
export type Show = <A extends Attr>(attr: A) => A;

/**
 * Owners as the command's user namespace has them. The kernel would refuse to change a file whose owner it has no id for,
 * before it asks us: such a file belongs to nobody. Where there is one user only, all files are that user's: whether it may
 * be used is for the local side to say.
 */
export function showOwner(ids: CommandIds, soleUser: UserIds | undefined): Show {
  if (soleUser !== undefined) return (attr) => ({ ...attr, ...soleUser });
  return (attr) => {
    const hasUser = ids.user(attr.uid) !== undefined;
    const hasGroup = ids.group(attr.gid) !== undefined;
    if (hasUser && hasGroup) return attr;
    return { ...attr, uid: hasUser ? attr.uid : OVERFLOW_ID, gid: hasGroup ? attr.gid : OVERFLOW_ID };
  };
}
