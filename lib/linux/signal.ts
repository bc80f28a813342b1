import { arch } from "./arch.ts";
import { libc, negative } from "./libc.ts";

// asm-generic/signal.h
export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTOU = 22;
export const SIGWINCH = 28;
const LAST_SIGNAL = 64;

const SIG_IGN = 1;
const SIG_SETMASK = 2;
/** sigset_t of the C library; the kernel looks at the first eight bytes. */
export const SIGSET_SIZE = 128;
const KERNEL_SIGSET_SIZE = 8;

/** Negative pids name process groups. */
export function kill(pid: number, signal: number): number {
  return negative(libc().kill(pid, signal));
}

/** Makes the process ignore `signal`. What it executes ignores it too, unless told otherwise. */
export function ignoreSignal(signal: number): void {
  libc().signal(signal, SIG_IGN);
}

/**
 * Every signal as in a new process: default actions, nothing blocked. Asks the kernel, as the C library refuses to touch
 * the two signals it uses itself. To be called directly before execve: the runtime's own handlers are gone.
 */
export function resetSignals(): number {
  // struct sigaction of the kernel, all zero: SIG_DFL, no flags, an empty mask, on every architecture.
  const byDefault = new Uint8Array(32);
  for (let signal = 1; signal <= LAST_SIGNAL; signal++) {
    if (signal === SIGKILL || signal === SIGSTOP) continue;
    const number = arch.syscall.rtSigaction;
    const result = negative(libc().rt_sigaction(number, signal, byDefault, null, KERNEL_SIGSET_SIZE));
    if (result < 0) return result;
  }
  return -libc().pthread_sigmask(SIG_SETMASK, new Uint8Array(SIGSET_SIZE), null);
}
