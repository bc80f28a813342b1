import type { Blob, NewBlob } from "../cache/mod.ts";
import { Errno, readAt, readAtNoWait } from "../linux/mod.ts";
import { CHUNK } from "../protocol/mod.ts";

/** Reads at an offset off this thread. */
export type ReadAsync = (fd: number, into: Uint8Array<ArrayBuffer>, offset: number) => Promise<number>;

/** What is read without waiting goes to the kernel at once, in the same step: one buffer does for all. */
const scratch = new Uint8Array(CHUNK);

/** Where a chunk is had from. */
export interface ChunkOptions {
  readonly size: number;
  /** It is here. */
  readonly blob?: Blob;
  readonly readAsync: ReadAsync;
  /** It is not: somebody wants it. */
  readonly onWanted: () => void;
}

/** A part of a file as it was at one moment: on the disk here, arriving, or to be asked for. */
export class Chunk {
  readonly size: number;
  readonly #options: ChunkOptions;
  #blob: Blob | NewBlob | undefined;
  /** Bytes that are here. */
  #arrived: number;
  #failed = false;
  /** Whether a blob that was here is still what it was. */
  #isChecked: boolean;
  /** Reads that another thread is busy with. */
  #reads = 0;
  #waiting: { readonly until: number; readonly wake: () => void }[] = [];

  constructor(options: ChunkOptions) {
    this.size = options.size;
    this.#options = options;
    this.#blob = options.blob;
    this.#arrived = options.blob === undefined ? 0 : options.size;
    this.#isChecked = options.blob === undefined;
  }

  /** It will not be had: whoever waits is to ask for what it needs by itself. */
  get failed(): boolean {
    return this.#failed;
  }

  /** All of it is here. */
  get isHere(): boolean {
    return !this.#failed && this.#blob !== undefined && this.#arrived === this.size;
  }

  /** It arrives here from now on, and the blob is the chunk's to release. */
  begin(blob: NewBlob): void {
    this.#blob = blob;
  }

  arrived(total: number): void {
    this.#arrived = total;
    this.#wake((until) => until <= total);
  }

  fail(): void {
    this.#failed = true;
    this.#wake(() => true);
    this.#letGo();
  }

  /** Those bytes, all within the chunk, if they are here and in memory; valid until the next read of any chunk. */
  readNow(offset: number, length: number): Uint8Array | undefined {
    if (this.#failed || this.#blob === undefined || this.#arrived < offset + length) return undefined;
    if (!this.#isChecked) {
      this.#isChecked = true;
      if (!this.#blob.isSound()) {
        this.fail();
        return undefined;
      }
    }
    const into = scratch.subarray(0, length);
    const count = readAtNoWait(this.#blob.fd, into, offset);
    // A file system that cannot say whether it would wait (tmpfs) is local, as the cache is on no other: it is believed not to.
    const isRead = (count === -Errno.EOPNOTSUPP ? readAt(this.#blob.fd, into, offset) : count) === length;
    return isRead ? into : undefined;
  }

  /** The same when they have arrived, as the caller's own; undefined when that fails. */
  async read(offset: number, length: number): Promise<Uint8Array | undefined> {
    if (this.#blob === undefined && !this.#failed) this.#options.onWanted();
    const until = offset + length;
    while (!this.#failed && this.#arrived < until) {
      await new Promise<void>((wake) => this.#waiting.push({ until, wake }));
    }
    const now = this.readNow(offset, length)?.slice();
    return this.#failed ? undefined : now ?? await this.#readFromDisk(offset, length);
  }

  /** Undefined when the disk fails, or the blob turned out to be another content meanwhile. */
  async #readFromDisk(offset: number, length: number): Promise<Uint8Array | undefined> {
    const into = new Uint8Array(length);
    this.#reads++;
    const count = await this.#options.readAsync(this.#blob!.fd, into, offset).catch(() => -Errno.EIO);
    this.#reads--;
    this.#letGo();
    return count === length && !this.#failed ? into : undefined;
  }

  /** The descriptor of a chunk that failed must not be used again while a thread reads from it. */
  #letGo(): void {
    if (!this.#failed || this.#reads > 0) return;
    this.#blob?.release();
    this.#blob = undefined;
  }

  #wake(isDue: (until: number) => boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (isDue(one.until)) one.wake();
      else this.#waiting.push(one);
    }
  }
}
