/** Tags of an ACL's entries (`linux/posix_acl.h`). */
export const [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER] = [1, 2, 4, 8, 16, 32];

/** An ACL as an extended attribute: struct posix_acl_xattr_header and entries (`linux/posix_acl_xattr.h`). */
export function acl(...entries: [tag: number, permissions: number, id?: number][]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + entries.length * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 2, true);
  entries.forEach(([tag, permissions, id = 0xffff_ffff], index) => {
    view.setUint16(4 + index * 8, tag, true);
    view.setUint16(6 + index * 8, permissions, true);
    view.setUint32(8 + index * 8, id, true);
  });
  return bytes;
}
