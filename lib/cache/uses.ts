import type { BlobIndex } from "./blob_index.ts";

/** Rows that one transaction changes, about 1 ms. */
const BATCH = 100;
/** How long uses are at most kept back from other sessions while there are new ones, in ms. */
const KEPT_MS = 60_000;

/** Last uses of verified blobs that are not in the index yet: a use must not cost a transaction. */
export class Uses {
  readonly #index: BlobIndex;
  readonly #boot: string;
  /** ms since 1970, by the number of the blob's row. */
  readonly #times = new Map<number, number>();
  #writtenAt = Date.now();

  constructor(index: BlobIndex, boot: string) {
    this.#index = index;
    this.#boot = boot;
  }

  note(id: number): void {
    const now = Date.now();
    this.#times.set(id, now);
    if (now - this.#writtenAt > KEPT_MS) this.#writeBatch(now);
  }

  /** Writes all; false when the index is not to be had. */
  write(): boolean {
    while (this.#times.size > 0) if (!this.#writeBatch(Date.now())) return false;
    return true;
  }

  #writeBatch(now: number): boolean {
    // Also when it fails: the next attempt is not to be in the way of the next use.
    this.#writtenAt = now;
    const batch = [...this.#times.entries().take(BATCH)];
    const isDone = this.#index.write((rows) => {
      for (const [id, used] of batch) rows.use(id, { used, boot: this.#boot });
    });
    if (isDone) { for (const [id] of batch) this.#times.delete(id); }
    return isDone;
  }
}
