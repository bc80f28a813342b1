import { type ByteString, fromText } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  NO_BIRTH,
  O_RDONLY,
  openAt,
  read,
  S_IFDIR,
  S_IFREG,
  type Stat,
  statFd,
} from "../linux/mod.ts";

/** What the remote machine shows at a place of the mirrored root. */
export type OverlayEntry = OverlayDirectory | OverlayFile;

/** A directory. With `attr` it stands alone (a mount point); without, it is the local one with some names replaced. */
export interface OverlayDirectory {
  readonly kind: "directory";
  readonly attr?: Stat;
  readonly children: ReadonlyMap<ByteString, OverlayEntry>;
}

/** A file of the remote machine; without content it does not exist. */
export interface OverlayFile {
  readonly kind: "file";
  readonly attr?: Stat;
  readonly content: Uint8Array;
}

/** Directories on which the runner mounts the remote machine's own. */
const mountPoints = ["dev", "proc", "run", "sys"];

/** Files that belong to the network the command runs in. */
const networkFiles = ["hosts", "resolv.conf"];

/** More than any sensible hosts file; what is beyond is cut. */
const MAX_FILE = 1 << 20;

/** Inode numbers above those that file systems hand out. */
const FIRST_INO = 0xfffe_0000_0000_0000n;

/**
 * The remote machine's part of the mirrored root: mount points that exist whether or not the local root has them, and
 * the files of the network. They are answered here, so that the runner's mounts cost no round trip, and so that a
 * resolv.conf that is a symbolic link locally is no trouble.
 */
export function rootOverlay(): OverlayDirectory {
  let ino = FIRST_INO;
  const children = new Map<ByteString, OverlayEntry>();
  for (const name of mountPoints) {
    children.set(fromText(name), { kind: "directory", attr: mountPoint(ino++), children: new Map() });
  }
  const etc = new Map<ByteString, OverlayEntry>();
  for (const name of networkFiles) etc.set(fromText(name), networkFile(fromText(`/etc/${name}`), ino++));
  children.set(fromText("etc"), { kind: "directory", children: etc });
  return { kind: "directory", children };
}

function mountPoint(ino: bigint): Stat {
  return { ...blank, ino, mode: S_IFDIR | 0o755, nlink: 2, size: 0 };
}

function networkFile(path: ByteString, ino: bigint): OverlayFile {
  const fd = openAt(AT_FDCWD, path, O_RDONLY);
  if (fd < 0) return { kind: "file", content: new Uint8Array() };
  try {
    const stat = statFd(fd);
    if (typeof stat === "number") return { kind: "file", content: new Uint8Array() };
    const content = readAll(fd);
    const attr = { ...stat, ...owner, dev: 0, ino, mode: S_IFREG | 0o644, nlink: 1, size: content.length };
    return { kind: "file", attr, content };
  } finally {
    close(fd);
  }
}

function readAll(fd: number): Uint8Array {
  const buffer = new Uint8Array(MAX_FILE);
  let length = 0;
  while (length < buffer.length) {
    const count = read(fd, buffer.subarray(length));
    if (count <= 0) break;
    length += count;
  }
  return buffer.slice(0, length);
}

const owner = { uid: 0, gid: 0 };
const blank: Stat = {
  ...owner,
  dev: 0,
  ino: 0n,
  mode: 0,
  nlink: 1,
  rdev: 0,
  size: 0,
  blocks: 0,
  blksize: 4096,
  atime: 0,
  atimeNsec: 0,
  mtime: 0,
  mtimeNsec: 0,
  ctime: 0,
  ctimeNsec: 0,
  btime: NO_BIRTH,
  btimeNsec: 0,
};
