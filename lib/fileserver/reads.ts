/**
 * A read's way: READ names a handle and a range → a {@link FileRead} in the handle's flow → the connection pulls the next
 * piece when the pipe has room → it is read straight into the pipe's buffer if the page cache has it, otherwise a thread
 * of the runtime reads it into a pooled buffer and the connection is woken.
 */
import { Errno, readAtAsync, readAtNoWait } from "../linux/mod.ts";
import { decodeRead, type ReadIn } from "../protocol/mod.ts";
import { type BulkSource, NOT_READY } from "../rpc/mod.ts";
import { type Buffer, BufferPool } from "./buffer_pool.ts";
import type { BulkAnswer, Context } from "./context.ts";
import type { OpenFile } from "./handles.ts";

/** Answers with the file's bytes in the flow of its handle, so that several files take turns. */
export function read(context: Context, body: Uint8Array): BulkAnswer | number {
  const message = decodeRead(body);
  const file = context.handles.find(message.fh);
  if (file === undefined) return -Errno.EBADF;
  // What is smaller shows how a file has changed, say: the news of that are not to be overtaken.
  const isMovable = message.size >= PIECE;
  return { flow: message.fh, source: new FileRead(context, file, message), isMovable };
}

/** Largest piece a connection asks for. */
const PIECE = 1 << 16;
/** More are made when more reads wait for the disk, but not kept. */
const buffers = new BufferPool(PIECE, 32);

/** A range of a file as a bulk reply. Holds the file open until the end, an error or a cancel. */
class FileRead implements BulkSource {
  readonly #context: Context;
  readonly #file: OpenFile;
  #offset: number;
  #left: number;
  #fetching = false;
  #ended = false;
  /** What the disk gave (bytes or minus errno), and how much of it was taken. */
  #fetched: { readonly buffer: Buffer; readonly result: number; taken: number } | undefined;

  constructor(context: Context, file: OpenFile, range: ReadIn) {
    this.#context = context;
    this.#file = file;
    this.#offset = range.offset;
    this.#left = range.size;
    context.handles.hold(file);
  }

  pull(into: Uint8Array): number {
    if (this.#ended) return 0;
    if (this.#fetching) return NOT_READY;
    const count = this.#next(into.length > this.#left ? into.subarray(0, this.#left) : into);
    if (count === NOT_READY) return count;
    if (count <= 0) {
      this.cancel();
      return count;
    }
    this.#offset += count;
    this.#left -= count;
    this.#context.statistics.bytesRead += count;
    return count;
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#fetched !== undefined) buffers.give(this.#fetched.buffer);
    // A thread that is reading needs buffer and descriptor until it is done.
    if (!this.#fetching) this.#context.handles.drop(this.#file);
  }

  #next(room: Uint8Array): number {
    if (room.length === 0) return 0;
    if (this.#fetched !== undefined) return this.#take(this.#fetched, room);
    const count = readAtNoWait(this.#file.fd, room as Buffer, this.#offset);
    if (count !== -Errno.EAGAIN && count !== -Errno.EOPNOTSUPP) return count;
    this.#fetch(Math.min(this.#left, PIECE));
    return NOT_READY;
  }

  #take(fetched: { readonly buffer: Buffer; readonly result: number; taken: number }, room: Uint8Array): number {
    const { buffer, result, taken } = fetched;
    if (result <= 0) return result;
    const count = Math.min(room.length, result - taken);
    room.set(buffer.subarray(taken, taken + count));
    fetched.taken += count;
    if (fetched.taken === result) {
      buffers.give(buffer);
      this.#fetched = undefined;
    }
    return count;
  }

  async #fetch(length: number): Promise<void> {
    this.#fetching = true;
    this.#context.statistics.diskReads++;
    const buffer = buffers.take();
    const reading = readAtAsync(this.#file.fd, buffer.subarray(0, length), this.#offset);
    const result = await reading.catch(() => -Errno.EIO);
    this.#fetching = false;
    if (this.#ended) {
      buffers.give(buffer);
      return this.#context.handles.drop(this.#file);
    }
    this.#fetched = { buffer, result, taken: 0 };
    this.#context.wake();
  }
}
