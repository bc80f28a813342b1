import { close, closeAsync, statFd, syncFile } from "../linux/mod.ts";

/** The runtime's pool has 32 threads, and the disk gains nothing from more: 100 files take 130 ms one by one, 35 so. */
const SYNCS = 8;

/** What would keep the caller's thread waiting for the disk, and therefore runs on others. */
export class Background {
  readonly #calls = new Set<Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #syncs = 0;

  /** Waits until the data is on the disk: 0, or minus errno. */
  async sync(fd: number): Promise<number> {
    while (this.#syncs >= SYNCS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#syncs++;
    try {
      return await syncFile(fd, true);
    } finally {
      this.#syncs--;
      this.#waiting.shift()?.();
    }
  }

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
