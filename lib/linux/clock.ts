import { libc } from "./libc.ts";

const CLOCK_THREAD_CPUTIME_ID = 3;
/** struct timespec, 64-bit. */
const time = new BigInt64Array(2);
const bytes = new Uint8Array(time.buffer);

/** CPU time of the calling thread, in ms. */
export function threadTime(): number {
  if (libc().clock_gettime(CLOCK_THREAD_CPUTIME_ID, bytes) < 0) return 0;
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}
