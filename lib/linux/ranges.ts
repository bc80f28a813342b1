/** Ranges of open files, beyond reading and writing them. Every function returns a value, or minus errno. */
import { libc, negative, waitForDisk } from "./libc.ts";

/** What fallocate(2) does to the range: 0 fills it with room for data. */
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;

export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** A range of a file and what is to become of it: FALLOC_FL_*. */
export interface Allocation {
  readonly offset: number;
  readonly length: number;
  readonly mode: number;
}

/** fallocate(2), off this thread: some file systems write zeros. */
export async function allocate(fd: number, { offset, length, mode }: Allocation): Promise<number> {
  const result = await libc().fallocate64Async(fd, mode, offset, length);
  // errno stayed on the other thread; what failed is asked for again.
  return result === -1 ? negative(libc().fallocate64(fd, mode, offset, length)) : result;
}

/** Where data or a hole begins at or after `offset`; minus errno, -ENXIO behind the end. */
export function seek(fd: number, offset: number, whence: number): number {
  const found = libc().lseek64(fd, offset, whence);
  return found === -1n ? negative(-1) : Number(found);
}

/** From where to where bytes are copied. */
export interface CopyRange {
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset: number;
  /** At most 1 GiB at once. */
  readonly length: number;
}

/** copy_file_range(2), off this thread: bytes copied, perhaps fewer than wanted, 0 at the end. */
export async function copyRange({ from, fromOffset, to, toOffset, length }: CopyRange): Promise<number> {
  const positions = [fromOffset, toOffset].map((value) => new Uint8Array(new BigInt64Array([BigInt(value)]).buffer));
  const [fromAt, toAt] = positions;
  const copied = await waitForDisk(positions, () => libc().copyFileRangeAsync(from, fromAt, to, toAt, length, 0));
  // errno stayed on the other thread; the positions move only when something was copied.
  return copied === -1 ? negative(libc().copy_file_range(from, fromAt, to, toAt, length, 0)) : copied;
}
