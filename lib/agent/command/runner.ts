/**
 * The runner's way, each step or none of the rest:
 *
 * 1. mount FUSE and the command's own /proc on the stage, give both to the agent;
 * 2. wait for what to run;
 * 3. bring the remote's /dev, /sys and /run into the mount, make it the root, let the old root go;
 * 4. become the user: limits, groups, ids, file creation mask;
 * 5. enter the working directory and execute the command.
 *
 * A runner that went on after a failed step might run the command in the remote's own root, or as another user: it stops,
 * and is told nothing more.
 */
import { type ByteString, fromText, toText } from "../../bytes/mod.ts";
import { mountOptions } from "../../fuse/mount_options.ts";
import {
  arch,
  AT_FDCWD,
  CAP_SYS_PTRACE,
  close,
  Errno,
  ErrnoError,
  errnoName,
  makeMemoryFile,
  makeSocketPair,
  MNT_DETACH,
  MS_BIND,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_REC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
  openFilesLimit,
  readAt,
  type Received,
  receiveMessage,
  sendMessage,
  setNonBlocking,
  truncateFd,
  unwrap,
  writeAt,
} from "../../linux/mod.ts";
import type { RunIn } from "../../protocol/mod.ts";
import { CallList, type Outcome } from "./call_list.ts";
import type { UserIds } from "./ids.ts";
import { CONTROL, MEMORY, MEMORY_ADDRESS, MEMORY_SIZE } from "./runner_program.ts";
import { stage } from "./stage.ts";

/** How the runner finds itself. */
export interface RunnerOptions {
  /** Who it is there, to begin with. */
  readonly ids: UserIds;
  /** The user namespace has no other user: that is who the command runs as. */
  readonly isSole: boolean;
  /** There is no pid namespace, and no fresh /proc to be had: the machine's own is shown. */
  readonly isOpen: boolean;
}

/** What comes of telling the runner. */
export type RunnerNews =
  /** FUSE is mounted: its device, and an O_PATH descriptor of the command's /proc. The receiver's. */
  | { readonly kind: "mounted"; readonly device: number; readonly proc: number }
  /** The next step is execve. */
  | { readonly kind: "executing" }
  /** That failed. */
  | { readonly kind: "notExecuted"; readonly errno: number }
  /** A step before it failed; `message` is for the user. */
  | { readonly kind: "failed"; readonly message: string }
  /** Its socket, which is close-on-exec, is closed: after `executing`, by that. */
  | { readonly kind: "closed" };

const { syscall } = arch;
const FD_CLOEXEC = 1;
const F_SETFD = 2;

/** The agent's end of a runner. */
export class Runner {
  /** Becomes readable when there is something to receive; nonblocking. */
  readonly control: number;
  /** What the runner must be started with: [ours, its]. Closed by {@link started}. */
  readonly fds: readonly (readonly [number, number])[];
  readonly #memory: number;
  readonly #theirs: number;
  readonly #options: RunnerOptions;
  readonly #received = new Uint8Array(8);
  #list = new CallList();
  #onEnd: (outcome: Outcome) => RunnerNews | undefined = () => undefined;
  /** What it has handed over; and has told of, since it is done with that. */
  #given: RunnerNews | undefined;
  #mounted: RunnerNews | undefined;
  #spec: RunIn | undefined;

