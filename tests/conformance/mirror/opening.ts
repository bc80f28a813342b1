/** Descriptors, as a kernel hands them out. */
import type { NodeId } from "../../../lib/fuse/mod.ts";
import {
  Errno,
  ErrnoError,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { caller } from "./machine.ts";
import { type MirrorProcess, result } from "./process.ts";
import { atPath, type End, NeedsKernel, type Place, root } from "./walk.ts";

type Part = Pick<Calls, "chdir" | "umask" | "become" | "open" | "openAt" | "reopen" | "dup" | "close">;

export function openingCalls(process: MirrorProcess): Part {
  return { ...processCalls(process), ...openCalls(process) };
}

function processCalls(process: MirrorProcess) {
  const { machine } = process;
  return {
    async chdir(path) {
      for (const file of process.fds.clear()) {
        if (--file.descriptors === 0) machine.files.release(file.nodeId, file.fh);
      }
      process.umask = 0;
      return await atPath(machine, { from: root, path, follow: true }, (end) => {
        if (end.nodeId === 0) throw new ErrnoError(Errno.ENOENT, "change to a folder");
        process.cwd = placeAt(end);
        return Promise.resolve(0);
      });
    },
    umask(mask) {
      const before = process.umask;
      process.umask = mask;
      return Promise.resolve(before);
    },
    become() {
      throw new NeedsKernel("checking permissions");
    },
  } satisfies Partial<Calls>;
}

function placeAt({ parent, name, nodeId }: End): Place {
  return name === "" ? parent : { nodeId, above: parent };
}

function openCalls(process: MirrorProcess) {
  const { machine } = process;
  const open = (from: Place, path: string, { flags, mode }: { flags: number; mode: number }) =>
    atPath(
      machine,
      { from, path, follow: (flags & O_NOFOLLOW) === 0 && !hasAll(flags, O_CREAT | O_EXCL) },
      async (end) => {
        const file = await openEnd(process, end, { flags, mode });
        return process.fds.add({ position: 0, descriptors: 1, flags, ...file });
      },
    );
  return {
    open: (path, flags, mode = 0) => open(process.cwd, path, { flags, mode }),
    openAt: (dir, path, flags, mode = 0) => result(() => open(process.placeOf(dir), path, { flags, mode })),
    reopen: (fd, flags) =>
      result(async () => {
        const { nodeId } = process.file(fd);
        const { fh } = await machine.files.open(nodeId, flags, caller);
        return process.fds.add({ nodeId, fh, flags, position: 0, descriptors: 1 });
      }),
    dup: (fd) =>
      result(() => {
        const file = process.file(fd);
        file.descriptors++;
        return process.fds.add(file);
      }),
    close: (fd) =>
      result(async () => {
        const { nodeId, fh, flags, place } = process.file(fd);
        const failed = (flags & O_PATH) !== 0 || place !== undefined ? 0 : await result(async () => {
          // Locks are the kernel's here: no owner has any.
          await machine.files.flush(nodeId, fh, 0n, caller);
          return 0;
        });
        process.close(fd);
        return failed;
      }),
  } satisfies Partial<Calls>;
}

function hasAll(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}

async function openEnd(
  process: MirrorProcess,
  end: End,
  { flags, mode }: { flags: number; mode: number },
): Promise<{ nodeId: NodeId; fh: number; place?: Place }> {
  const { files } = process.machine;
  const fail = (errno: number): never => {
    throw new ErrnoError(errno, "open");
  };
  const node = { mode: (mode & 0o7777) | S_IFREG, umask: process.umask };
  if (hasAll(flags, O_TMPFILE)) {
    const { entry, opened } = await files.tmpfile(end.nodeId, { ...node, flags }, caller);
    return { nodeId: entry.nodeId, fh: opened.fh };
  }
  if (end.nodeId === 0) {
    if ((flags & O_CREAT) === 0) fail(Errno.ENOENT);
    const { entry, opened } = await files.create(end.parent.nodeId, end.name, { ...node, flags }, caller);
    return { nodeId: entry.nodeId, fh: opened.fh };
  }
  const type = end.attr!.mode & S_IFMT;
  if (hasAll(flags, O_CREAT | O_EXCL)) fail(Errno.EEXIST);
  if ((flags & O_PATH) !== 0) return { nodeId: end.nodeId, fh: 0, place: type === S_IFDIR ? placeAt(end) : undefined };
  if (type === S_IFLNK) fail(Errno.ELOOP);
  if (type === S_IFDIR) {
    if ((flags & (O_CREAT | O_TRUNC)) !== 0 || (flags & O_ACCMODE) !== O_RDONLY) fail(Errno.EISDIR);
    const { fh } = await files.opendir(end.nodeId, caller);
    return { nodeId: end.nodeId, fh, place: placeAt(end) };
  }
  if ((flags & O_DIRECTORY) !== 0) fail(Errno.ENOTDIR);
  if (type !== S_IFREG) throw new NeedsKernel("what is neither a file nor a directory");
  const { fh } = await files.open(end.nodeId, flags & ~(O_CREAT | O_EXCL), caller);
  return { nodeId: end.nodeId, fh };
}
