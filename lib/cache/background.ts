import { close, closeAsync, statFd } from "../linux/mod.ts";

/** What would keep the caller's thread waiting for the disk, and therefore runs on others. */
export class Background {
  readonly #calls = new Set<Promise<unknown>>();

  /** Closes a descriptor. The last close of a file without a name frees its data, which can take 0.5 ms a MB. */
  close(fd: number): void {
    const stat = statFd(fd);
    if (typeof stat !== "number" && stat.nlink === 0 && stat.blocks > 0) this.track(closeAsync(fd));
    else close(fd);
  }

  /** Has {@link Background.idle} wait for it too. */
  async track<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Until nothing is under way. */
  async idle(): Promise<void> {
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }
}
