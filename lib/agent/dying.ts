import { byteString, fromText } from "../bytes/mod.ts";
import { close, O_RDONLY, openAt, read } from "../linux/mod.ts";

const SIGKILL_BIT = 1 << 8;

/**
 * Whether a SIGKILL is pending for thread `pid`: every signal that will end a process shows as one. `proc` is a descriptor
 * of the /proc of the pid namespace that `pid` counts in. A thread that cannot be seen is not taken for a dying one.
 */
export function isDying(proc: number, pid: number): boolean {
  if (pid === 0) return false;
  const fd = openAt(proc, fromText(`${pid}/status`), O_RDONLY);
  if (fd < 0) return false;
  const buffer = new Uint8Array(4096);
  const length = read(fd, buffer);
  close(fd);
  if (length <= 0) return false;
  const text = byteString(buffer, 0, length);
  return ["SigPnd", "ShdPnd"].some((name) => {
    // 16 hex digits, the lowest 32 signals in the last eight.
    const mask = new RegExp(`^${name}:\\s*[0-9a-f]{8}([0-9a-f]{8})$`, "m").exec(text)?.[1];
    return mask !== undefined && (parseInt(mask, 16) & SIGKILL_BIT) !== 0;
  });
}
