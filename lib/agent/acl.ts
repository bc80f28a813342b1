/** ACLs as extended attributes (`linux/posix_acl_xattr.h`): u32 version, then entries of u16 tag, u16 permissions, u32 id. */

const HEADER = 4;
const ENTRY = 8;
/** Tags of the entries that name somebody. */
const ACL_USER = 2;
const ACL_GROUP = 8;

/** Whether there is such a user, or such a group. */
export type HasId = (id: number, kind: "user" | "group") => boolean;

/**
 * The ACL without the entries that name an id which does not exist where it is read: the kernel there would refuse all of
 * it. Nobody there has such an id, so it judges no differently without. The ACL itself when there are none.
 */
export function withoutStrangers(acl: Uint8Array, exists: HasId): Uint8Array {
  const view = new DataView(acl.buffer, acl.byteOffset, acl.length);
  const kept: Uint8Array[] = [];
  for (let at = HEADER; at + ENTRY <= acl.length; at += ENTRY) {
    const tag = view.getUint16(at, true);
    const isNamed = tag === ACL_USER || tag === ACL_GROUP;
    const isStranger = isNamed && !exists(view.getUint32(at + 4, true), tag === ACL_USER ? "user" : "group");
    if (!isStranger) kept.push(acl.subarray(at, at + ENTRY));
  }
  if (HEADER + kept.length * ENTRY === acl.length) return acl;
  const rest = new Uint8Array(HEADER + kept.length * ENTRY);
  rest.set(acl.subarray(0, HEADER));
  kept.forEach((entry, index) => rest.set(entry, HEADER + index * ENTRY));
  return rest;
}
