import { Errno } from "../linux/mod.ts";
import { Opcode } from "./abi.ts";
import * as directory from "./directory_operations.ts";
import * as file from "./file_operations.ts";
import * as lock from "./lock_operations.ts";
import * as name from "./name_operations.ts";
import * as node from "./node_operations.ts";
import type { Operation } from "./operation.ts";
import * as range from "./range_operations.ts";
import * as xattr from "./xattr_operations.ts";

/** What the file system is asked for, by opcode. */
export const operations: ReadonlyMap<number, Operation<unknown>> = new Map<number, Operation<unknown>>([
  [Opcode.FUSE_LOOKUP, name.lookup],
  [Opcode.FUSE_GETATTR, node.getattr],
  [Opcode.FUSE_SETATTR, node.setattr],
  [Opcode.FUSE_READLINK, node.readlink],
  [Opcode.FUSE_SYMLINK, name.symlink],
  [Opcode.FUSE_MKNOD, name.mknod],
  [Opcode.FUSE_MKDIR, name.mkdir],
  [Opcode.FUSE_UNLINK, name.unlink],
  [Opcode.FUSE_RMDIR, name.rmdir],
  [Opcode.FUSE_RENAME, name.rename],
  [Opcode.FUSE_RENAME2, name.rename2],
  [Opcode.FUSE_LINK, name.link],
  [Opcode.FUSE_OPEN, file.open],
  [Opcode.FUSE_CREATE, file.create],
  [Opcode.FUSE_READ, file.read],
  [Opcode.FUSE_WRITE, file.write],
  [Opcode.FUSE_FLUSH, file.flush],
  [Opcode.FUSE_FSYNC, file.fsync],
  [Opcode.FUSE_RELEASE, file.release],
  [Opcode.FUSE_OPENDIR, directory.opendir],
  [Opcode.FUSE_READDIR, directory.readdir],
  [Opcode.FUSE_READDIRPLUS, directory.readdirplus],
  [Opcode.FUSE_RELEASEDIR, directory.releasedir],
  [Opcode.FUSE_FSYNCDIR, directory.fsyncdir],
  [Opcode.FUSE_GETLK, lock.getlk],
  [Opcode.FUSE_SETLK, lock.setlk],
  [Opcode.FUSE_SETLKW, lock.setlkw],
  [Opcode.FUSE_STATFS, node.statfs],
  [Opcode.FUSE_ACCESS, node.access],
  [Opcode.FUSE_STATX, node.statx],
  [Opcode.FUSE_TMPFILE, file.tmpfile],
  [Opcode.FUSE_GETXATTR, xattr.getxattr],
  [Opcode.FUSE_SETXATTR, xattr.setxattr],
  [Opcode.FUSE_LISTXATTR, xattr.listxattr],
  [Opcode.FUSE_REMOVEXATTR, xattr.removexattr],
  [Opcode.FUSE_FALLOCATE, range.fallocate],
  [Opcode.FUSE_LSEEK, range.lseek],
  [Opcode.FUSE_COPY_FILE_RANGE, range.copyFileRange],
  [Opcode.FUSE_COPY_FILE_RANGE_64, range.copyFileRange64],
]);

/**
 * The errno for an opcode that is not served. ENOSYS is remembered by the kernel, which then does without (POLL,
 * BMAP, SYNCFS); to programs it would look like a missing system call, so
 * IOCTL, which is asked each time, gets what a file without ioctls answers.
 */
export function refusal(opcode: number): number {
  return opcode === Opcode.FUSE_IOCTL ? Errno.ENOTTY : Errno.ENOSYS;
}
