import { type ByteString, cString } from "../bytes/mod.ts";
import { close } from "./files.ts";
import { keepUntilHere, libc, negative } from "./libc.ts";
import { SIGSET_SIZE } from "./signal.ts";
import { stringVector } from "./vector.ts";

// spawn.h
const POSIX_SPAWN_SETPGROUP = 0x02;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const FILE_ACTIONS_SIZE = 80;
const ATTRIBUTES_SIZE = 336;

const F_DUPFD_CLOEXEC = 1030;

export interface SpawnOptions {
  readonly argv: readonly ByteString[];
  /** `NAME=value` each. */
  readonly env: readonly ByteString[];
  /** [ours, the child's]. It gets no other descriptor, as everything this program opens is close-on-exec. */
  readonly fds: readonly (readonly [number, number])[];
  /** A session of its own, or only a process group of its own. */
  readonly leads: "session" | "group";
}

/**
 * Starts a program: its pid, or minus errno. Signals are as in a new process (default actions, none blocked). Without a
 * slash in it, `path` is looked for in this process's PATH.
 *
 * posix_spawn, because fork() cannot be called from a runtime with threads.
 */
export function spawn(path: ByteString, options: SpawnOptions): number {
  const c = libc();
  const actions = new Uint8Array(FILE_ACTIONS_SIZE);
  const attributes = new Uint8Array(ATTRIBUTES_SIZE);
  c.posix_spawn_file_actions_init(actions);
  c.posix_spawnattr_init(attributes);
  const { fds, temporary, error } = clearOfTargets(options.fds);
  for (const [ours, child] of fds) c.posix_spawn_file_actions_adddup2(actions, ours, child);
  setAttributes(attributes, options.leads);
  const argv = stringVector(options.argv);
  const env = stringVector(options.env);
  const pid = new Int32Array(1);
  const pidBytes = new Uint8Array(pid.buffer);
  const result = error !== 0
    ? error
    : -c.posix_spawnp(pidBytes, cString(path), actions, attributes, argv.pointers, env.pointers);
  for (const fd of temporary) close(fd);
  c.posix_spawnattr_destroy(attributes);
  c.posix_spawn_file_actions_destroy(actions);
  keepUntilHere(argv.strings, env.strings);
  return result < 0 ? result : pid[0];
}

/** Moves descriptors that a dup2 of the list would overwrite (or leave close-on-exec) out of its way. */
function clearOfTargets(fds: SpawnOptions["fds"]) {
  const highest = Math.max(-1, ...fds.map(([, child]) => child));
  const temporary: number[] = [];
  let error = 0;
  const moved = fds.map(([ours, child]) => {
    if (ours > highest) return [ours, child] as const;
    const copy = negative(libc().fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (copy < 0) error = copy;
    else temporary.push(copy);
    return [copy, child] as const;
  });
  return { fds: moved, temporary, error };
}

function setAttributes(attributes: Uint8Array<ArrayBuffer>, leads: SpawnOptions["leads"]): void {
  const c = libc();
  // Filled by hand: sigfillset leaves out the two signals that the C library uses itself.
  const every = new Uint8Array(SIGSET_SIZE).fill(0xff, 0, 8);
  c.posix_spawnattr_setsigdefault(attributes, every);
  c.posix_spawnattr_setsigmask(attributes, new Uint8Array(SIGSET_SIZE));
  c.posix_spawnattr_setpgroup(attributes, 0);
  const leader = leads === "session" ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
  c.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | leader);
}
