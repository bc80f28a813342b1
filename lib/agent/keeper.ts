import { createHash } from "node:crypto";
import type { ByteString } from "../bytes/mod.ts";
import type { BlobCache } from "../cache/mod.ts";
import { log } from "../log/mod.ts";

/** Bytes that may wait. */
const MAX_WAITING = 32 * 1024 * 1024;
/** Contents that are stored in one step: the cache's index takes some at a time for the price of one. A ms or two. */
const STEP = 8;

/**
 * Puts contents that came whole into the cache, when there is nothing else to do: in the next session their digests are
 * told, and they are here.
 */
export class Keeper {
  readonly #cache: BlobCache;
  readonly #queue: { readonly path: ByteString; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];
  #bytes = 0;
  #next = 0;

  constructor(cache: BlobCache) {
    this.#cache = cache;
  }

  /** Whether something waits. */
  get isBusy(): boolean {
    return this.#next < this.#queue.length;
  }

  /** Has a content kept, if there is room for it to wait. The bytes are not copied. */
  add(path: ByteString, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes + bytes.length > MAX_WAITING) return;
    this.#bytes += bytes.length;
    this.#queue.push({ path, bytes });
  }

  /** Keeps some of what waits. */
  step(): void {
    for (let i = 0; i < STEP && this.isBusy; i++) {
      const { path, bytes } = this.#queue[this.#next++];
      this.#bytes -= bytes.length;
      this.#keep(path, bytes);
    }
    if (this.isBusy) return;
    this.#queue.length = 0;
    this.#next = 0;
  }

  /** Keeps what waits, but not for longer than so many ms. */
  finish(ms: number): void {
    for (const begin = performance.now(); this.isBusy && performance.now() - begin < ms;) this.step();
  }

  #keep(path: ByteString, bytes: Uint8Array<ArrayBuffer>): void {
    const digest = createHash("sha256").update(bytes).digest("hex");
    const known = this.#cache.find(digest);
    if (known !== undefined) return known.release();
    const blob = this.#cache.create(digest, { size: bytes.length, path });
    if (blob === undefined) return;
    try {
      blob.write(bytes);
      blob.commit();
    } catch (error) {
      log.debug(`a content is not kept: ${error}`);
    } finally {
      blob.release();
    }
  }
}
