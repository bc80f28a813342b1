import { type ByteString, byteString, fromText, toBytes } from "../../bytes/mod.ts";
import { AT_FDCWD, close, O_RDONLY, O_WRONLY, openAt, read, write } from "../../linux/mod.ts";

/** The first 4096 bytes of a file in /proc, or minus errno. */
export function readSmallFile(path: string): ByteString | number {
  const fd = openAt(AT_FDCWD, fromText(path), O_RDONLY);
  if (fd < 0) return fd;
  const bytes = new Uint8Array(4096);
  const length = read(fd, bytes);
  close(fd);
  return length < 0 ? length : byteString(bytes, 0, length);
}

/** Writes `text` to a file in /proc, which takes it in one piece or not at all. */
export function writeSmallFile(path: string, text: string): number {
  const fd = openAt(AT_FDCWD, fromText(path), O_WRONLY);
  if (fd < 0) return fd;
  const result = write(fd, toBytes(fromText(text)));
  close(fd);
  return result;
}
