/**
 * Linux through its C library: the only folder that calls FFI.
 *
 * Deno's own file API cannot carry names that are not UTF-8, refuses /proc and /dev without all permissions, and hides
 * errno; so system calls go to libc directly. Wrappers keep the kernel's convention (a value, or minus errno): a missing
 * file is an answer, not an exception. {@link unwrap} throws where a failure is one.
 *
 * Rejected: a native add-on (unpacks itself to $TMPDIR, fails on noexec), and exceptions for every errno (a stack trace
 * costs more than the system call).
 *
 * @module
 */

export * from "./arch.ts";
export * from "./clock.ts";
export * from "./directory.ts";
export * from "./errno.ts";
export * from "./files.ts";
export * from "./identity.ts";
export * from "./inotify.ts";
export {
  addressOf,
  bindNow,
  CARRIED_LIBRARY,
  diskCallsUnderWay,
  errno,
  libc,
  negative,
  useCarriedLibrary,
} from "./libc.ts";
export * from "./locks.ts";
export * from "./mount.ts";
export * from "./namespace.ts";
export * from "./poll.ts";
export * from "./process.ts";
export * from "./ranges.ts";
export { readFile } from "./read_file.ts";
export * from "./real_path.ts";
export * from "./signal.ts";
export * from "./socket.ts";
export { spawn, type SpawnOptions } from "./spawn.ts";
export * from "./stat.ts";
export * from "./terminal.ts";
export * from "./timer.ts";
export * from "./xattr.ts";
