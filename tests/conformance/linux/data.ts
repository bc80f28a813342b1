/** Open files and their content. */
import { createHash } from "node:crypto";
import {
  AT_FDCWD,
  libc,
  negative,
  O_CLOEXEC,
  type openAt,
  readAt,
  truncateFd,
  write,
  writeAt,
} from "../../../lib/linux/mod.ts";
import { calls } from "../libc_calls.ts";
import type { Os } from "../os.ts";
import { pattern } from "../pattern.ts";
import { bytes, filled, path, type Process } from "./process.ts";

type Part = Pick<
  Os,
  | "open"
  | "openAt"
  | "reopen"
  | "dup"
  | "close"
  | "read"
  | "pread"
  | "write"
  | "pwrite"
  | "fill"
  | "digest"
  | "seek"
  | "truncate"
  | "ftruncate"
  | "fsync"
  | "fdatasync"
  | "ioctl"
>;

const PIECE = 1 << 18;
const F_DUPFD_CLOEXEC = 1030;

export function dataCalls(process: Process): Part {
  const open = (...[dir, name, flags, mode]: Parameters<typeof openAt>) =>
    process.opened(negative(libc().openat(dir, path(name), flags | O_CLOEXEC, mode ?? 0)));
  return {
    open: (name, flags, mode) => open(AT_FDCWD, name as never, flags, mode),
    openAt: (dir, name, flags, mode) => open(process.fd(dir), name as never, flags, mode),
    reopen: (fd, flags) => open(AT_FDCWD, `/proc/self/fd/${process.fd(fd)}` as never, flags),
    dup: (fd) => process.opened(negative(libc().fcntl(process.fd(fd), F_DUPFD_CLOEXEC, 3))),
    close: (fd) => process.close(fd),
    read(fd, size) {
      const room = new Uint8Array(size);
      return filled(room, negative(libc().read(process.fd(fd), room, size)));
    },
    pread(fd, size, offset) {
      const room = new Uint8Array(size);
      return filled(room, readAt(process.fd(fd), room, offset));
    },
    write: (fd, data) => write(process.fd(fd), bytes(data)),
    pwrite: (fd, data, offset) => negative(libc().pwrite64(process.fd(fd), bytes(data), data.length, offset)),
    fill(fd, { offset, size, seed }) {
      for (let done = 0; done < size; done += PIECE) {
        const piece = pattern(seed, { offset: offset + done, size: Math.min(PIECE, size - done) });
        const result = writeAt(process.fd(fd), piece, offset + done);
        if (result < piece.length) return result < 0 ? result : done + result;
      }
      return size;
    },
    digest(fd, piece) {
      const hash = createHash("sha256");
      const room = new Uint8Array(piece);
      for (let offset = 0;;) {
        const length = readAt(process.fd(fd), room, offset);
        if (length < 0) return length;
        if (length === 0) return hash.digest("hex");
        hash.update(room.subarray(0, length));
        offset += length;
      }
    },
    seek(fd, offset, whence) {
      const position = libc().lseek64(process.fd(fd), offset, whence);
      return position === -1n ? negative(-1) : Number(position);
    },
    truncate: (name, size) => negative(calls().truncate64(path(name), size)),
    ftruncate: (fd, size) => truncateFd(process.fd(fd), size),
    fsync: (fd) => negative(libc().fsync(process.fd(fd))),
    fdatasync: (fd) => negative(libc().fdatasync(process.fd(fd))),
    ioctl: (fd, request) => negative(libc().ioctl(process.fd(fd), request, new Uint8Array(4096))),
  };
}
