/**
 * The runner's way, each step or none of the rest:
 *
 * 1. mount FUSE and the command's own /proc on the stage, give both to the agent;
 * 2. wait for what to run;
 * 3. bring the remote's /dev, /sys and /run into the mount, make it the root, let the old root go;
 * 4. become the user: limits, groups, ids, file creation mask, signals;
 * 5. enter the working directory and execute the command.
 *
 * A runner that went on after a failed step might run the command in the remote's own root, or as another user.
 */
import { type ByteString, fromText, toText } from "../../bytes/mod.ts";
// Not by way of mod.ts, here and below: every file that the runner loads delays the command.
import { mountOptions } from "../../fuse/mount_options.ts";
import {
  AT_FDCWD,
  bindLast,
  CAP_SYS_PTRACE,
  changeDirectory,
  close,
  closeOnExecFrom,
  dropCapabilities,
  dropFromBoundingSet,
  dropRootsPrivilege,
  effectiveGroup,
  effectiveUser,
  Errno,
  ErrnoError,
  errnoName,
  execute,
  MNT_DETACH,
  mount,
  MS_BIND,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_REC,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
  openAt,
  pivotRoot,
  readAt,
  receiveMessage,
  resetSignals,
  sendMessage,
  setCloseOnExec,
  setGroup,
  setGroups,
  setOpenFilesLimit,
  setUmask,
  setUser,
  statFd,
  unmount,
  unwrap,
} from "../../linux/mod.ts";
import { decodeRun, type RunIn } from "../../protocol/run.ts";
import { CONTROL, encodeRunnerMessage, type RunnerMessage } from "./control.ts";
import { prepareLibrary } from "./program.ts";
import { stage } from "./stage.ts";

const FAILED_STATUS = 254;

/** The C functions that are called from step 2 on: in the new root, the library's path may lead to another file. */
const calledFromHere = [
  ...["recvmsg", "statx", "pread64", "close", "mount", "chdir", "pivot_root", "umount2", "addressOf", "sendmsg"],
  ...["getrlimit64", "setrlimit64", "prctl", "setgroups", "setresgid", "setresuid", "umask", "close_range"],
  ...["geteuid", "capget", "capset", "rt_sigaction", "pthread_sigmask", "execve"],
] as const;

/** Words that the agent gives to a runner. */
export interface RunnerWords {
  /** The user namespace has no other user than the present one: that is who the command runs as. */
  readonly isSole: boolean;
  /** There is no pid namespace, and no fresh /proc to be had: the machine's own is shown. */
  readonly isOpen: boolean;
}

