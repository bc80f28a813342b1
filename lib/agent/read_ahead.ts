/**
 * Reads of one open file:
 *
 * 1. the first block is asked for together with the opening, in the same flight
 * 2. a request that goes on where the last one ended is sequential; for a sequential reader blocks are asked for ahead of
 *    it, more with every one it takes, so that one reader fills the link whatever the round-trip time
 * 3. another large request (the kernel reads around a page fault) brings the whole block it lies in; a small one, of a
 *    data base say, only itself
 * 4. pieces arrive in order and are copied into their block; whoever waits for those bytes goes on
 * 5. a block goes when all of it was handed out (the kernel keeps it from then on), when the file is written, or when too
 *    much is held
 *
 * The kernel reads ahead too, but no more than 128 KiB, which at 20 ms is 6 MB/s.
 */
import { encodeRead, FileOp } from "../protocol/mod.ts";
import type { Call, Connection } from "../rpc/mod.ts";
import { BlockBuffers } from "./block_buffers.ts";
import type { Node } from "./nodes.ts";

const BLOCK = 256 * 1024;
/** Together with the demanded block this keeps a link of 100 MB/s and 20 ms busy; as much for each further channel. */
const MAX_WINDOW = 2 * 1024 * 1024;
/** The smallest request that brings a block. */
const LARGE = 32 * 1024;
/** The first bytes of programs and libraries, elf(5). */
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
/** What was read ahead and not wanted for so long is asked for again: the file may have changed locally. */
const MAX_AGE_MS = 1000;
/** Bytes of all blocks of all files. */
const MAX_HELD = 64 * 1024 * 1024;

/** As many lie idle as one reader has under way. */
const buffers = new BlockBuffers(BLOCK, MAX_WINDOW / BLOCK);

/** Bytes asked for in one request, arriving in order. */
interface Block {
  readonly owner: ReadAhead;
  readonly offset: number;
  readonly data: Uint8Array<ArrayBuffer>;
  /** The node's count of writes when it was asked for. */
  readonly writes: number;
  call: Call | undefined;
  arrived: number;
  /** performance.now() when the last piece came. */
  time: number;
  handedOut: number;
  done: boolean;
  failure: unknown;
  /** Calls whoever waits for more of it. */
  wake: () => void;
  more: Promise<void>;
}

/** The blocks of all files, oldest first. */
const held = new Set<Block>();

/** Whoever read `data` is done with it; what has come from elsewhere is left alone. */
export function releaseRead(data: Uint8Array): void {
  buffers.release(data);
}

/** Bytes held by all files together. */
export function heldBytes(): number {
  let sum = 0;
  for (const block of held) sum += block.data.length;
  return sum;
}

/** The read side of one handle. */
export class ReadAhead {
  readonly #connection: Connection;
  readonly #node: Node;
  readonly #fh: number;
  readonly #blocks = new Map<number, Block>();
  /** Where a sequential reader goes on. */
  #expected = 0;
  #window = 0;
  /** Programs are replaced, not changed in place (ETXTBSY): what is held of one stays good. */
  #isProgram = false;
  #dropped = false;

  constructor(connection: Connection, node: Node, fh: number) {
    this.#connection = connection;
    this.#node = node;
    this.#fh = fh;
  }

  /** Asks for the first block: the request that opens the handle has just been sent, and nearly every file is read. */
  start(): void {
    // The kernel keeps what it was given; a file whose content changed is another node.
    if (this.#node.attr.size > 0 && !this.#node.wasOpened) this.#ask(0, 1);
    this.#node.wasOpened = true;
  }

  /** At most `size` bytes at `offset`; fewer at the end of the file. {@link releaseRead} gives them back. */
  async read(offset: number, size: number, signal: () => AbortSignal): Promise<Uint8Array> {
    // Requests of the kernel's own readahead may come out of order, so a reader may be a block off.
    const sequential = Math.abs(offset - this.#expected) <= BLOCK && this.#expected > 0;
    this.#window = sequential ? Math.min(this.#reach, Math.max(BLOCK, this.#window * 2)) : 0;
    this.#expected = offset + size;
    if (sequential || size >= LARGE) this.#ask(offset, offset + size);
    if (sequential) this.#ask(offset + size, Math.min(offset + size + this.#window, this.#node.attr.size));
    return this.#covers(offset, size) ? await this.#gather(offset, size) : await this.readPlainly(offset, size, signal);
  }

  get #reach(): number {
    return MAX_WINDOW * (1 + this.#connection.channels);
  }

  /** Forgets everything: the handle is closed. */
  drop(): void {
    this.#dropped = true;
    for (const block of this.#blocks.values()) this.#remove(block);
  }

  /** The same without reading ahead, and from nothing that is held. */
  async readPlainly(offset: number, size: number, signal?: () => AbortSignal): Promise<Uint8Array> {
    const call = this.#connection.call(FileOp.READ, encodeRead({ fh: this.#fh, offset, size }), { maxReply: size });
    signal?.().addEventListener("abort", () => call.cancel(), { once: true });
    return await call.reply;
  }

  #current(start: number): Block | undefined {
    const block = this.#blocks.get(start);
    if (block === undefined) return undefined;
    const old = block.done && !this.#isProgram && performance.now() - block.time > MAX_AGE_MS;
    if (!old && block.failure === undefined && block.writes === this.#node.writes) return block;
    this.#remove(block);
    return undefined;
  }

  /** Whether the blocks have [offset, offset + size), or will. */
  #covers(offset: number, size: number): boolean {
    for (let start = offset - offset % BLOCK; start < offset + size; start += BLOCK) {
      if (this.#current(start) === undefined) return false;
    }
    return true;
  }

  /** Asks for the blocks that [from, to) lies in, unless they are here or on their way. */
  #ask(from: number, to: number): void {
    for (let start = from - from % BLOCK; start < to; start += BLOCK) {
      // No request reaches further.
      if (start > Number.MAX_SAFE_INTEGER) return;
      if (this.#current(start) !== undefined) continue;
      if (!ReadAhead.#makeRoom()) return;
      this.#request(start);
    }
  }

  #request(offset: number): void {
    const block = newBlock(this, {
      offset,
      // After an append the size is not known.
      size: this.#node.attrKnown ? Math.max(1, this.#node.attr.size - offset) : BLOCK,
      writes: this.#node.writes,
    });
    this.#blocks.set(offset, block);
    held.add(block);
    const size = block.data.length;
    block.call = this.#connection.call(FileOp.READ, encodeRead({ fh: this.#fh, offset, size }), {
      onPiece: (piece, at) => {
        block.data.set(piece, at);
        block.arrived = at + piece.length;
        block.time = performance.now();
        if (offset === 0 && at === 0) this.#recognize(piece);
        block.wake();
      },
      maxReply: size,
      flow: this.#fh,
    });
    block.call.reply.then(() => {
      block.done = true;
      // Whoever waited for the last bytes may have had them before the end was told.
      if (block.arrived > 0) this.#removeIfHandedOut(block);
      block.wake();
    }, (error) => {
      block.done = true;
      block.failure = error;
      block.wake();
    });
  }

  #recognize(start: Uint8Array): void {
    this.#isProgram = ELF_MAGIC.every((byte, index) => start[index] === byte);
  }

