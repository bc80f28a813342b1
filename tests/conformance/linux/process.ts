import { type ByteString, byteString, cString, toBytes } from "../../../lib/bytes/mod.ts";
import { close, Errno } from "../../../lib/linux/mod.ts";
import { Slots } from "../slots.ts";

/** Memory that is a file's, from mmap(2). */
export interface Mapping {
  readonly address: number;
  readonly length: number;
}

/** What a process has open. */
export class Process {
  readonly fds = new Slots<number>();
  readonly mappings = new Slots<Mapping>();

  /** -1 for an index that is not in use: then the kernel says EBADF. */
  fd(index: number): number {
    return this.fds.get(index) ?? -1;
  }

  /** The index of a descriptor; what is not one stays as it is. */
  opened(fd: number): number {
    return fd < 0 ? fd : this.fds.add(fd);
  }

  close(index: number): number {
    const fd = this.fds.remove(index);
    return fd === undefined ? -Errno.EBADF : close(fd);
  }
}

/** A path or a name, as the C library takes it. */
export function path(text: string): Uint8Array<ArrayBuffer> {
  return cString(text as ByteString);
}

/** A byte string's bytes. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return toBytes(text as ByteString);
}

/** The first bytes of a buffer that a call filled; its failure stays as it is. */
export function filled(buffer: Uint8Array, length: number): string | number {
  return length < 0 ? length : byteString(buffer, 0, length);
}
