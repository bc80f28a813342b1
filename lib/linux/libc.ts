import { errnoAfter } from "./errno.ts";

const B = "buffer";
const I = "i32";
const U = "u32";
const L = "i64";
const Z = "usize";

/**
 * Every C function this program calls. Results that fit are declared i32: an i64 result arrives as a bigint. System
 * calls without a wrapper in old C libraries go through `syscall`, one entry a signature; the first parameter is the
 * number from {@link arch}. Entries ending in `Async` run on a thread of the runtime's pool: their errno is lost.
 */
const table = {
  // errno and memory
  __errno_location: { parameters: [], result: Z },
  copyFrom: { name: "memcpy", parameters: [B, Z, Z], result: Z },
  addressOf: { name: "memset", parameters: [B, I, Z], result: Z },

  // descriptors
  openat: { parameters: [I, B, I, U], result: I },
  close: { parameters: [I], result: I },
  closeAsync: { name: "close", parameters: [I], result: I, nonblocking: true },
  read: { parameters: [I, B, L], result: I },
  readAsync: { name: "read", parameters: [I, B, L], result: I, nonblocking: true },
  write: { parameters: [I, B, L], result: I },
  writev: { parameters: [I, B, I], result: I },
  writeAsync: { name: "write", parameters: [I, B, L], result: I, nonblocking: true },
  pread64: { parameters: [I, B, L, L], result: I },
  pread64Async: { name: "pread64", parameters: [I, B, L, L], result: I, nonblocking: true },
  pwrite64: { parameters: [I, B, L, L], result: I },
  pwrite64Async: { name: "pwrite64", parameters: [I, B, L, L], result: I, nonblocking: true },
  preadv2: { parameters: [I, B, I, L, I], result: I, optional: true },
  lseek64: { parameters: [I, L, I], result: L },
  fsync: { parameters: [I], result: I },
  fdatasync: { parameters: [I], result: I },
  fsyncAsync: { name: "fsync", parameters: [I], result: I, nonblocking: true },
  fdatasyncAsync: { name: "fdatasync", parameters: [I], result: I, nonblocking: true },
  fallocate64: { parameters: [I, I, L, L], result: I },
  fallocate64Async: { name: "fallocate64", parameters: [I, I, L, L], result: I, nonblocking: true },
  copy_file_range: { parameters: [I, B, I, B, L, U], result: I },
  copyFileRangeAsync: { name: "copy_file_range", parameters: [I, B, I, B, L, U], result: I, nonblocking: true },
  dup: { parameters: [I], result: I },
  dup3: { parameters: [I, I, I], result: I },
  fcntl: { parameters: [I, I, I], result: I },
  fcntlLock: { name: "fcntl", parameters: [I, I, B], result: I },
  flock: { parameters: [I, I], result: I },
  ioctl: { parameters: [I, L, B], result: I },
  poll: { parameters: [B, L, I], result: I },
  pollAsync: { name: "poll", parameters: [B, L, I], result: I, nonblocking: true },
  pipe2: { parameters: [B, I], result: I },
  eventfd: { parameters: [U, I], result: I },
  memfd_create: { parameters: [B, U], result: I },
  clock_gettime: { parameters: [I, B], result: I },
  timerfd_create: { parameters: [I, I], result: I },
  timerfd_settime: { parameters: [I, I, B, B], result: I },

  // files by (directory, name)
  statx: { name: "syscall", parameters: [L, I, B, I, U, B], result: I },
  statxAsync: { name: "syscall", parameters: [L, I, B, I, U, B], result: I, nonblocking: true },
  getdents64: { name: "syscall", parameters: [L, I, B, L], result: I },
  getdents64Async: { name: "syscall", parameters: [L, I, B, L], result: I, nonblocking: true },
  renameat2: { name: "syscall", parameters: [L, I, B, I, B, U], result: I },
  openat2: { name: "syscall", parameters: [L, I, B, B, L], result: I },
  fchmodat2: { name: "syscall", parameters: [L, I, B, U, I], result: I },
  readlinkat: { parameters: [I, B, B, L], result: I },
  symlinkat: { parameters: [B, I, B], result: I },
  mknodat: { parameters: [I, B, U, L], result: I },
  mkdirat: { parameters: [I, B, U], result: I },
  unlinkat: { parameters: [I, B, I], result: I },
  linkat: { parameters: [I, B, I, B, I], result: I },
  ftruncate64: { parameters: [I, L], result: I },
  fchmod: { parameters: [I, U], result: I },
  fchmodat: { parameters: [I, B, U, I], result: I },
  fchown: { parameters: [I, U, U], result: I },
  fchownat: { parameters: [I, B, U, U, I], result: I },
  utimensat: { parameters: [I, B, B, I], result: I },
  faccessat: { parameters: [I, B, I, I], result: I },
  fstatfs64: { parameters: [I, B], result: I },

  // extended attributes
  getxattr: { parameters: [B, B, B, L], result: I },
  setxattr: { parameters: [B, B, B, L, I], result: I },
  listxattr: { parameters: [B, B, L], result: I },
  llistxattr: { parameters: [B, B, L], result: I },
  flistxattr: { parameters: [I, B, L], result: I },
  removexattr: { parameters: [B, B], result: I },

  inotify_init1: { parameters: [I], result: I },
  inotify_add_watch: { parameters: [I, B, U], result: I },
  inotify_rm_watch: { parameters: [I, I], result: I },

  // namespaces and identity
  mount: { parameters: [B, B, B, L, B], result: I },
  unshare: { parameters: [I], result: I },
  setns: { parameters: [I, I], result: I },
  chdir: { parameters: [B], result: I },
  getuid: { parameters: [], result: U },
  geteuid: { parameters: [], result: U },
  getegid: { parameters: [], result: U },
  getgroups: { parameters: [I, B], result: I },
  setgroups: { parameters: [L, B], result: I },
  setresuid: { parameters: [U, U, U], result: I },
  setresgid: { parameters: [U, U, U], result: I },
  umask: { parameters: [U], result: U },
  prctl: { parameters: [I, L, L, L, L], result: I },
  capget: { name: "syscall", parameters: [L, B, B], result: I },
  capset: { name: "syscall", parameters: [L, B, B], result: I },
  setfsuid: { parameters: [U], result: I },
  setfsgid: { parameters: [U], result: I },
  getrlimit64: { parameters: [I, B], result: I },
  setrlimit64: { parameters: [I, B], result: I },

  // processes
  posix_spawnp: { parameters: [B, B, B, B, B, B], result: I },
  posix_spawn_file_actions_init: { parameters: [B], result: I },
  posix_spawn_file_actions_destroy: { parameters: [B], result: I },
  posix_spawn_file_actions_adddup2: { parameters: [B, I, I], result: I },
  posix_spawnattr_init: { parameters: [B], result: I },
  posix_spawnattr_destroy: { parameters: [B], result: I },
  posix_spawnattr_setflags: { parameters: [B, "i16"], result: I },
  posix_spawnattr_setpgroup: { parameters: [B, I], result: I },
  posix_spawnattr_setsigmask: { parameters: [B, B], result: I },
  posix_spawnattr_setsigdefault: { parameters: [B, B], result: I },
  waitpid: { parameters: [I, B, I], result: I },
  waitid: { parameters: [I, U, B, I], result: I },
  kill: { parameters: [I, I], result: I },
  getpid: { parameters: [], result: I },
  getpgrp: { parameters: [], result: I },
  getppid: { parameters: [], result: I },
  getpgid: { parameters: [I], result: I },
  getsid: { parameters: [I], result: I },
  setsid: { parameters: [], result: I },
  setpgid: { parameters: [I, I], result: I },
  signal: { parameters: [I, L], result: L },
  pidfd_open: { name: "syscall", parameters: [L, I, U], result: I },

  // terminals
  isatty: { parameters: [I], result: I },
  tcsetpgrp: { parameters: [I, I], result: I },
  posix_openpt: { parameters: [I], result: I },
  unlockpt: { parameters: [I], result: I },
  ptsname_r: { parameters: [I, B, L], result: I },

  // sockets
  socketpair: { parameters: [I, I, I, B], result: I },
  sendmsg: { parameters: [I, B, I], result: I },
  recvmsg: { parameters: [I, B, I], result: I },
} as const satisfies Deno.ForeignLibraryInterface;

