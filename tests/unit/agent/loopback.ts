import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { AttrOut, DirSink, Entry, FileSystem, NodeId, Opened, StatFsOut } from "../../../lib/fuse/mod.ts";
import {
  AT_FDCWD,
  close,
  decodeDirectory,
  type DirectoryEntry,
  Errno,
  ErrnoError,
  O_DIRECTORY,
  O_RDONLY,
  openAt,
  readAt,
  readDirectory,
  readLinkAt,
  type Stat,
  statAt,
  unwrap,
} from "../../../lib/linux/mod.ts";

const LIFETIME_MS = 1000;

/** Shows the machine's own root, read-only: what a command finds when it runs "remotely" on the machine it is on. */
export class Loopback implements FileSystem {
  readonly #paths = new Map<NodeId, ByteString>([[1, "" as ByteString]]);
  readonly #nodes = new Map<ByteString, NodeId>([["" as ByteString, 1]]);
  readonly #listings = new Map<number, DirectoryEntry[]>();
  #lastNode = 1;

  lookup(parent: NodeId, name: ByteString): Entry {
    const path = `${this.#paths.get(parent)}/${name}` as ByteString;
    const attr = this.#stat(path);
    let nodeId = this.#nodes.get(path);
    if (nodeId === undefined) {
      nodeId = ++this.#lastNode;
      this.#nodes.set(path, nodeId);
      this.#paths.set(nodeId, path);
    }
    return { nodeId, generation: 0, attr, entryValid: LIFETIME_MS, attrValid: LIFETIME_MS };
  }

  forget(): void {}

  getattr(nodeId: NodeId): AttrOut {
    return { attr: this.#stat(this.#paths.get(nodeId)!), attrValid: LIFETIME_MS };
  }

  readlink(nodeId: NodeId): Uint8Array {
    const target = readLinkAt(AT_FDCWD, this.#paths.get(nodeId)!);
    if (typeof target === "number") throw new ErrnoError(-target, "read a link");
    return target;
  }

  open(nodeId: NodeId, flags: number): Opened {
    if ((flags & 3) !== O_RDONLY) throw new ErrnoError(Errno.EROFS, "open for writing");
    return { fh: unwrap(openAt(AT_FDCWD, this.#paths.get(nodeId)!, O_RDONLY), "open"), flags: 0 };
  }

  read(_nodeId: NodeId, at: { fh: number; offset: number; size: number }): Uint8Array {
    const bytes = new Uint8Array(at.size);
    return bytes.subarray(0, unwrap(readAt(at.fh, bytes, at.offset), "read"));
  }

  flush(): void {}

  release(_nodeId: NodeId, fh: number): void {
    close(fh);
  }

  opendir(nodeId: NodeId): Opened {
    const path = this.#paths.get(nodeId)! + "/" as ByteString;
    const fh = unwrap(openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY), "open a directory");
    const entries: DirectoryEntry[] = [];
    const buffer = new Uint8Array(65536);
    for (let length; (length = unwrap(readDirectory(fh, buffer), "read a directory")) > 0;) {
      entries.push(...decodeDirectory(buffer.slice(0, length)));
    }
    this.#listings.set(fh, entries);
    return { fh, flags: 0 };
  }

  readdir(_nodeId: NodeId, at: { fh: number; offset: bigint }, sink: DirSink): void {
    const entries = this.#listings.get(at.fh)!;
    for (let i = Number(at.offset); i < entries.length; i++) {
      if (!sink.add({ ...entries[i], offset: BigInt(i + 1) })) return;
    }
  }

  releasedir(_nodeId: NodeId, fh: number): void {
    this.#listings.delete(fh);
    close(fh);
  }

  statfs(): StatFsOut {
    return { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, bsize: 4096, namelen: 255, frsize: 4096 };
  }

  statx(nodeId: NodeId): AttrOut & { attr: Stat } {
    return { attr: this.#stat(this.#paths.get(nodeId)!), attrValid: LIFETIME_MS };
  }

  listxattr(): Uint8Array {
    return new Uint8Array();
  }

  getxattr(): never {
    throw new ErrnoError(Errno.ENODATA, "find an extended attribute");
  }

  lseek(): never {
    throw new ErrnoError(Errno.ENXIO, "search a file");
  }

  copyFileRange(): never {
    throw new ErrnoError(Errno.EOPNOTSUPP, "copy");
  }

  getlk(): never {
    throw new ErrnoError(Errno.ENOLCK, "lock");
  }

  setlk(): void {}
  flock(): void {}
  access(): void {}
  fsync(): void {}
  fsyncdir(): void {}
  setattr = readOnly;
  symlink = readOnly;
  mknod = readOnly;
  mkdir = readOnly;
  unlink = readOnly;
  rmdir = readOnly;
  rename = readOnly;
  link = readOnly;
  create = readOnly;
  tmpfile = readOnly;
  setxattr = readOnly;
  removexattr = readOnly;
  fallocate = readOnly;
  write = readOnly;

  #stat(path: ByteString): Stat {
    const found = path === "" ? statAt(AT_FDCWD, "/" as ByteString) : statAt(AT_FDCWD, path);
    if (typeof found === "number") throw new ErrnoError(-found, "stat");
    return found;
  }
}

function readOnly(): never {
  throw new ErrnoError(Errno.EROFS, "change a read-only file system");
}
