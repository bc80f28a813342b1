import type { ByteString } from "../bytes/mod.ts";
import { openContent } from "../fileserver/mod.ts";
import { close, type Stat } from "../linux/mod.ts";
import type { Digests } from "../prefetch/mod.ts";
import { CHUNK, chunkSize, type Touched } from "../protocol/mod.ts";

/** Bytes of contents that are told of in one session. */
const MAX_BYTES = 512 * 1024 * 1024;

/** A chunk of a wanted file, and its digest. */
export interface DigestedChunk {
  /** As it was wanted. */
  readonly path: ByteString;
  /** Of the file that was read. */
  readonly stat: Stat;
  readonly chunk: number;
  readonly digest: string;
}

/**
 * The digests of wanted contents, in the order in which they are wanted. Most are remembered; the others are computed
 * while ssh connects, and after.
 */
export class DigestsAhead {
  readonly #digests: Digests;
  readonly #queue: Touched[] = [];
  /** Paths that are or were in the queue. */
  readonly #seen = new Set<ByteString>();
  readonly #early: DigestedChunk[] = [];
  #sink: ((chunk: DigestedChunk) => void) | undefined;
  #onEnd = () => {};
  #running = false;
  #closed = false;
  #left = MAX_BYTES;

  constructor(wants: readonly Touched[], digests: Digests) {
    this.#digests = digests;
    this.add(wants);
  }

  /** Wants these too, before what is left. */
  add(wants: readonly Touched[]): void {
    const added = wants.filter(({ kind, path }) => kind === "content" && !this.#seen.has(path));
    for (const { path } of added) this.#seen.add(path);
    this.#queue.unshift(...added);
    if (!this.#running) this.#run();
  }

  /** Has what was found, and what is going to be, given to `sink`; `onEnd` whenever that is all. */
  tell(sink: (chunk: DigestedChunk) => void, onEnd: () => void): void {
    for (const chunk of this.#early.splice(0)) sink(chunk);
    this.#sink = sink;
    this.#onEnd = onEnd;
    if (!this.#running) onEnd();
  }

  /** Ends it early. */
  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0 && !this.#closed && this.#left > 0) await this.#digest(this.#queue.shift()!);
    this.#running = false;
    this.#onEnd();
  }

  async #digest({ path, chunks }: Touched): Promise<void> {
    const file = openContent(path);
    if (file === undefined) return;
    const { fd, stat } = file;
    try {
      for (const chunk of chunks ?? allChunks(stat.size)) {
        const size = chunkSize(stat.size, chunk);
        if (this.#closed || size === 0 || this.#left < size) break;
        this.#left -= size;
        const digest = this.#digests.find({ stat, chunk }) ?? await this.#digests.hash(fd, { stat, chunk });
        if (digest === undefined) break;
        this.#found({ path, stat, chunk, digest });
      }
    } finally {
      close(fd);
    }
  }

  #found(chunk: DigestedChunk): void {
    if (this.#sink === undefined) this.#early.push(chunk);
    else this.#sink(chunk);
  }
}

function allChunks(size: number): number[] {
  return Array.from({ length: Math.min(Math.ceil(size / CHUNK), MAX_BYTES / CHUNK) }, (_, chunk) => chunk);
}