/** 64-bit parameters take numbers too: the runtime converts them exactly below 2^53. */
type Widened<F> = F extends (...parameters: infer P) => infer R
  ? (...parameters: { [K in keyof P]: P[K] extends bigint ? number | bigint : P[K] }) => R
  : F;
type Symbols = Deno.DynamicLibrary<typeof table>["symbols"];

/** The C functions as callables. */
export type Libc = { readonly [K in keyof Symbols]: Widened<Symbols[K]> };

/** Where distributions keep the C library. Absolute, because `--allow-ffi` can only name absolute paths. */
const paths = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/lib/libc.so.6",
];

/**
 * Where the C library is that came along with the agent to a machine without one that would do: whoever starts this
 * program with it, opens it as this descriptor. The one path that permissions can name and that every machine has.
 */
export const CARRIED_LIBRARY = 9;

let library: string | undefined;

/** From now on, the C library is the carried one. To be called before all else. */
export function useCarriedLibrary(): void {
  library = `/proc/self/fd/${CARRIED_LIBRARY}`;
}

/** There is no C library where one is looked for: a message for the user. */
class LibraryError extends Error {
  override name = "LibraryError";
}

/** Functions of the library, from the first place that has one. */
function bind(names: readonly (keyof Libc)[]): Partial<Libc> {
  const wanted = Object.fromEntries(names.map((name) => [name, table[name]]));
  for (const path of library === undefined ? paths : [library]) {
    try {
      const { symbols } = Deno.dlopen(path, wanted);
      library = path;
      return symbols as unknown as Partial<Libc>;
    } catch (error) {
      // Not here: the next place. A C library that lacks a function is an error worth showing.
      if (library !== undefined || String(error).includes("undefined symbol")) throw error;
    }
  }
  throw new LibraryError(
    `Cannot load the C library: not found at ${paths.join(", ")}; start outrun where glibc is at one of these ` +
      `(in a container with Debian, for example): it brings its own to the other machine, not to this one`,
  );
}

