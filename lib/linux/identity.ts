/** What a process may do: its ids, file creation mask and limits. All of it is inherited by programs it executes. */
import { Errno } from "./errno.ts";
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

/** Takes a capability from whatever the calling thread executes, uid 0 or not. */
export function dropFromBoundingSet(capability: number): number {
  const PR_CAPBSET_DROP = 24;
  return negative(libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
}

/** Sets the file creation mask; returns the one before. */
export function setUmask(mask: number): number {
  return libc().umask(mask);
}

/** A resource limit; RLIM_INFINITY (2^64 - 1) is Number.MAX_SAFE_INTEGER here. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const RLIMIT_NOFILE = 7;
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

/** Sets it. Where the hard limit may not be raised (or not that far), both stop at the present one. */
export function setOpenFilesLimit(wanted: Limit): number {
  const set = ({ soft, hard }: Limit) => {
    const words = new BigUint64Array([encodeLimit(soft), encodeLimit(hard)]);
    return negative(libc().setrlimit64(RLIMIT_NOFILE, new Uint8Array(words.buffer)));
  };
  const result = set(wanted);
  if (result !== -Errno.EPERM) return result;
  const present = openFilesLimit();
  if (typeof present === "number") return present;
  const hard = Math.min(wanted.hard, present.hard);
  return set({ soft: Math.min(wanted.soft, hard), hard });
}