  /** Says what is to be done first; it waits for the runner. */
  constructor(options: RunnerOptions) {
    this.#options = options;
    const pair = makeSocketPair();
    if (typeof pair === "number") throw new ErrnoError(-pair, "make a socket pair");
    [this.control, this.#theirs] = pair;
    unwrap(setNonBlocking(this.control), "make a socket nonblocking");
    this.#memory = unwrap(makeMemoryFile(fromText("outrun")), "make a memory file");
    unwrap(truncateFd(this.#memory, MEMORY_SIZE), "make a memory file larger");
    this.fds = [[this.#theirs, CONTROL], [this.#memory, MEMORY]];
    this.#openDevice();
  }

  /** It has its descriptors. */
  started(): void {
    close(this.#theirs);
  }

  /** Says what to run, once; when it has mounted. */
  run(spec: RunIn): void {
    this.#spec = spec;
    if (this.#mounted !== undefined) this.#become(spec);
  }

  #become(spec: RunIn): void {
    const list = new CallList();
    enterRoot(list);
    becomeUser(list, spec, this.#options);
    list.call(syscall.write, [CONTROL, list.bytes(Uint8Array.of(1)), 1], { purpose: "tell the agent" });
    this.#execute(list, spec);
  }

  /** What it says; undefined when there is nothing at the moment. Throws an Error for the user when it cannot go on. */
  receive(): RunnerNews | undefined {
    for (;;) {
      const received = receiveMessage(this.control, this.#received);
      if (received === -Errno.EINTR || received === -Errno.EAGAIN) return undefined;
      if (typeof received === "number" || received.length === 0) return { kind: "closed" };
      const news = this.#understand(received);
      if (news !== undefined) return news;
    }
  }

  close(): void {
    close(this.control);
    close(this.#memory);
  }

  #understand({ length, descriptors: [device, proc] }: Received): RunnerNews | undefined {
    if (proc !== undefined) {
      this.#given = { kind: "mounted", device, proc };
      return undefined;
    }
    if (length < this.#received.length) return { kind: "executing" };
    const stopped = Number(new DataView(this.#received.buffer).getBigUint64(0, true));
    const memory = new Uint8Array(CallList.outcomeSize);
    unwrap(readAt(this.#memory, memory, 0), "read a memory file");
    return this.#onEnd(this.#list.outcome(stopped, memory));
  }

  /** Has a list of calls made, and then `onEnd` called, if it should come back from that. */
  #call(list: CallList, onEnd: (outcome: Outcome) => RunnerNews | undefined): void {
    this.#list = list;
    this.#onEnd = onEnd;
    const memory = list.encode();
    const written = unwrap(writeAt(this.#memory, memory, 0), "write a memory file");
    if (written < memory.length) throw new ErrnoError(Errno.ENOSPC, "write a memory file");
    // A runner that is gone is told of by its end.
    sendMessage(this.control, new Uint8Array(1));
  }

  /** Has a list of calls made, and when all of them have been, what follows. */
  #then(list: CallList, next: (results: readonly number[]) => RunnerNews | void): void {
    this.#call(list, (outcome) => {
      if (outcome.error !== undefined) return { kind: "failed", message: outcome.error.message };
      return next(outcome.results) ?? undefined;
    });
  }

  /** There, in the user namespace: only what is opened there may be mounted there. */
  #openDevice(): void {
    const list = new CallList();
    const purpose = "start without the agent: this is the agent's helper";
    for (const fd of [CONTROL, MEMORY]) list.call(syscall.fcntl, [fd, F_SETFD, FD_CLOEXEC], { purpose });
    // What this process was started with and does not know of. Old kernels cannot.
    list.call(syscall.closeRange, [MEMORY + 1, 0xffff_ffff, 0], { purpose, tolerated: "whatever" });
    const device = list.call(syscall.openat, [AT_FDCWD, list.string(stage.device), O_RDWR | O_CLOEXEC], {
      purpose: "open the FUSE device in the command's namespace",
    });
    this.#then(list, (results) => this.#mount(results[device]));
  }

  #mount(device: number): void {
    const list = new CallList();
    mountFiles(list, device, this.#options);
    if (this.#options.isOpen) bindProc(list);
    else mountProc(list);
    const proc = list.call(syscall.openat, [AT_FDCWD, list.string(stage.proc), O_PATH | O_DIRECTORY | O_CLOEXEC], {
      purpose: "open /proc",
    });
    this.#then(list, (results) => this.#handOver([device, results[proc]]));
  }

  /** The agent alone holds the device: when it dies, requests fail instead of waiting for ever. */
  #handOver(descriptors: readonly number[]): void {
    const list = new CallList();
    list.call(syscall.sendmsg, [CONTROL, descriptorMessage(list, descriptors), 0], { purpose: "tell the agent" });
    for (const fd of descriptors) list.call(syscall.close, [fd], { purpose: "close a descriptor" });
    this.#then(list, () => {
      this.#mounted = this.#given;
      if (this.#spec !== undefined) this.#become(this.#spec);
      return this.#mounted;
    });
  }

  /** Like execvp(3), a file that the kernel does not know to execute is a script for the shell. */
  #execute(list: CallList, { path, argv, env }: Pick<RunIn, "path" | "argv" | "env">, isScript = false): void {
    const parameters = [list.string(path), list.strings(argv), list.strings(env)];
    const last = list.call(syscall.execve, parameters, { purpose: "execute the command" });
    this.#call(list, (outcome) => {
      // Executed, it does not come back.
      if (outcome.error === undefined) return { kind: "failed", message: "Cannot execute the command" };
      const { index, errno, error } = outcome;
      if (index !== last) return { kind: "failed", message: error.message };
      if (errno !== Errno.ENOEXEC || isScript) return { kind: "notExecuted", errno };
      const shell = fromText("/bin/sh");
      this.#execute(new CallList(), { path: shell, argv: [shell, path, ...argv.slice(1)], env }, true);
    });
  }
}

/** struct msghdr, a byte, and SCM_RIGHTS: recvmsg(2). */
function descriptorMessage(list: CallList, descriptors: readonly number[]): number {
  const SOL_SOCKET = 1;
  const SCM_RIGHTS = 1;
  const length = 16 + descriptors.length * 4;
  const control = list.halves([length, 0, SOL_SOCKET, SCM_RIGHTS, ...descriptors]);
  const vector = list.words([list.bytes(new Uint8Array(1)), 1]);
  return list.words([0, 0, vector, 1, control, length, 0]);
}

function mountOn(
  list: CallList,
  [source, target]: readonly [ByteString | string, ByteString],
  { flags, type, data, ...expectation }: {
    flags: number;
    type?: string;
    data?: string;
    purpose: string | ((errno: number) => Error);
    tolerated?: number;
  },
): void {
  const text = (text: string | undefined) => text === undefined ? 0 : list.string(fromText(text));
  const parameters = [list.string(source as ByteString), list.string(target), text(type), flags, text(data)];
  list.call(syscall.mount, parameters, expectation);
}

/** Where every file is shown as the one user's, the kernel cannot judge who may use it. */
function mountFiles(list: CallList, device: number, { ids, isSole }: RunnerOptions): void {
  mountOn(list, ["outrun", stage.root], {
    type: "fuse.outrun",
    flags: MS_NOSUID | MS_NODEV,
    data: mountOptions({ fd: device, userId: ids.uid, groupId: ids.gid, defaultPermissions: !isSole }),
    purpose: (errno) => {
      switch (errno) {
        case Errno.ENODEV:
          return new Error("Cannot use FUSE: the remote's kernel has no FUSE driver; load it there with modprobe fuse");
        case Errno.EPERM:
          return new Error(
            "Cannot mount FUSE in a user namespace: not permitted; the remote's kernel must be 4.18 or newer",
          );
      }
      return new ErrnoError(errno, "mount the local files");
    },
  });
}

function mountProc(list: CallList): void {
  mountOn(list, ["proc", stage.proc], {
    type: "proc",
    flags: MS_NOSUID | MS_NODEV | MS_NOEXEC,
    purpose: (errno) =>
      errno !== Errno.EPERM ? new ErrnoError(errno, "mount /proc in the command's namespace") : new Error(
        "Cannot mount /proc: the remote is a container that hides parts of its own; start it with " +
          "--security-opt unmask=ALL (podman), or systempaths=unconfined (docker)",
      ),
  });
}

/** The same of the machine's own, with all that hides parts of it. */
function bindProc(list: CallList): void {
  mountOn(list, ["/proc", stage.proc], { flags: MS_BIND | MS_REC, purpose: "bring the remote's /proc in" });
}

/** Needs the agent to answer: these look up names in the mount. */
function enterRoot(list: CallList): void {
  for (const name of ["/dev", "/sys", "/run"]) {
    mountOn(list, [name, (stage.root + name) as ByteString], {
      flags: MS_BIND | MS_REC,
      tolerated: -Errno.ENOENT,
      purpose: `bring the remote's ${name} in`,
    });
  }
  mountOn(list, [stage.proc, `${stage.root}/proc` as ByteString], { flags: MS_MOVE, purpose: "bring /proc in" });
  const here = list.string(fromText("."));
  list.call(syscall.chdir, [list.string(stage.root)], { purpose: "enter the local files" });
  // The old root comes to lie on the new one; what is unmounted from here is the old.
  list.call(syscall.pivotRoot, [here, here], { purpose: "make the local files the root" });
  list.call(syscall.umount2, [here, MNT_DETACH], { purpose: "let the remote's files go" });
  list.call(syscall.chdir, [list.string(fromText("/"))], { purpose: "enter the root" });
}

function becomeUser(list: CallList, spec: RunIn, { ids, isSole }: RunnerOptions): void {
  limitOpenFiles(list, spec.nofile);
  const PR_CAPBSET_DROP = 24;
  // Local root is root in the namespace, but the holder in there has the uid of the remote's root.
  list.call(syscall.prctl, [PR_CAPBSET_DROP, CAP_SYS_PTRACE], {
    purpose: "give up attaching to other users' processes",
  });
  if (!isSole) {
    const { uid, gid, groups } = spec;
    list.call(syscall.setgroups, [groups.length, list.halves(groups)], { purpose: "set the groups" });
    list.call(syscall.setresgid, [gid, gid, gid], { purpose: "set the group id" });
    list.call(syscall.setresuid, [uid, uid, uid], { purpose: "set the user id" });
  } else if (spec.uid !== 0 && ids.uid === 0) {
    const PR_SET_SECUREBITS = 28;
    const SECBIT_NOROOT_LOCKED = 3;
    // An old unshare can show the user as root only: without this, it would execute as root does.
    list.call(syscall.prctl, [PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED], { purpose: "give up what root may do" });
  }
  dropCapabilities(list, { keepOwn: spec.uid === 0 });
  list.call(syscall.umask, [spec.umask], { purpose: "set the file creation mask" });
  list.call(syscall.chdir, [list.string(spec.cwd)], {
    purpose: (errno) => new Error(`Cannot enter "${toText(spec.cwd)}": ${errnoName(errno)}`),
  });
}

/** Where the hard limit may not be raised (or not that far), both stop at the present one. */
function limitOpenFiles(list: CallList, { soft, hard }: RunIn["nofile"]): void {
  const RLIMIT_NOFILE = 7;
  // The runner has this process's, and not what it takes to raise it in any but the machine's own user namespace.
  const present = openFilesLimit();
  if (typeof present === "number") throw new ErrnoError(-present, "read the limit of open files");
  const limit = (limit: number) => Math.min(limit, hard, present.hard);
  const words = [limit(soft), limit(hard)].map((limit) => limit === Number.MAX_SAFE_INTEGER ? -1 : limit);
  list.call(syscall.prlimit64, [0, RLIMIT_NOFILE, list.words(words)], { purpose: "set the limit of open files" });
}

/**
 * Those that it has, and those that it would hand on to what it executes. A change from one user to another takes root's,
 * not those of a user who has them without being root. uid 0 keeps its own (`keepOwn`), and has them by being root when it
 * executes something.
 */
function dropCapabilities(list: CallList, { keepOwn }: { keepOwn: boolean }): void {
  const purpose = "give up capabilities";
  const PR_CAP_AMBIENT = 47;
  const PR_CAP_AMBIENT_CLEAR_ALL = 4;
  // None are there before Linux 4.3.
  list.call(syscall.prctl, [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL], { purpose, tolerated: "whatever" });
  const CAPABILITY_VERSION_3 = 0x2008_0522;
  const header = list.halves([CAPABILITY_VERSION_3, 0]);
  // Effective, permitted, inheritable, twice.
  const sets = list.halves([0, 0, 0, 0, 0, 0]);
  if (keepOwn) {
    list.call(syscall.capget, [header, sets], { purpose });
    const none = list.words([0]) - MEMORY_ADDRESS;
    // What would be handed on becomes 0 again, as the list can move bytes in no other way.
    for (const inheritable of [sets + 8, sets + 20]) {
      list.call(syscall.pread64, [MEMORY, inheritable, 4, none], { purpose });
    }
  }
  list.call(syscall.capset, [header, sets], { purpose });
}