/** Each function is bound when it is first used, for that takes 0.2 ms; {@link bindNow} is for when there is time. */
function bindOnUse(): Libc {
  const functions = {} as Libc;
  for (const name of Object.keys(table) as (keyof Libc)[]) {
    const get = () => {
      keep(bind([name]));
      return functions[name];
    };
    Object.defineProperty(functions, name, { configurable: true, get });
  }
  return functions;
}

/** Puts bound functions in the place of what would bind them. */
function keep(bound: Partial<Libc>): void {
  for (const [name, value] of Object.entries(bound)) Object.defineProperty(functions, name, { value });
}

const functions = bindOnUse();
let errnoAddress: bigint | number | undefined;

/** The C library. */
export function libc(): Libc {
  if (errnoAddress === undefined) bindErrno();
  return functions;
}

/** What errno() needs, before all else: to bind it behind a call that failed would change what that call left. */
function bindErrno(): void {
  errnoAddress = functions.__errno_location();
  functions.copyFrom(errnoView, errnoAddress, 4);
}

/** Binds functions now, by default every one: in one go it takes half as long, and it cannot fail later. */
export function bindNow(names = Object.keys(table) as readonly (keyof Libc)[]): void {
  libc();
  const isUnbound = (name: string) => Object.getOwnPropertyDescriptor(functions, name)?.get !== undefined;
  keep(bind(names.filter(isUnbound)));
}

const errnoBytes = new Int32Array(1);
const errnoView = new Uint8Array(errnoBytes.buffer);

/** The calling thread's errno; right only directly after a synchronous call that failed. */
export function errno(): number {
  libc().copyFrom(errnoView, errnoAddress!, 4);
  return errnoBytes[0];
}

/** The kernel's convention from libc's: `result`, or minus errno when it is -1. */
export function negative(result: number): number {
  return result === -1 ? errnoAfter(errno()) : result;
}

/**
 * The address of a buffer's first byte, for structures that hold pointers. The buffer must stay referenced until the
 * call is over; its bytes do not move.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(libc().addressOf(buffer, 0, 0));
}

/** Ends the life of buffers that a call got by address only, and not before: a use that no optimization leaves out. */
export function keepUntilHere(...buffers: Uint8Array<ArrayBuffer>[]): void {
  for (const buffer of buffers) libc().addressOf(buffer, 0, 0);
}

/** Calls that may wait for a disk at a time: the runtime has 32 threads, and some must be left to wait for the link and for changes. */
const DISK_CALLS = 24;
let diskCalls = 0;
const waiting: (() => void)[] = [];

/** Calls on other threads that wait for a disk: whoever keeps the runtime busy lets it look for their ends. */
export function diskCallsUnderWay(): number {
  return diskCalls;
}

/** As {@link whileUsing}, of a call that waits for a disk; made when its turn has come. */
export async function waitForDisk<T>(buffers: readonly Uint8Array[], call: () => Promise<T>): Promise<T> {
  if (diskCalls === DISK_CALLS) await new Promise<void>((resolve) => waiting.push(resolve));
  else diskCalls++;
  try {
    return await whileUsing(buffers, call());
  } finally {
    const next = waiting.shift();
    // Its place is the next one's.
    if (next === undefined) diskCalls--;
    else next();
  }
}

/** Buffers that another thread uses. */
const used = new Set<Uint8Array>();

/**
 * Waits for a call on another thread, whose buffers the caller has no further use for, perhaps: the runtime does not keep
 * them for it, and what is collected meanwhile is somebody else's memory when the thread writes there.
 */
export async function whileUsing<T>(buffers: readonly Uint8Array[], call: Promise<T>): Promise<T> {
  for (const buffer of buffers) used.add(buffer);
  try {
    return await call;
  } finally {
    for (const buffer of buffers) used.delete(buffer);
  }
}
