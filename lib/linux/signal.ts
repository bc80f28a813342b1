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

const SIG_IGN = 1;
/** sigset_t of the C library; the kernel looks at the first eight bytes. */
export const SIGSET_SIZE = 128;

/** Negative pids name process groups. */
export function kill(pid: number, signal: number): number {
  return negative(libc().kill(pid, signal));
}

/** Makes the process ignore `signal`. What it executes ignores it too, unless told otherwise. */
export function ignoreSignal(signal: number): void {
  libc().signal(signal, SIG_IGN);
}