/** The runner's whole life: it ends as the command, or says what failed and exits. */
export function runRunner(words: readonly string[]): never {
  const isSole = words.includes("--sole");
  const isOpen = words.includes("--open");
  try {
    prepareLibrary(words);
    unwrap(setCloseOnExec(CONTROL), "start without the agent: this is the agent's helper");
    mountAll({ isSole, isOpen });
    bindLast(calledFromHere);
    const spec = receiveSpec();
    enterRoot();
    becomeUser(spec, isSole);
    say({ kind: "executing" });
    say({ kind: "notExecuted", errno: -executeCommand(spec) });
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  Deno.exit(FAILED_STATUS);
}

/** The agent may be gone: then so is this process, in a moment. */
function say(message: RunnerMessage, descriptors: readonly number[] = []): void {
  sendMessage(CONTROL, encodeRunnerMessage(message), descriptors);
}

function mountAll({ isSole, isOpen }: RunnerWords): void {
  const device = mountFiles(isSole);
  const proc = isOpen ? bindProc() : mountProc();
  say({ kind: "mounted" }, [device, proc]);
  // The agent alone holds the device: when it dies, requests fail instead of waiting for ever.
  close(device);
  close(proc);
}

/**
 * Opens the device here, in the user namespace: only there may what is opened be mounted. Returns it. Where every file is
 * shown as the one user's, the kernel cannot judge who may use it.
 */
function mountFiles(isSole: boolean): number {
  const device = unwrap(openAt(AT_FDCWD, stage.device, O_RDWR), "open the FUSE device in the command's namespace");
  const mounted = mount(fromText("outrun"), stage.root, {
    type: fromText("fuse.outrun"),
    flags: MS_NOSUID | MS_NODEV,
    data: fromText(mountOptions({
      fd: device,
      userId: effectiveUser(),
      groupId: effectiveGroup(),
      defaultPermissions: !isSole,
    })),
  });
  if (mounted === -Errno.ENODEV) {
    throw new Error("Cannot use FUSE: the remote's kernel has no FUSE driver; load it there with modprobe fuse");
  }
  if (mounted === -Errno.EPERM) {
    throw new Error("Cannot mount FUSE in a user namespace: not permitted; the remote's kernel must be 4.18 or newer");
  }
  unwrap(mounted, "mount the local files");
  return device;
}

/** Returns an O_PATH descriptor of it. */
function mountProc(): number {
  const proc = fromText("proc");
  const mounted = mount(proc, stage.proc, { type: proc, flags: MS_NOSUID | MS_NODEV | MS_NOEXEC });
  if (mounted === -Errno.EPERM) {
    throw new Error(
      "Cannot mount /proc: the remote is a container that hides parts of its own; start it with " +
        "--security-opt unmask=ALL (podman), or systempaths=unconfined (docker)",
    );
  }
  unwrap(mounted, "mount /proc in the command's namespace");
  return unwrap(openAt(AT_FDCWD, stage.proc, O_PATH | O_DIRECTORY), "open /proc");
}

/** The same of the machine's own, with all that hides parts of it. */
function bindProc(): number {
  unwrap(mount(fromText("/proc"), stage.proc, { flags: MS_BIND | MS_REC }), "bring the remote's /proc in");
  return unwrap(openAt(AT_FDCWD, stage.proc, O_PATH | O_DIRECTORY), "open /proc");
}

function receiveSpec(): RunIn {
  for (;;) {
    const received = receiveMessage(CONTROL, new Uint8Array(1));
    if (received === -Errno.EINTR) continue;
    if (typeof received === "number") throw new ErrnoError(-received, "hear from the agent");
    if (received.length === 0) throw new Error("Cannot hear from the agent: it is gone");
    const [file] = received.descriptors;
    const found = statFd(file);
    if (typeof found === "number") throw new ErrnoError(-found, "read what to run");
    const encoded = new Uint8Array(found.size);
    if (unwrap(readAt(file, encoded, 0), "read what to run") < encoded.length) {
      throw new Error("Cannot read what to run");
    }
    close(file);
    return decodeRun(encoded);
  }
}

/** Needs the agent to answer: these look up names in the mount. */
function enterRoot(): void {
  for (const name of ["/dev", "/sys", "/run"].map(fromText)) {
    const target = (stage.root + name) as ByteString;
    const bound = mount(name, target, { flags: MS_BIND | MS_REC });
    if (bound !== -Errno.ENOENT) unwrap(bound, `bring the remote's ${name} in`);
  }
  unwrap(mount(stage.proc, fromText(`${stage.root}/proc`), { flags: MS_MOVE }), "bring /proc in");
  const here = fromText(".");
  unwrap(changeDirectory(stage.root), "enter the local files");
  // The old root comes to lie on the new one; what is unmounted from here is the old.
  unwrap(pivotRoot(here, here), "make the local files the root");
  unwrap(unmount(here, MNT_DETACH), "let the remote's files go");
  unwrap(changeDirectory(fromText("/")), "enter the root");
}

function becomeUser(spec: RunIn, isSole: boolean): void {
  unwrap(setOpenFilesLimit(spec.nofile), "set the limit of open files");
  // Local root is root in the namespace, but the holder in there has the uid of the remote's root.
  unwrap(dropFromBoundingSet(CAP_SYS_PTRACE), "give up attaching to other users' processes");
  if (!isSole) {
    unwrap(setGroups(spec.groups), "set the groups");
    unwrap(setGroup(spec.gid), "set the group id");
    unwrap(setUser(spec.uid), "set the user id");
  } else if (spec.uid !== 0 && effectiveUser() === 0) {
    // An old unshare can show the user as root only.
    unwrap(dropRootsPrivilege(), "give up what root may do");
  }
  // A change from one user to another takes root's capabilities, not those of a user who has them without being root.
  unwrap(dropCapabilities({ keepOwn: spec.uid === 0 }), "give up capabilities");
  setUmask(spec.umask);
  const entered = changeDirectory(spec.cwd);
  if (entered < 0) throw new Error(`Cannot enter "${toText(spec.cwd)}": ${errnoName(-entered)}`);
  // Everything of the runtime is close-on-exec as it is; this is for what a kernel without it could not tell anyway.
  closeOnExecFrom(3);
  unwrap(resetSignals(), "reset the signals");
}

/** Like execvp(3), a file that the kernel does not know to execute is a script for the shell. Returns minus errno. */
function executeCommand({ path, argv, env }: RunIn): number {
  const result = execute(path, argv, env);
  if (result !== -Errno.ENOEXEC) return result;
  const shell = fromText("/bin/sh");
  return execute(shell, [shell, path, ...argv.slice(1)], env);
}
