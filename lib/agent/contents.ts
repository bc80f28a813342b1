/**
 * Contents that the local side told of, chunk by chunk, by their SHA-256:
 *
 * 1. the start pack says: this chunk of the file with this inode, as it is now, has this digest
 * 2. the cache here has it: it is read from there; or it is asked for (FETCH), in the order in which the start pack told,
 *    a few MB at a time, so that what somebody waits for is never far behind; small ones beside the large ones, as a header
 *    is wanted before all of the compiler is here; wanted earlier, it is asked for at once
 * 3. blocks arrive → unpacked → appended to a new blob, from which readers that wait go on
 * 4. the blob is whole: from then on every session here finds it
 */
import type { ByteString } from "../bytes/mod.ts";
import type { BlobCache, NewBlob } from "../cache/mod.ts";
import type { Lz4 } from "../compression/mod.ts";
import { isSameContent, type Stat } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { chunkSize, encodeFetch, FileOp, maxFetchReply } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import { Blocks } from "./blocks.ts";
import { Chunk, type ReadAsync } from "./chunk.ts";
import { Content } from "./content.ts";
import { inodeKey, type Node } from "./nodes.ts";

/** Bytes of contents that were asked for and are not here; as much for each further channel. */
const MAX_COMING = 4 * 1024 * 1024;
/** Bytes of one that takes next to no time, and of such that were asked for and are not here. */
const SMALL = 64 * 1024;
const MAX_SMALL_COMING = 256 * 1024;
/** The flows of those that nobody waits for, large and small: one after the other. */
const AHEAD_FLOW = 0xffff_ffff;
const SMALL_FLOW = AHEAD_FLOW - 1;
/** Those that somebody waits for take turns with them, each in a flow of its own. */
const FIRST_WANTED_FLOW = 0x8000_0000;

/** A chunk of which the local side told. */
export interface KnownChunk {
  readonly path: ByteString;
  readonly dir: number;
  readonly name: ByteString;
  /** Of the file. */
  readonly stat: Stat;
  readonly chunk: number;
  readonly digest: string;
}

/** A chunk that is not here. */
interface Missing {
  readonly known: KnownChunk;
  readonly chunk: Chunk;
  isAsked: boolean;
}

/** Chunks that are asked for one after the other. `coming`: bytes that were asked for and are not here. */
interface Queue {
  readonly missing: Missing[];
  coming: number;
  readonly flow: number;
}

/** What contents are had from. */
export interface ContentsOptions {
  readonly connection: Connection;
  readonly cache: BlobCache;
  readonly lz4: Lz4;
  readonly readAsync: ReadAsync;
  /** Most blobs that may be open: a descriptor each. */
  readonly maxOpen: number;
}

/** The contents that are here, or on their way. */
export class Contents {
  readonly #options: ContentsOptions;
  readonly #files = new Map<string, { readonly stat: Stat; readonly content: Content }>();
  readonly #large: Queue = { missing: [], coming: 0, flow: AHEAD_FLOW };
  readonly #small: Queue = { missing: [], coming: 0, flow: SMALL_FLOW };
  /** Blobs that are open. */
  #open = 0;
  #nextFlow = FIRST_WANTED_FLOW;
  /** Bytes told of, of those that were here and that came; and how many chunks somebody had to wait for unasked. */
  readonly statistics = { told: 0, cached: 0, fetched: 0, wanted: 0 };

  constructor(options: ContentsOptions) {
    this.#options = options;
  }

