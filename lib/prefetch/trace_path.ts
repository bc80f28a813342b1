import type { ByteString } from "../bytes/mod.ts";

/** PATH_MAX of `linux/limits.h`, its NUL included. */
const MAX_PATH = 4096;

/** Whether a path (perhaps of another machine's making) is absolute and means what it says: no `.`, `..` or `//` in it. */
export function isPlainPath(path: ByteString): boolean {
  if (path === "/") return true;
  return path.startsWith("/") && path.length <= MAX_PATH && !path.includes("\0") && !/\/(\.{0,2})(\/|$)/.test(path);
}

/** Whether `path` is `folder` or in it. */
export function isBelow(path: ByteString, folder: ByteString): boolean {
  return folder === "/" || path === folder || (path.startsWith(folder) && path[folder.length] === "/");
}

/** The folder that holds an absolute path. */
export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(1, path.lastIndexOf("/"))) as ByteString;
}
