import { O_CLOEXEC, O_NONBLOCK, read } from "./files.ts";
import { libc, negative } from "./libc.ts";

const CLOCK_MONOTONIC = 1;

/** A descriptor that poll(2) calls readable every so many ms; {@link readTimer} makes it wait for the next time. */
export function makeTimer(milliseconds: number): number {
  const timer = negative(libc().timerfd_create(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK));
  if (timer < 0) return timer;
  const seconds = BigInt(Math.floor(milliseconds / 1000));
  const nanoseconds = BigInt((milliseconds % 1000) * 1e6);
  // struct itimerspec: the interval, then the first time.
  const times = new BigInt64Array([seconds, nanoseconds, seconds, nanoseconds]);
  const result = negative(libc().timerfd_settime(timer, 0, new Uint8Array(times.buffer), null));
  return result < 0 ? result : timer;
}

export function readTimer(timer: number): void {
  read(timer, new Uint8Array(8));
}
