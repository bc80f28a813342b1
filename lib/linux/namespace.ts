import { libc, negative } from "./libc.ts";

// linux/sched.h
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWPID = 0x20000000;

/**
 * Gives the calling thread (not the process) namespaces of its own. User namespaces are not to be had here: they need a
 * process with a single thread.
 */
export function unshare(flags: number): number {
  return negative(libc().unshare(flags));
}

/** Moves the calling thread to the namespace that `fd` (/proc/PID/ns/...) stands for; CLONE_NEWPID: its children. */
export function enterNamespace(fd: number, kind: number): number {
  return negative(libc().setns(fd, kind));
}
