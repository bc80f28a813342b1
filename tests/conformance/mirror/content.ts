/** Reading and writing, as a kernel without a page cache does it. */
import { createHash } from "node:crypto";
import { type ByteString, byteString, toBytes } from "../../../lib/bytes/mod.ts";
import { Errno, ErrnoError, O_ACCMODE, O_APPEND, O_PATH, O_RDONLY, O_WRONLY } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { pattern } from "../pattern.ts";
import { caller } from "./machine.ts";
import { type MirrorProcess, type OpenFile, result } from "./process.ts";

type Part = Pick<
  Calls,
  | "read"
  | "pread"
  | "write"
  | "pwrite"
  | "fill"
  | "digest"
  | "seek"
  | "ftruncate"
  | "fsync"
  | "fdatasync"
  | "fallocate"
  | "copyRange"
>;

const PIECE = 1 << 18;
const SEEK_END = 2;

export function contentCalls(process: MirrorProcess): Part {
  return { ...readCalls(process), ...writeCalls(process), ...rangeCalls(process) };
}

/** A file that is open for reading. */
function readable(process: MirrorProcess, fd: number): OpenFile {
  const file = process.file(fd);
  if ((file.flags & O_PATH) !== 0 || (file.flags & O_ACCMODE) === O_WRONLY) throw new ErrnoError(Errno.EBADF, "read");
  if (file.place !== undefined) throw new ErrnoError(Errno.EISDIR, "read");
  return file;
}

/** A file that is open for writing. */
function writable(process: MirrorProcess, fd: number): OpenFile {
  const file = process.file(fd);
  if ((file.flags & O_PATH) !== 0 || (file.flags & O_ACCMODE) === O_RDONLY) throw new ErrnoError(Errno.EBADF, "write");
  return file;
}

function checkOffset(offset: number): void {
  if (offset < 0) throw new ErrnoError(Errno.EINVAL, "use an offset");
}

async function sizeOf({ machine }: MirrorProcess, { nodeId, fh }: OpenFile): Promise<number> {
  return (await machine.files.getattr(nodeId, fh, caller)).attr.size;
}

async function read(process: MirrorProcess, fd: number, at: { offset: number; size: number }): Promise<Uint8Array> {
  const { nodeId, fh } = readable(process, fd);
  checkOffset(at.offset);
  return (await process.machine.files.read(nodeId, { fh, ...at }, caller)).slice();
}

function readCalls(process: MirrorProcess) {
  return {
    read: (fd, size) =>
      result(async () => {
        const file = readable(process, fd);
        const data = await read(process, fd, { offset: file.position, size });
        file.position += data.length;
        return byteString(data) as string;
      }),
    pread: (fd, size, offset) => result(async () => byteString(await read(process, fd, { offset, size })) as string),
    digest: (fd, piece) =>
      result(async () => {
        const hash = createHash("sha256");
        for (let offset = 0;;) {
          const data = await read(process, fd, { offset, size: piece });
          if (data.length === 0) return hash.digest("hex");
          hash.update(data);
          offset += data.length;
        }
      }),
    seek: (fd, offset, whence) =>
      result(async () => process.file(fd).position = await seek(process, fd, [offset, whence])),
  } satisfies Partial<Calls>;
}

async function seek(process: MirrorProcess, fd: number, [offset, whence]: [number, number]): Promise<number> {
  const file = process.file(fd);
  const { nodeId, fh, position } = file;
  if (whence > SEEK_END) return await process.machine.files.lseek(nodeId, { fh, offset, whence }, caller);
  const from = [0, position, whence === SEEK_END ? await sizeOf(process, file) : 0][whence];
  checkOffset(from + offset);
  return from + offset;
}

/** In pieces, as the kernel cuts it. Returns where it ended. */
async function write(process: MirrorProcess, fd: number, at: { data: Uint8Array; offset: number }): Promise<number> {
  const file = writable(process, fd);
  checkOffset(at.offset);
  const { nodeId, fh, flags } = file;
  let offset = (flags & O_APPEND) !== 0 ? await sizeOf(process, file) : at.offset;
  for (let done = 0; done < at.data.length;) {
    const data = at.data.slice(done, done + PIECE);
    const written = await process.machine.files.write(nodeId, { fh, offset, data }, caller);
    done += written;
    offset += written;
  }
  return offset;
}

function writeCalls(process: MirrorProcess) {
  const { files } = process.machine;
  return {
    write: (fd, data) =>
      result(async () => {
        const file = process.file(fd);
        file.position = await write(process, fd, { data: toBytes(data as ByteString), offset: file.position });
        return data.length;
      }),
    pwrite: (fd, data, offset) =>
      result(async () => {
        await write(process, fd, { data: toBytes(data as ByteString), offset });
        return data.length;
      }),
    fill: (fd, { offset, size, seed }) =>
      result(async () => {
        await write(process, fd, { data: pattern(seed, { offset, size }), offset });
        return size;
      }),
    ftruncate: (fd, size) =>
      result(async () => {
        const { nodeId, fh, flags, place } = process.file(fd);
        if (size < 0 || place !== undefined || (flags & O_ACCMODE) === O_RDONLY) {
          throw new ErrnoError(Errno.EINVAL, "truncate");
        }
        await files.setattr(nodeId, { size, fh, killSuidgid: false }, caller);
        return 0;
      }),
    fsync: (fd) => sync(process, fd, false),
    fdatasync: (fd) => sync(process, fd, true),
  } satisfies Partial<Calls>;
}

async function sync(process: MirrorProcess, fd: number, dataOnly: boolean): Promise<number> {
  const { files } = process.machine;
  return await result(async () => {
    const { nodeId, fh, place } = process.file(fd);
    await (place === undefined
      ? files.fsync(nodeId, fh, dataOnly, caller)
      : files.fsyncdir(nodeId, fh, dataOnly, caller));
    return 0;
  });
}

function rangeCalls(process: MirrorProcess) {
  const { files } = process.machine;
  return {
    fallocate: (fd, mode, range) =>
      result(async () => {
        const { nodeId, fh } = process.file(fd);
        checkOffset(range.offset);
        await files.fallocate(nodeId, { fh, mode, ...range }, caller);
        return 0;
      }),
    copyRange: (from, to, { fromOffset, toOffset, length }) =>
      result(async () => {
        const source = process.file(from);
        const target = process.file(to);
        return await files.copyFileRange(source.nodeId, {
          fh: source.fh,
          offset: fromOffset,
          to: { nodeId: target.nodeId, fh: target.fh, offset: toOffset },
          length,
        }, caller);
      }),
  } satisfies Partial<Calls>;
}
