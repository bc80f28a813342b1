import { type ByteString, cString } from "../bytes/mod.ts";
import { arch } from "./arch.ts";
import { libc, negative } from "./libc.ts";

/** What waitpid(2) tells of a child. */
export type ChildState =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "signaled"; readonly signal: number }
  | { readonly kind: "stopped"; readonly signal: number }
  | { readonly kind: "continued" };

/** siginfo_t (`asm-generic/siginfo.h`) of 64-bit machines. */
const SIGINFO_SIZE = 128;
const SIGINFO_PID = 16;
const WNOHANG = 1;
const WUNTRACED = 2;
const WCONTINUED = 8;

/** Decodes the status word of waitpid(2) (`bits/waitstatus.h`). */
export function decodeWaitStatus(word: number): ChildState {
  if (word === 0xffff) return { kind: "continued" };
  const low = word & 0x7f;
  const high = (word >> 8) & 0xff;
  if ((word & 0xff) === 0x7f) return { kind: "stopped", signal: high };
  return low === 0 ? { kind: "exited", status: high } : { kind: "signaled", signal: low };
}

/**
 * What became of a child since the last call, without waiting; undefined when nothing did, minus errno on failure. An end
 * is told once: the pid is free for others after it.
 */
export function childState(pid: number): ChildState | undefined | number {
  const status = new Int32Array(1);
  const result = negative(libc().waitpid(pid, new Uint8Array(status.buffer), WNOHANG | WUNTRACED | WCONTINUED));
  if (result <= 0) return result === 0 ? undefined : result;
  return decodeWaitStatus(status[0]);
}

/** A child that has ended and was not waited for yet; 0 when there is none, minus errno (ECHILD) when there are no children. */
export function endedChild(): number {
  const P_ALL = 0;
  const WEXITED = 4;
  const WNOWAIT = 0x1000000;
  const info = new Int32Array(SIGINFO_SIZE / 4);
  const result = negative(libc().waitid(P_ALL, 0, new Uint8Array(info.buffer), WEXITED | WNOHANG | WNOWAIT));
  return result < 0 ? result : info[SIGINFO_PID / 4];
}

/** Waits until a child has ended: its wait status, or minus errno. */
export function waitForEnd(pid: number): ChildState | number {
  const status = new Int32Array(1);
  const result = negative(libc().waitpid(pid, new Uint8Array(status.buffer), 0));
  return result < 0 ? result : decodeWaitStatus(status[0]);
}

/** A descriptor that poll(2) calls readable once the process has ended. Linux 5.3. */
export function openPidFd(pid: number): number {
  return negative(libc().pidfd_open(arch.syscall.pidfdOpen, pid, 0));
}

/** This process's id in its own pid namespace. */
export function ownPid(): number {
  return libc().getpid();
}

export function changeDirectory(path: ByteString): number {
  return negative(libc().chdir(cString(path)));
}

/** Makes one descriptor close-on-exec. */
export function setCloseOnExec(fd: number): number {
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  return negative(libc().fcntl(fd, F_SETFD, FD_CLOEXEC));
}

/**
 * Makes this process the leader of a session without a terminal: a new one, unless it leads one already. A leader of a
 * mere process group joins its parent's first, as setsid(2) refuses such. Lets a terminal go (SIGHUP should be ignored).
 */
export function leadSession(): number {
  const c = libc();
  const pid = c.getpid();
  if (c.getsid(0) === pid) return 0;
  if (c.getpgrp() === pid) {
    const moved = negative(c.setpgid(0, c.getpgid(c.getppid())));
    if (moved < 0) return moved;
  }
  return negative(c.setsid());
}