  /** The local side told of a chunk. */
  know(known: KnownChunk): void {
    const { stat, digest } = known;
    const size = chunkSize(stat.size, known.chunk);
    if (size === 0) return;
    const content = this.#contentOf(stat);
    // By another name of the same file.
    if (content.has(known.chunk)) return;
    const blob = this.#hasRoom() ? this.#options.cache.find(digest) : undefined;
    if (blob !== undefined) this.#open++;
    const { readAsync } = this.#options;
    const chunk: Chunk = new Chunk({ size, blob, readAsync, onWanted: () => this.#hurry(missing) });
    const missing: Missing = { known, chunk, isAsked: false };
    content.set(known.chunk, chunk);
    this.statistics.told += size;
    if (blob !== undefined) this.statistics.cached += size;
    else this.#queueOf(missing).missing.push(missing);
    this.#goOn();
  }

  /** The content of a node, as its attributes are now; undefined where nothing is known. */
  of(node: Node): Content | undefined {
    if (this.#files.size === 0 || node.writes > 0) return undefined;
    const file = this.#files.get(inodeKey(node.attr));
    return file !== undefined && isAsIt(file.stat, node.attr) ? file.content : undefined;
  }

  /** For contents that come packed. */
  get lz4(): Lz4 {
    return this.#options.lz4;
  }

  /** Nobody reads any more: no blob is in the way of the cache's limits. */
  close(): void {
    for (const { content } of this.#files.values()) content.close();
  }

  #contentOf(stat: Stat): Content {
    const key = inodeKey(stat);
    const known = this.#files.get(key);
    if (known !== undefined && isAsIt(known.stat, stat)) return known.content;
    const content = new Content(stat.size);
    this.#files.set(key, { stat, content });
    return content;
  }

  #queueOf({ chunk }: Missing): Queue {
    return chunk.size <= SMALL ? this.#small : this.#large;
  }

  /** Asks for what is next, as far as there is room. */
  #goOn(): void {
    this.#empty(this.#small, MAX_SMALL_COMING);
    this.#empty(this.#large, MAX_COMING * (1 + this.#options.connection.channels));
  }

  #empty(queue: Queue, most: number): void {
    while (queue.missing.length > 0 && queue.coming < most) {
      const missing = queue.missing.shift()!;
      if (!missing.isAsked && !missing.chunk.failed) this.#fetch(missing, queue.flow);
    }
  }

  /** Somebody waits for it. */
  #hurry(missing: Missing): void {
    if (missing.isAsked) return;
    this.statistics.wanted++;
    this.#fetch(missing, this.#nextFlow);
    this.#nextFlow = this.#nextFlow === SMALL_FLOW - 1 ? FIRST_WANTED_FLOW : this.#nextFlow + 1;
  }

  #fetch(missing: Missing, flow: number): void {
    missing.isAsked = true;
    const { known, chunk } = missing;
    const { size } = chunk;
    const blob = this.#hasRoom() ? this.#options.cache.create(known.digest, { size, path: known.path }) : undefined;
    if (blob === undefined) return this.#fail(missing, "there is no room for it");
    this.#open++;
    chunk.begin(blob);
    const queue = this.#queueOf(missing);
    queue.coming += size;
    this.#receive(missing, { blob, flow }).finally(() => {
      queue.coming -= size;
      this.#goOn();
    }).then(() => blob.commit()).catch((error) => {
      // It changed while it was sent, say. Who read it until then has read what was there before the news of that.
      this.#open--;
      this.#fail(missing, `${error}`);
    });
  }

  async #receive({ known, chunk }: Missing, { blob, flow }: { blob: NewBlob; flow: number }): Promise<void> {
    const blocks = new Blocks(this.#options.lz4, (bytes) => {
      blob.write(bytes);
      chunk.arrived(blob.written);
    });
    const { dir, name, stat } = known;
    const ref = { kind: "name", dir, name, dev: stat.dev, ino: stat.ino } as const;
    // A full disk, say: nothing that the user should hear of, as the connection would have it.
    let failure: unknown;
    const onPiece = (piece: Uint8Array) => {
      try {
        blocks.take(piece);
      } catch (error) {
        failure = error;
        call.cancel();
      }
    };
    const body = encodeFetch({ ref, chunk: known.chunk, flow });
    const call = this.#options.connection.call(FileOp.FETCH, body, { onPiece, maxReply: maxFetchReply(chunk.size) });
    await call.reply.catch((error) => {
      throw failure ?? error;
    });
    if (failure !== undefined) throw failure;
    this.statistics.fetched += chunk.size;
  }

  #hasRoom(): boolean {
    return this.#open < this.#options.maxOpen;
  }

  #fail({ known, chunk }: Missing, why: string): void {
    chunk.fail();
    log.debug(`a chunk ${known.digest.slice(0, 12)} is not to be had: ${why}`);
  }
}

/** Whether nothing has happened to the file that could have changed its content. */
export function isAsIt(told: Stat, attr: Stat): boolean {
  return isSameContent(told, attr) && told.btime === attr.btime && told.btimeNsec === attr.btimeNsec;
}
