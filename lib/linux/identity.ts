/** What a process may do: its ids, file creation mask and limits. All of it is inherited by programs it executes. */
import { arch } from "./arch.ts";
import { libc, negative } from "./libc.ts";

/** The effective user id. */
export function effectiveUser(): number {
  return libc().geteuid();
}

/** The effective group id. */
export function effectiveGroup(): number {
  return libc().getegid();
}

/** The supplementary groups. */
export function supplementaryGroups(): number[] {
  const count = Math.max(0, libc().getgroups(0, null));
  const groups = new Uint32Array(count);
  return [...groups.subarray(0, Math.max(0, libc().getgroups(count, new Uint8Array(groups.buffer))))];
}

/** The supplementary groups of all threads. */
export function setGroups(groups: readonly number[]): number {
  return negative(libc().setgroups(groups.length, new Uint8Array(new Uint32Array([...groups, 0]).buffer)));
}

/** Real, effective and saved group id of all threads. */
export function setGroup(gid: number): number {
  return negative(libc().setresgid(gid, gid, gid));
}

/** Real, effective and saved user id of all threads. Leaving 0 drops all capabilities. */
export function setUser(uid: number): number {
  return negative(libc().setresuid(uid, uid, uid));
}

// linux/capability.h
export const CAP_SYS_PTRACE = 19;

/** Makes this process the parent of all its descendants whose own has ended; kept by what it executes. */
export function adoptOrphans(): number {
  const PR_SET_CHILD_SUBREAPER = 36;
  return negative(libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

/** Sets the file creation mask; returns the one before. */
export function setUmask(mask: number): number {
  return libc().umask(mask);
}

/** Does something with another file creation mask. It is the whole process's: nothing else may create files meanwhile. */
export function withUmask<T>(mask: number, action: () => T): T {
  const before = setUmask(mask);
  try {
    return action();
  } finally {
    setUmask(before);
  }
}

/** A resource limit; RLIM_INFINITY (2^64 - 1) is Number.MAX_SAFE_INTEGER here. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const RLIMIT_NOFILE = 7;
/** Of every process, whatever the system is. */
const LEAST_OPEN_FILES = 256;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

function decodeLimit(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

function encodeLimit(value: number): bigint {
  return value >= Number.MAX_SAFE_INTEGER ? RLIM_INFINITY : BigInt(value);
}

/** How many descriptors a process may have open. */
export function openFilesLimit(): Limit | number {
  const words = new BigUint64Array(2);
  const result = negative(libc().getrlimit64(RLIMIT_NOFILE, new Uint8Array(words.buffer)));
  return result < 0 ? result : { soft: decodeLimit(words[0]), hard: decodeLimit(words[1]) };
}

/** Raises it as far as the system allows. Returns what it is then. */
export function raiseOpenFilesLimit(): number {
  const limit = openFilesLimit();
  if (typeof limit === "number") return LEAST_OPEN_FILES;
  const words = new BigUint64Array([encodeLimit(limit.hard), encodeLimit(limit.hard)]);
  const result = negative(libc().setrlimit64(RLIMIT_NOFILE, new Uint8Array(words.buffer)));
  return result < 0 ? limit.soft : limit.hard;
}

/** capabilities(7), `linux/capability.h` */
const CAP_DAC_OVERRIDE = 1;
const CAPABILITY_VERSION_3 = 0x20080522;
/** struct __user_cap_data_struct, twice: effective, permitted, inheritable. */
const CAPABILITY_WORDS = 6;

/**
 * Does something with other ids for the file system (setfsuid(2)), on this thread: what it creates belongs to them.
 * Permission to search and write directories is kept: it was checked for the user's groups too, which are not known here.
 * Of no effect without root's capabilities.
 */
export function withFileIds<T>(ids: { uid: number; gid: number }, action: () => T): T {
  const c = libc();
  const uid = c.setfsuid(0xffff_ffff) >>> 0;
  const gid = c.setfsgid(0xffff_ffff) >>> 0;
  c.setfsgid(ids.gid);
  c.setfsuid(ids.uid);
  try {
    raiseCapability(CAP_DAC_OVERRIDE);
    return action();
  } finally {
    c.setfsuid(uid);
    c.setfsgid(gid);
  }
}

/** Makes a permitted capability below 32 effective on this thread. */
function raiseCapability(capability: number): void {
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  const data = new Uint32Array(CAPABILITY_WORDS);
  const bytes = new Uint8Array(data.buffer);
  if (negative(libc().capget(arch.syscall.capget, header, bytes)) < 0) return;
  data[0] |= data[1] & (1 << capability);
  libc().capset(arch.syscall.capset, header, bytes);
}
