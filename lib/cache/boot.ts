import { fromText } from "../bytes/mod.ts";
import { AT_FDCWD, close, O_RDONLY, openAt, read } from "../linux/mod.ts";

/** What is the same until the kernel starts anew; where that cannot be told, never the same twice. */
export function thisBoot(): string {
  const fd = openAt(AT_FDCWD, fromText("/proc/sys/kernel/random/boot_id"), O_RDONLY);
  const id = new Uint8Array(36);
  const length = fd < 0 ? 0 : read(fd, id);
  if (fd >= 0) close(fd);
  return length === id.length ? new TextDecoder().decode(id) : crypto.randomUUID();
}
