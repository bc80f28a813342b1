import type { ShowOwner } from "../fuse/mod.ts";
import type { CommandIds, UserIds } from "./command/mod.ts";

/** `nobody`, who stands for all that have no id where files are shown. */
const OVERFLOW_ID = 65534;

/**
 * Owners as the command's user namespace has them. The kernel would refuse to change a file whose owner it has no id for,
 * before it asks us: such a file belongs to nobody. Where there is one user only, all files are that user's: whether it may
 * be used is for the local side to say.
 */
export function showOwner(ids: CommandIds, soleUser: UserIds | undefined): ShowOwner {
  if (soleUser !== undefined) return () => soleUser;
  return (owner) => {
    const hasUser = ids.user(owner.uid) !== undefined;
    const hasGroup = ids.group(owner.gid) !== undefined;
    if (hasUser && hasGroup) return owner;
    return { uid: hasUser ? owner.uid : OVERFLOW_ID, gid: hasGroup ? owner.gid : OVERFLOW_ID };
  };
}
