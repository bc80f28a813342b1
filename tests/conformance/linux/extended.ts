/** Extended attributes, ranges, locks and memory. */
import { libc, negative } from "../../../lib/linux/mod.ts";
import { byteString } from "../../../lib/bytes/mod.ts";
import { calls } from "../libc_calls.ts";
import type { Os, RecordLock } from "../os.ts";
import { bytes, filled, path, type Process } from "./process.ts";

type Part = Pick<
  Os,
  | "fallocate"
  | "copyRange"
  | "sendfile"
  | "getxattr"
  | "setxattr"
  | "removexattr"
  | "listxattr"
  | "lgetxattr"
  | "lsetxattr"
  | "fgetxattr"
  | "fsetxattr"
  | "flock"
  | "lock"
  | "getLock"
  | "map"
  | "peek"
  | "poke"
  | "msync"
  | "unmap"
>;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MS_SYNC = 4;
const [F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW] = [5, 6, 7, 36, 37, 38];
const lockTypes = ["read", "write", "unlock"] as const;

function int64(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigInt64Array([BigInt(value)]).buffer);
}

export function extendedCalls(process: Process): Part {
  return { ...rangeCalls(process), ...attributeCalls(process), ...lockCalls(process), ...memoryCalls(process) };
}

function rangeCalls(process: Process) {
  return {
    fallocate: (fd, mode, { offset, length }) => negative(libc().fallocate64(process.fd(fd), mode, offset, length)),
    copyRange: (from, to, { fromOffset, toOffset, length }) =>
      negative(libc().copy_file_range(process.fd(from), int64(fromOffset), process.fd(to), int64(toOffset), length, 0)),
    sendfile: (from, to, { offset, length }) =>
      negative(calls().sendfile64(process.fd(to), process.fd(from), int64(offset), length)),
  } satisfies Partial<Os>;
}

function attributeCalls(process: Process) {
  const room = new Uint8Array(1 << 16);
  return {
    getxattr: (name, key) => filled(room, negative(libc().getxattr(path(name), path(key), room, room.length))),
    setxattr: (name, key, value, flags = 0) =>
      negative(libc().setxattr(path(name), path(key), bytes(value), value.length, flags)),
    removexattr: (name, key) => negative(libc().removexattr(path(name), path(key))),
    listxattr: (name) => names(room, negative(libc().listxattr(path(name), room, room.length))),
    lgetxattr: (name, key) => filled(room, negative(calls().lgetxattr(path(name), path(key), room, room.length))),
    lsetxattr: (name, key, value) => negative(calls().lsetxattr(path(name), path(key), bytes(value), value.length, 0)),
    fgetxattr: (fd, key) => filled(room, negative(calls().fgetxattr(process.fd(fd), path(key), room, room.length))),
    fsetxattr: (fd, key, value) =>
      negative(calls().fsetxattr(process.fd(fd), path(key), bytes(value), value.length, 0)),
  } satisfies Partial<Os>;
}

/** The names that a call filled a buffer with, in order of the bytes. */
export function names(room: Uint8Array, length: number): string[] | number {
  return length < 0 ? length : byteString(room, 0, length).split("\0").slice(0, -1).sort();
}

function lockCalls(process: Process) {
  return {
    flock: (fd, operation) => negative(calls().flock(process.fd(fd), operation)),
    lock(fd, lock) {
      const [set, wait] = lock.ofd ? [F_OFD_SETLK, F_OFD_SETLKW] : [F_SETLK, F_SETLKW];
      return negative(calls().fcntl(process.fd(fd), lock.wait ? wait : set, struct(lock)));
    },
    getLock(fd, lock) {
      const found = struct(lock);
      const result = negative(calls().fcntl(process.fd(fd), lock.ofd ? F_OFD_GETLK : F_GETLK, found));
      return result < 0 ? result : lockTypes[found[0]];
    },
  } satisfies Partial<Os>;
}

/** struct flock64 (`asm-generic/fcntl.h`), relative to the file's start. */
function struct({ type, start, length }: RecordLock): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(32));
  view.setInt16(0, lockTypes.indexOf(type), true);
  view.setBigInt64(8, BigInt(start), true);
  view.setBigInt64(16, BigInt(length), true);
  return new Uint8Array(view.buffer);
}

function memoryCalls(process: Process) {
  return {
    map(fd, { offset, length, write, shared }) {
      const access = write ? PROT_READ | PROT_WRITE : PROT_READ;
      const kind = shared ? MAP_SHARED : MAP_PRIVATE;
      const address = Number(calls().mmap64(0, length, access, kind, process.fd(fd), offset));
      return address === -1 ? negative(-1) : process.mappings.add({ address, length });
    },
    peek(mapping, offset, size) {
      const room = new Uint8Array(size);
      calls().copyIn(room, inside(process, mapping, offset + size) + offset, size);
      return byteString(room);
    },
    poke(mapping, offset, data) {
      calls().copyOut(inside(process, mapping, offset + data.length) + offset, bytes(data), data.length);
      return 0;
    },
    msync(mapping) {
      const { address, length } = process.mappings.get(mapping)!;
      return negative(calls().msync(address, length, MS_SYNC));
    },
    unmap(mapping) {
      const { address, length } = process.mappings.remove(mapping)!;
      return negative(calls().munmap(address, length));
    },
  } satisfies Partial<Os>;
}

/** The address of a mapping that reaches as far as `end`: beyond it is somebody else's memory. */
function inside(process: Process, index: number, end: number): number {
  const mapping = process.mappings.get(index);
  if (mapping === undefined || end > mapping.length) throw new RangeError(`Cannot use mapping ${index} up to ${end}`);
  return mapping.address;
}
