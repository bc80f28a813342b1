import { type ByteString, cString } from "../bytes/mod.ts";
import { AT_FDCWD, libc, negative } from "../linux/mod.ts";
import { descriptorPath } from "./references.ts";

const AT_SYMLINK_FOLLOW = 0x400;

/**
 * A new name for the very file that `fd` holds, a symbolic link itself included. By way of /proc: an empty path
 * (AT_EMPTY_PATH) needs CAP_DAC_READ_SEARCH before Linux 6.10.
 */
export function linkDescriptor(fd: number, dir: number, name: ByteString): number {
  return negative(libc().linkat(AT_FDCWD, cString(descriptorPath(fd)), dir, cString(name), AT_SYMLINK_FOLLOW));
}
