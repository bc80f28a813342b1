import { type ByteString, fromText } from "../../bytes/mod.ts";
import {
  AT_FDCWD,
  changeModeFd,
  CLONE_NEWNS,
  close,
  encodeDevice,
  Errno,
  errnoName,
  makeDirectoryAt,
  makeNodeAt,
  mount,
  MS_BIND,
  MS_PRIVATE,
  MS_REC,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  O_WRONLY,
  openAt,
  S_IFCHR,
  S_IFREG,
  statPath,
  unshare,
  unwrap,
  write,
} from "../../linux/mod.ts";
import { runnerProgram } from "./runner_program.ts";

/** Where the runner finds things. The tmpfs on /tmp is in the agent's and the command's mount namespaces only. */
export const stage = {
  runner: fromText("/tmp/runner"),
  device: fromText("/tmp/fuse"),
  root: fromText("/tmp/root"),
  proc: fromText("/tmp/proc"),
};

const machineDevice = fromText("/dev/fuse");
const FUSE_RDEV = encodeDevice(10, 229);

/**
 * Moves the calling thread to a mount namespace of its own and builds the stage there. `ownDevice`: device nodes can be
 * made here. Throws an Error for the user.
 */
export function makeStage({ ownDevice }: { ownDevice: boolean }): void {
  const unshared = unshare(CLONE_NEWNS);
  if (unshared === -Errno.EPERM) {
    throw new Error(
      "Cannot make a mount namespace: not permitted; the remote login must be root, or get there by sudo -n or doas -n; " +
        "start a container with --device /dev/fuse --cap-add SYS_ADMIN",
    );
  }
  unwrap(unshared, "make a mount namespace");
  unwrap(mount(fromText("none"), fromText("/"), { flags: MS_REC | MS_PRIVATE }), "make the mounts private");
  const data = fromText("mode=0755,size=64k");
  unwrap(mount(fromText("outrun"), fromText("/tmp"), { type: fromText("tmpfs"), data }), "mount a tmpfs on /tmp");
  for (const directory of [stage.root, stage.proc]) {
    unwrap(makeDirectoryAt(AT_FDCWD, directory, 0o755), `make ${directory}`);
  }
  makeRunner();
  if (ownDevice) makeDevice();
  else bindFile(openable(machineDevice), stage.device);
}

/** Readable for everybody: who may not read what it runs cannot be looked at by its own user. */
function makeRunner(): void {
  const fd = unwrap(openAt(AT_FDCWD, stage.runner, O_WRONLY | O_CREAT | O_EXCL, 0o700), "make the runner");
  try {
    unwrap(write(fd, runnerProgram()), "write the runner");
    unwrap(changeModeFd(fd, 0o755), "make the runner executable");
  } finally {
    close(fd);
  }
}

function bindFile(source: ByteString, target: ByteString): void {
  unwrap(makeNodeAt(AT_FDCWD, target, S_IFREG | 0o644, 0), `make ${target}`);
  unwrap(mount(source, target, { flags: MS_BIND }), `bind "${source}" to ${target}`);
}

/** A node of our own, as the runner may not open a device that only root may; else the machine's. */
function makeDevice(): void {
  let opened = makeNodeAt(AT_FDCWD, stage.device, S_IFCHR | 0o666, FUSE_RDEV);
  // Opening it as root, here, also makes the kernel load the driver.
  if (opened === 0) opened = openAt(AT_FDCWD, stage.device, O_RDWR);
  if (opened >= 0) {
    unwrap(changeModeFd(opened, 0o666), "open the FUSE device to the command's user");
    close(opened);
    return;
  }
  if (opened !== -Errno.EPERM) throw deviceError(opened);
  useMachineDevice();
}

/** In containers making or opening new device nodes is not permitted, but one may have been put there. */
function useMachineDevice(): void {
  openable(machineDevice);
  const found = statPath(machineDevice);
  if (typeof found !== "number" && (found.mode & 0o6) !== 0o6) {
    throw new Error("Cannot use /dev/fuse: only its owner may open it; chmod 666 /dev/fuse there");
  }
  bindFile(machineDevice, stage.device);
}

/** The path itself, if this user may open it. */
function openable(path: ByteString): ByteString {
  const opened = openAt(AT_FDCWD, path, O_RDWR);
  if (opened < 0) throw deviceError(opened);
  close(opened);
  return path;
}

/** What a failure to open the FUSE device means, and what to do about it. */
function deviceError(result: number): Error {
  switch (-result) {
    case Errno.ENODEV:
    case Errno.ENXIO:
      return new Error("Cannot use FUSE: the remote's kernel has no FUSE driver; load it there with modprobe fuse");
    case Errno.ENOENT:
    case Errno.EPERM:
    case Errno.EACCES:
      return new Error(
        "Cannot use FUSE: the remote does not permit its device; start the container with --device /dev/fuse",
      );
  }
  return new Error(`Cannot open the FUSE device: ${errnoName(-result)}`);
}
