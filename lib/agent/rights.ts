/**
 * What the local user may do with a file, where the kernel of the other machine does not check it: it has no ids but that
 * user's. Opening, changing and access(2) are decided by the local side; this is for what is answered without asking it.
 */
import { fromText } from "../bytes/mod.ts";
import { S_IFDIR, S_IFMT } from "../linux/mod.ts";
import type { FileAttr } from "../protocol/mod.ts";

/** access(2)'s. */
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

const ACL = fromText("system.posix_acl_access\0");

/** The user that the local side acts for. */
export interface LocalUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The rights of one user, by the attributes of files. */
export class Rights {
  readonly #uid: number;
  readonly #groups: ReadonlySet<number>;

  constructor({ uid, gid, groups }: LocalUser) {
    this.#uid = uid;
    this.#groups = new Set([gid, ...groups]);
  }

  /** Whether all of `wanted` (X_OK and so on) is permitted; undefined where only the local side can tell. */
  may(attr: FileAttr, wanted: number): boolean | undefined {
    const { mode, uid, gid } = attr;
    if (this.#uid === 0) {
      const isExecutable = (mode & S_IFMT) === S_IFDIR || (mode & 0o111) !== 0;
      return (wanted & X_OK) === 0 || isExecutable;
    }
    if (uid === this.#uid) return has(mode >> 6, wanted);
    // An access control list has others, and the bits of the group are its mask.
    if (attr.xattrNames === undefined || attr.xattrNames.includes(ACL)) return undefined;
    return has(this.#groups.has(gid) ? mode >> 3 : mode, wanted);
  }
}

function has(bits: number, wanted: number): boolean {
  return (bits & wanted) === wanted;
}