  /** The bytes from the blocks, waiting for those still on their way. */
  async #gather(offset: number, size: number): Promise<Uint8Array> {
    const first = Math.min(size, BLOCK - offset % BLOCK);
    if (first === size) return await this.#take(offset, size);
    const data = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const at = offset + length;
      const wanted = Math.min(size - length, BLOCK - at % BLOCK);
      const part = await this.#take(at, wanted);
      data.set(part, length);
      buffers.release(part);
      length += part.length;
      if (part.length < wanted) break;
    }
    return data.subarray(0, length);
  }

  /** Bytes within one block, as a view that is to be released. */
  async #take(offset: number, size: number): Promise<Uint8Array> {
    const start = offset - offset % BLOCK;
    const block = this.#current(start);
    // Dropped while another block of this request was on its way.
    if (block === undefined) return await this.readPlainly(offset, size);
    buffers.use(block.data);
    const data = await this.#view(block, offset - start, size);
    if (data === undefined) buffers.release(block.data);
    return data ?? await this.readPlainly(offset, size);
  }

  /** When they have come; undefined: they are to be asked for by themselves. */
  async #view(block: Block, at: number, size: number): Promise<Uint8Array | undefined> {
    const start = block.offset;
    while (!block.done && block.arrived < at + size) await block.more;
    if (block.failure !== undefined) {
      // Given up by another request of this handle, for its age or a write.
      if (this.#blocks.get(start) !== block && !this.#dropped) return undefined;
      this.#remove(block);
      buffers.release(block.data);
      throw block.failure;
    }
    // The block is as long as the file was. What the file has grown by since is asked for by itself.
    const end = start + block.data.length;
    if (at + size > block.data.length && this.#node.attr.size > end && end < start + BLOCK) return undefined;
    const data = block.data.subarray(at, Math.max(at, Math.min(at + size, block.arrived)));
    block.handedOut += data.length;
    this.#removeIfHandedOut(block);
    return data;
  }

  #removeIfHandedOut(block: Block): void {
    if (block.done && block.handedOut >= block.arrived) this.#remove(block);
  }

  #remove(block: Block): void {
    if (this.#blocks.get(block.offset) === block) this.#blocks.delete(block.offset);
    if (held.delete(block)) buffers.release(block.data);
    if (!block.done) block.call?.cancel();
  }

  /** Gives up the oldest blocks that nobody waits for. False when there is no room for another even so. */
  static #makeRoom(): boolean {
    let sum = heldBytes();
    for (const block of held) {
      if (sum + BLOCK <= MAX_HELD) return true;
      if (!block.done) continue;
      sum -= block.data.length;
      block.owner.#remove(block);
    }
    return sum + BLOCK <= MAX_HELD;
  }
}

function newBlock(owner: ReadAhead, { offset, size, writes }: { offset: number; size: number; writes: number }): Block {
  const block: Block = {
    owner,
    offset,
    data: buffers.take(Math.min(BLOCK, size)),
    writes,
    call: undefined,
    arrived: 0,
    time: 0,
    handedOut: 0,
    done: false,
    failure: undefined,
    wake: () => {},
    more: Promise.resolve(),
  };
  turn(block);
  return block;
}

/** Makes a new thing to wait for; waking makes the next. */
function turn(block: Block): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  block.more = promise;
  block.wake = () => {
    turn(block);
    resolve();
  };
}
