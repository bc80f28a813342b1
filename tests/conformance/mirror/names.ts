/** Names and attributes, as system calls change them through a files. */
import { type ByteString, byteString } from "../../../lib/bytes/mod.ts";
import type { Attr, DirEntry, Entry, NodeId, Result } from "../../../lib/fuse/mod.ts";
import { encodeDevice, Errno, ErrnoError, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { type MirrorProcess, result } from "./process.ts";
import { caller } from "./machine.ts";
import { atFile, atPath, type End } from "./walk.ts";

type Part = Pick<
  Calls,
  | "mkdir"
  | "rmdir"
  | "unlink"
  | "symlink"
  | "readlink"
  | "link"
  | "linkFollowing"
  | "linkOpen"
  | "rename"
  | "mknod"
  | "list"
>;

/** By DT_*. */
const types: Record<number, string> = { 1: "p", 2: "c", 4: "d", 6: "b", 8: "f", 10: "l", 12: "s" };
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

function fail(errno: number): never {
  throw new ErrnoError(errno, "do that");
}

function isDirectory(attr: Attr | undefined): boolean {
  return ((attr?.mode ?? 0) & S_IFMT) === S_IFDIR;
}

export function nameCalls(process: MirrorProcess): Part {
  return { ...makeCalls(process), ...removeCalls(process), list: (path) => list(process, path) };
}

function makeCalls(process: MirrorProcess) {
  const { machine } = process;
  const { files } = machine;
  /** Makes something under a name that must not be there yet. */
  const make = (path: string, action: (dir: NodeId, name: ByteString) => Result<Entry>, slash = false) =>
    atPath(machine, process.where(path, false), async ({ parent, name, nodeId }) => {
      if (nodeId !== 0) fail(Errno.EEXIST);
      if (path.endsWith("/") && !slash) fail(Errno.ENOENT);
      await action(parent.nodeId, name);
      return 0;
    });
  const link = (from: string, to: string, follow: boolean) =>
    atFile(machine, process.where(from, follow), async (nodeId, attr) => {
      const made = await make(to, (dir, name) => {
        if (isDirectory(attr)) fail(Errno.EPERM);
        return files.link(nodeId, dir, name, caller);
      });
      return made;
    });
  return {
    mkdir: (path, mode) =>
      make(path, (dir, name) => files.mkdir(dir, name, { mode, umask: process.umask }, caller), true),
    symlink: (target, path) => {
      if (target === "") return Promise.resolve(-Errno.ENOENT);
      if (target.length >= 4096) return Promise.resolve(-Errno.ENAMETOOLONG);
      return make(path, (dir, name) => files.symlink(dir, name, target as ByteString, caller));
    },
    mknod: (path, mode, [major, minor] = [0, 0]) => {
      const node = { mode: (mode & S_IFMT) === 0 ? mode | S_IFREG : mode, umask: process.umask };
      return make(path, (dir, name) => files.mknod(dir, name, { ...node, rdev: encodeDevice(major, minor) }, caller));
    },
    link: (from, to) => link(from, to, false),
    linkFollowing: (from, to) => link(from, to, true),
    linkOpen: (fd, to) =>
      result(() => {
        const { nodeId } = process.file(fd);
        return make(to, (dir, name) => files.link(nodeId, dir, name, caller));
      }),
  } satisfies Partial<Calls>;
}

function removeCalls(process: MirrorProcess) {
  const { machine } = process;
  const { files } = machine;
  return {
    rmdir: (path) =>
      atPath(machine, process.where(path, false), async ({ parent, name, nodeId, attr }) => {
        if (/(^|\/)\.\/*$/.test(path)) fail(Errno.EINVAL);
        if (/(^|\/)\.\.\/*$/.test(path)) fail(Errno.ENOTEMPTY);
        if (nodeId === 0) fail(Errno.ENOENT);
        if (!isDirectory(attr)) fail(Errno.ENOTDIR);
        await files.rmdir(parent.nodeId, name, caller);
        return 0;
      }),
    unlink: (path) =>
      atPath(machine, process.where(path, false), async ({ parent, name, nodeId, attr }) => {
        if (nodeId === 0) fail(Errno.ENOENT);
        if (isDirectory(attr)) fail(Errno.EISDIR);
        await files.unlink(parent.nodeId, name, caller);
        return 0;
      }),
    readlink: (path) =>
      atFile(machine, process.where(path, false), async (nodeId, attr): Promise<string | number> => {
        if ((attr.mode & S_IFMT) !== S_IFLNK) fail(Errno.EINVAL);
        return byteString(await files.readlink(nodeId, caller)) as string;
      }),
    rename: (from, to, flags = 0) =>
      atPath(
        machine,
        process.where(from, false),
        (source) =>
          atPath(machine, process.where(to, false), async (target) => {
            checkRename(source, target, flags);
            if (source.nodeId === target.nodeId) return 0;
            await files.rename(source.parent.nodeId, source.name, {
              parent: target.parent.nodeId,
              name: target.name,
              flags,
            }, caller);
            return 0;
          }),
      ),
  } satisfies Partial<Calls>;
}

/** What the kernel's VFS says before it asks a file system. */
function checkRename(source: End, target: End, flags: number): void {
  if ((flags & ~7) !== 0 || (flags & 3) === 3) fail(Errno.EINVAL);
  if (source.name === "" || target.name === "") fail(Errno.EBUSY);
  if (source.nodeId === 0) fail(Errno.ENOENT);
  if ((flags & RENAME_NOREPLACE) !== 0 && target.nodeId !== 0) fail(Errno.EEXIST);
  if ((flags & RENAME_EXCHANGE) !== 0 && target.nodeId === 0) fail(Errno.ENOENT);
  for (let place: End["parent"] | undefined = target.parent; place; place = place.above) {
    if (place.nodeId === source.nodeId) fail(Errno.EINVAL);
  }
  if (target.nodeId === 0 || (flags & RENAME_EXCHANGE) !== 0) return;
  if (isDirectory(source.attr) && !isDirectory(target.attr)) fail(Errno.ENOTDIR);
  if (!isDirectory(source.attr) && isDirectory(target.attr)) fail(Errno.EISDIR);
}

async function list(process: MirrorProcess, path: string): Promise<string[] | number> {
  const { machine } = process;
  return await atFile(machine, process.where(path), async (nodeId, attr): Promise<string[] | number> => {
    if (!isDirectory(attr)) fail(Errno.ENOTDIR);
    const { fh } = await machine.files.opendir(nodeId, caller);
    const entries: DirEntry[] = [];
    const sink = { plus: false, add: (entry: DirEntry) => entries.push(entry) > 0 };
    await machine.files.readdir(nodeId, { fh, offset: 0n }, sink, caller);
    machine.files.releasedir(nodeId, fh);
    const own = entries.filter(({ name }) => name !== "." && name !== "..");
    if (own.length !== entries.length - 2) fail(Errno.ENOENT);
    return own.map(({ name, type }) => `${name} ${types[type]}`).sort();
  });
}
