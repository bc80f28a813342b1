import { type ByteString, byteString, fromText } from "../bytes/mod.ts";
import { AT_FDCWD, close, O_PATH, openAt, readLinkAt } from "./files.ts";

/** The absolute path, without symbolic links, of what `path` leads to; or minus errno. */
export function realPath(path: ByteString): ByteString | number {
  const fd = openAt(AT_FDCWD, path, O_PATH);
  if (fd < 0) return fd;
  const target = readLinkAt(AT_FDCWD, fromText(`/proc/self/fd/${fd}`));
  close(fd);
  return typeof target === "number" ? target : byteString(target);
}
