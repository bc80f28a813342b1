/**
 * A chunk's way: FETCH names a file → the blocks are read one after the other, when the pipe has taken the last one →
 * packed where that pays → pieces of at most 64 KiB into the pipe's buffer.
 */
import { type ByteString, toText } from "../bytes/mod.ts";
import { Errno, O_RDONLY, readAtAsync, readAtNoWait } from "../linux/mod.ts";
import { CHUNK, chunkSize, decodeFetch, encodeBlockHeader, FETCH_BLOCK } from "../protocol/mod.ts";
import { type BulkSource, NOT_READY } from "../rpc/mod.ts";
import { type Buffer, BufferPool } from "./buffer_pool.ts";
import type { BulkAnswer, Context } from "./context.ts";
import type { OpenFile } from "./handles.ts";
import { openRegular } from "./open.ts";
import { Packing } from "./packing.ts";
import { withFile } from "./references.ts";

const buffers = new BufferPool(FETCH_BLOCK, 8);
/** After a block that does not get shorter so many are not tried: media and archives. */
const SKIP = 16;

export function fetch(context: Context, body: Uint8Array): BulkAnswer | number {
  const { ref, chunk, flow } = decodeFetch(body);
  let source: Fetch | undefined;
  const failed = withFile(context, ref, (file) => {
    const fd = openRegular(file, O_RDONLY);
    const offset = chunk * CHUNK;
    const end = offset + chunkSize(file.stat.size, chunk);
    if (fd >= 0) source = new Fetch(context, { fd, device: file.stat.dev, name: ref.name, offset, end });
    return Math.min(fd, 0);
  });
  return source === undefined ? failed as number : { flow, source, isMovable: true };
}

const packing = new Packing();

/** Contents are going to be asked for. */
export function prepareFetches(): void {
  packing.prepare();
}

/** A part of a file as a bulk reply. Owns the descriptor. */
class Fetch implements BulkSource {
  readonly #context: Context;
  /** Closed with its last user. */
  readonly #file: OpenFile;
  readonly #name: ByteString;
  readonly #end: number;
  /** From the first pull on. */
  #buffer: Buffer | undefined;
  #offset: number;
  #ended = false;
  #fetching = false;
  /** What a thread has read: bytes of a block, or minus errno. */
  #fetched: number | undefined;
  /** The block on its way: its parts, and how much of the first was taken. */
  #parts: Uint8Array[] = [];
  #taken = 0;
  /** Blocks that are not to be tried. */
  #skip = 0;

  constructor(
    context: Context,
    { fd, device, name, offset, end }: { fd: number; device: number; name: ByteString; offset: number; end: number },
  ) {
    this.#context = context;
    this.#name = name;
    this.#offset = offset;
    this.#end = end;
    this.#file = { fd, device, users: 1, released: true };
  }

  pull(into: Uint8Array): number {
    if (this.#ended) return 0;
    if (this.#parts.length > 0) return this.#take(into);
    if (this.#fetching) return NOT_READY;
    const count = this.#read();
    if (count === NOT_READY) return count;
    if (count <= 0) {
      this.cancel();
      return count;
    }
    this.#offset += count;
    this.#context.statistics.bytesRead += count;
    this.#context.statistics.sending = toText(this.#name);
    this.#parts = this.#pack(this.#buffer!.subarray(0, count));
    packing.sent(this.#parts.reduce((sum, part) => sum + part.length, 0));
    return this.#take(into);
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    // A thread that is reading needs buffer and descriptor until it is done.
    if (!this.#fetching) this.#letGo();
  }

  #letGo(): void {
    if (this.#buffer !== undefined) buffers.give(this.#buffer);
    this.#buffer = undefined;
    this.#context.handles.drop(this.#file);
  }

  #take(into: Uint8Array): number {
    const [part] = this.#parts;
    const count = Math.min(into.length, part.length - this.#taken);
    into.set(part.subarray(this.#taken, this.#taken + count));
    this.#taken += count;
    if (this.#taken < part.length) return count;
    this.#taken = 0;
    this.#parts.shift();
    return count;
  }

  /** Bytes of the next block in the buffer, 0 at the end, minus errno, or NOT_READY while a thread reads. */
  #read(): number {
    this.#buffer ??= buffers.take();
    const buffer = this.#buffer.subarray(0, Math.min(FETCH_BLOCK, this.#end - this.#offset));
    if (buffer.length === 0) return 0;
    if (this.#fetched !== undefined) {
      const count = this.#fetched;
      this.#fetched = undefined;
      return count;
    }
    const count = readAtNoWait(this.#file.fd, buffer, this.#offset);
    // A short count is what the page cache has, or the end of a file that has become shorter: the thread's read tells.
    if (count === buffer.length) return count;
    if (count < 0 && count !== -Errno.EAGAIN && count !== -Errno.EOPNOTSUPP) return count;
    this.#fetch(buffer);
    return NOT_READY;
  }

  async #fetch(buffer: Buffer): Promise<void> {
    this.#fetching = true;
    this.#context.statistics.diskReads++;
    const result = await readAtAsync(this.#file.fd, buffer, this.#offset).catch(() => -Errno.EIO);
    this.#fetching = false;
    if (this.#ended) return this.#letGo();
    this.#fetched = result;
    this.#context.wake();
  }

  #pack(block: Uint8Array): Uint8Array[] {
    const packed = this.#tryPack(block);
    if (packed === undefined) return [encodeBlockHeader(block.length, block.length), block];
    return [encodeBlockHeader(block.length, packed.length), packed];
  }

  #tryPack(block: Uint8Array): Uint8Array | undefined {
    if (this.#skip > 0) {
      this.#skip--;
      return undefined;
    }
    const packed = packing.pack(block);
    if (packed === undefined) this.#skip = SKIP;
    return packed;
  }
}
