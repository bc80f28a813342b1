/**
 * Reads of one open file:
 *
 * 1. a request that goes on where the last one ended is sequential; the first one at the start of the file counts as such
 * 2. for a sequential reader blocks are asked for ahead of it, more with every block it takes, so that one reader fills the
 *    link whatever the round-trip time; anything else is asked for as it is
 * 3. pieces arrive in order and are copied into their block; whoever waits for those bytes goes on
 * 4. blocks behind the reader are dropped
 *
 * The kernel reads ahead too, but no more than 128 KiB, which at 20 ms is 6 MB/s.
 */
import { encodeRead, FileOp } from "../protocol/mod.ts";
import type { Call, Connection } from "../rpc/mod.ts";
import type { Node } from "./nodes.ts";

const BLOCK = 256 * 1024;
const FIRST_WINDOW = BLOCK;
/** Together with the demanded block this keeps a link of 100 MB/s and 20 ms busy. */
const MAX_WINDOW = 2 * 1024 * 1024;
/** Of all open files together. */
const MAX_HELD = 64 * 1024 * 1024;

let held = 0;

/** Bytes asked for in one request, arriving in order. */
interface Block {
  readonly offset: number;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly call: Call;
  /** The node's count of writes when it was asked for. */
  readonly writes: number;
  arrived: number;
  done: boolean;
  failure: unknown;
  wake: () => void;
  more: Promise<void>;
}

/** The read side of one handle. */
export class ReadAhead {
  readonly #connection: Connection;
  readonly #node: Node;
  readonly #fh: number;
  readonly #blocks = new Map<number, Block>();
  #expected = 0;
  #window = 0;

  constructor(connection: Connection, node: Node, fh: number) {
    this.#connection = connection;
    this.#node = node;
    this.#fh = fh;
  }

  /** At most `size` bytes at `offset`; fewer at the end of the file. */
  async read(offset: number, size: number, signal?: () => AbortSignal): Promise<Uint8Array> {
    if (!this.#isSequential(offset, size)) {
      this.#window = 0;
      this.#expected = offset + size;
      return await this.#readPlainly(offset, size, signal);
    }
    this.#expected = Math.max(this.#expected, offset + size);
    this.#window = Math.min(MAX_WINDOW, Math.max(FIRST_WINDOW, this.#window * 2));
    this.#ask(offset, offset + size);
    this.#askAhead(offset + size);
    const data = await this.#gather(offset, size);
    this.#dropBefore(offset);
    return data;
  }

  /** Forgets everything: the handle is closed. */
  drop(): void {
    for (const block of this.#blocks.values()) this.#remove(block);
  }

  /** Requests of the kernel's own readahead may arrive out of order, so a reader may be up to a block off. */
  #isSequential(offset: number, size: number): boolean {
    if (this.#node.attr.size <= size && offset === 0) return false;
    return offset <= this.#expected + BLOCK && offset >= this.#expected - BLOCK;
  }

  async #readPlainly(offset: number, size: number, signal?: () => AbortSignal): Promise<Uint8Array> {
    const call = this.#connection.call(FileOp.READ, encodeRead({ fh: this.#fh, offset, size }));
    if (signal !== undefined) signal().addEventListener("abort", () => call.cancel(), { once: true });
    return await call.reply;
  }

  /** Asks for the blocks that [from, to) lies in, unless they are here or on their way. */
  #ask(from: number, to: number): void {
    for (let offset = from - from % BLOCK; offset < to; offset += BLOCK) {
      const known = this.#blocks.get(offset);
      if (known !== undefined && known.writes === this.#node.writes) continue;
      if (known !== undefined) this.#remove(known);
      this.#request(offset);
    }
  }

  #askAhead(from: number): void {
    if (held >= MAX_HELD) return;
    this.#ask(from, Math.min(from + this.#window, this.#node.attr.size));
  }

  #request(offset: number): void {
    const data = new Uint8Array(BLOCK);
    held += BLOCK;
    const call = this.#connection.call(FileOp.READ, encodeRead({ fh: this.#fh, offset, size: BLOCK }), {
      onPiece: (piece, at) => {
        data.set(piece, at);
        block.arrived = at + piece.length;
        turn(block);
      },
      maxReply: BLOCK,
      flow: this.#fh,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const block: Block = {
      offset,
      data,
      call,
      writes: this.#node.writes,
      arrived: 0,
      done: false,
      failure: undefined,
      wake: resolve,
      more: promise,
    };
    this.#blocks.set(offset, block);
    call.reply.then(() => {
      block.done = true;
    }, (error) => {
      block.done = true;
      block.failure = error;
    }).then(() => turn(block));
  }

  /** The bytes from the blocks, waiting for those still on their way. */
  async #gather(offset: number, size: number): Promise<Uint8Array> {
    const start = offset - offset % BLOCK;
    if (offset + size <= start + BLOCK) return await this.#take(offset, size);
    const data = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const at = offset + length;
      const part = await this.#take(at, Math.min(size - length, BLOCK - at % BLOCK));
      data.set(part, length);
      length += part.length;
      if (part.length === 0) break;
    }
    return data.subarray(0, length);
  }

  /** Bytes within one block, as a view. */
  async #take(offset: number, size: number): Promise<Uint8Array> {
    const start = offset - offset % BLOCK;
    const block = this.#blocks.get(start);
    // Another request of this handle dropped it in the meantime.
    if (block === undefined) return await this.#readPlainly(offset, size);
    const at = offset - start;
    while (!block.done && block.arrived < at + size) await block.more;
    if (block.failure !== undefined) {
      this.#remove(block);
      throw block.failure;
    }
    return block.data.subarray(at, Math.max(at, Math.min(at + size, block.arrived)));
  }

  #dropBefore(offset: number): void {
    for (const block of this.#blocks.values()) {
      if (block.offset + 2 * BLOCK > offset) break;
      this.#remove(block);
    }
  }

  #remove(block: Block): void {
    if (this.#blocks.get(block.offset) === block) this.#blocks.delete(block.offset);
    held -= BLOCK;
    if (!block.done) block.call.cancel();
  }
}

/** Wakes those who wait for more of the block, and makes a new thing to wait for. */
function turn(block: Block): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = block.wake;
  block.wake = resolve;
  block.more = promise;
  wake();
}
