import { MAX_WRITE } from "./init.ts";

/** How the file system is mounted. */
export interface MountOptions {
  /** /dev/fuse, opened by the process that mounts. */
  readonly fd: number;
  /** The mount's owner, as seen in the user namespace it is mounted in. Default 0. */
  readonly userId?: number;
  readonly groupId?: number;
  /** The kernel checks permissions by mode, owner and group; otherwise FUSE_ACCESS and the operations decide. */
  readonly defaultPermissions: boolean;
}

/** The data argument of mount(2) for the type `fuse` (or `fuse.NAME`). Other users are let in. */
export function mountOptions({ fd, userId = 0, groupId = 0, defaultPermissions }: MountOptions): string {
  const options = [
    `fd=${fd}`,
    "rootmode=40000",
    `user_id=${userId}`,
    `group_id=${groupId}`,
    "allow_other",
    `max_read=${MAX_WRITE}`,
  ];
  if (defaultPermissions) options.push("default_permissions");
  return options.join(",");
}
