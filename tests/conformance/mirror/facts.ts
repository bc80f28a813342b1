/** Attributes, as system calls read and change them through a mirror. */
import { type ByteString, byteString, toBytes } from "../../../lib/bytes/mod.ts";
import type { Attr, NodeId, SetAttr } from "../../../lib/fuse/mod.ts";
import { Errno, ErrnoError, S_IFDIR, S_IFLNK, S_IFMT } from "../../../lib/linux/mod.ts";
import { names as attributeNames } from "../linux/extended.ts";
import { facts, time, times } from "../linux/facts.ts";
import type { Calls, FileFacts, FileTimes } from "../os.ts";
import { caller } from "./machine.ts";
import { type MirrorProcess, result } from "./process.ts";
import { atFile } from "./walk.ts";

/** `linux/limits.h` */
const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65536;

type Part = Pick<
  Calls,
  | "stat"
  | "lstat"
  | "fstat"
  | "times"
  | "setTimes"
  | "setTimesOpen"
  | "truncate"
  | "chmod"
  | "fchmod"
  | "chown"
  | "lchown"
  | "fchown"
  | "access"
  | "statfs"
  | "getxattr"
  | "setxattr"
  | "removexattr"
  | "listxattr"
  | "fgetxattr"
  | "fsetxattr"
>;

function fail(errno: number): never {
  throw new ErrnoError(errno, "do that");
}

/** The name of an extended attribute. */
function key(name: string): ByteString {
  if (name === "" || name.length > XATTR_NAME_MAX) fail(Errno.ERANGE);
  return name as ByteString;
}

function isDirectory(attr: Attr): boolean {
  return (attr.mode & S_IFMT) === S_IFDIR;
}

export function factCalls(process: MirrorProcess): Part {
  return { ...readCalls(process), ...changeCalls(process), ...attributeCalls(process) };
}

/** The mirror leaves the device to the kernel. */
function shown(attr: Attr): FileFacts {
  return facts({ ...attr, dev: 0, btime: 0, btimeNsec: 0 }) as FileFacts;
}

function readCalls(process: MirrorProcess) {
  const { machine } = process;
  const { files } = machine;
  // The attributes that come with a name need not be believed.
  const factsOf = async (nodeId: NodeId) => shown((await files.getattr(nodeId, undefined, caller)).attr);
  return {
    stat: (path) => atFile(machine, process.where(path), factsOf),
    lstat: (path) => atFile(machine, process.where(path, false), factsOf),
    fstat: (fd) =>
      result(async () => {
        const { nodeId, fh, place } = process.file(fd);
        return shown((await files.getattr(nodeId, place === undefined ? fh : undefined, caller)).attr);
      }),
    times: (path) =>
      atFile(machine, process.where(path, false), async (nodeId): Promise<FileTimes> => {
        const { attr } = await files.statx(nodeId, undefined, caller);
        return times({ ...attr, dev: 0 }) as FileTimes;
      }),
    access: (path, mask) =>
      atFile(machine, process.where(path), async (nodeId) => {
        await files.access(nodeId, mask, caller);
        return 0;
      }),
    statfs: (path) =>
      atFile(machine, process.where(path), async (nodeId) => {
        const { bsize, namelen, blocks } = await files.statfs(nodeId, caller);
        return { bsize, namelen, blocks };
      }),
  } satisfies Partial<Calls>;
}

function changeCalls(process: MirrorProcess) {
  const { machine } = process;
  const { files } = machine;
  const change = (path: string, change: Partial<SetAttr>, follow = true) =>
    atFile(machine, process.where(path, follow), async (nodeId, attr) => {
      if (change.mode !== undefined && (attr.mode & S_IFMT) === S_IFLNK) fail(Errno.EOPNOTSUPP);
      if (change.size !== undefined && isDirectory(attr)) fail(Errno.EISDIR);
      if ((change.size ?? 0) < 0) fail(Errno.EINVAL);
      await files.setattr(nodeId, { killSuidgid: false, ...change }, caller);
      return 0;
    });
  const changeOpen = (fd: number, change: Partial<SetAttr>) =>
    result(async () => {
      const { nodeId, fh, place } = process.file(fd);
      const handle = place === undefined ? { fh } : {};
      await files.setattr(nodeId, { killSuidgid: false, ...handle, ...change }, caller);
      return 0;
    });
  const owner = (uid: number, gid: number) => ({ uid: uid < 0 ? undefined : uid, gid: gid < 0 ? undefined : gid });
  const one = (text: string) => text === "omit" ? undefined : text === "now" ? "now" as const : time(text);
  const both = ({ atime, mtime }: { atime: string; mtime: string }) => ({ atime: one(atime), mtime: one(mtime) });
  return {
    truncate: (path, size) => change(path, { size }),
    chmod: (path, mode) => change(path, { mode }),
    fchmod: (fd, mode) => changeOpen(fd, { mode }),
    chown: (path, uid, gid) => change(path, owner(uid, gid)),
    lchown: (path, uid, gid) => change(path, owner(uid, gid), false),
    fchown: (fd, uid, gid) => changeOpen(fd, owner(uid, gid)),
    setTimes: (path, { atime, mtime, follow }) => change(path, both({ atime, mtime }), follow),
    setTimesOpen: (fd, at) => changeOpen(fd, both(at)),
  } satisfies Partial<Calls>;
}

function attributeCalls(process: MirrorProcess) {
  const { machine } = process;
  const { files } = machine;
  const set = async (nodeId: NodeId, name: string, { value, flags }: { value: string; flags: number }) => {
    if (value.length > XATTR_SIZE_MAX) fail(Errno.E2BIG);
    await files.setxattr(
      nodeId,
      key(name),
      { value: toBytes(value as ByteString), flags, killSetgid: false },
      caller,
    );
    return 0;
  };
  return {
    getxattr: (path, name) =>
      atFile(
        machine,
        process.where(path),
        async (nodeId): Promise<string | number> =>
          byteString(await files.getxattr(nodeId, key(name), caller)) as string,
      ),
    setxattr: (path, name, value, flags = 0) =>
      atFile(machine, process.where(path), (nodeId) => set(nodeId, name, { value, flags })),
    removexattr: (path, name) =>
      atFile(machine, process.where(path), async (nodeId) => {
        await files.removexattr(nodeId, key(name), caller);
        return 0;
      }),
    listxattr: (path) =>
      atFile(machine, process.where(path), async (nodeId): Promise<string[] | number> => {
        const found = await files.listxattr(nodeId, caller);
        return attributeNames(found, found.length);
      }),
    fgetxattr: (fd, name) =>
      result(async (): Promise<string | number> =>
        byteString(await files.getxattr(process.file(fd).nodeId, key(name), caller)) as string
      ),
    fsetxattr: (fd, name, value) => result(() => set(process.file(fd).nodeId, name, { value, flags: 0 })),
  } satisfies Partial<Calls>;
}
