import { fromText } from "../bytes/mod.ts";
import { Errno } from "./errno.ts";
import { AT_FDCWD, close, O_RDONLY, openAt, read } from "./files.ts";

/** A whole file, or minus errno. libc instead of Deno: its own file API refuses /proc without all permissions. */
export function readFile(path: string): Uint8Array | number {
  const fd = openAt(AT_FDCWD, fromText(path), O_RDONLY);
  if (fd < 0) return fd;
  try {
    return readAll(fd);
  } finally {
    close(fd);
  }
}

function readAll(fd: number): Uint8Array {
  let data = new Uint8Array(16384);
  let length = 0;
  for (;;) {
    const count = read(fd, data.subarray(length));
    if (count === -Errno.EINTR) continue;
    if (count <= 0) return data.subarray(0, length);
    length += count;
    if (length === data.length) {
      const larger = new Uint8Array(data.length * 2);
      larger.set(data);
      data = larger;
    }
  }
}
