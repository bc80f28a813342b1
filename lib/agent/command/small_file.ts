import { fromText, toBytes } from "../../bytes/mod.ts";
import { AT_FDCWD, close, O_WRONLY, openAt, write } from "../../linux/mod.ts";

/** Writes `text` to a file in /proc, which takes it in one piece or not at all. */
export function writeSmallFile(path: string, text: string): number {
  const fd = openAt(AT_FDCWD, fromText(path), O_WRONLY);
  if (fd < 0) return fd;
  const result = write(fd, toBytes(fromText(text)));
  close(fd);
  return result;
}
