import type { DirectoryStream } from "./directory_stream.ts";

/** The directory streams of listings that will go on, the longest unused given up first. */
export class Listings {
  readonly #streams = new Map<string, DirectoryStream>();
  readonly #limit: number;
  #busy = 0;

  /** `limit`: most streams kept; each holds a descriptor. */
  constructor(limit = 32) {
    this.#limit = limit;
  }

  /** Whether threads may read one more, which {@link end}s then: each holds a descriptor, too. */
  begin(): boolean {
    if (this.#busy >= this.#limit) return false;
    this.#busy++;
    return true;
  }

  end(): void {
    this.#busy--;
  }

  /** The stream that stands at `cookie` in this directory; the caller's from now on. */
  take(dir: number, cookie: bigint): DirectoryStream | undefined {
    const key = `${dir} ${cookie}`;
    const stream = this.#streams.get(key);
    this.#streams.delete(key);
    return stream;
  }

  /** Keeps a stream for a listing that goes on at `cookie`. */
  keep(dir: number, cookie: bigint, stream: DirectoryStream): void {
    // A second listing that stands at the same place.
    this.take(dir, cookie)?.close();
    this.#streams.set(`${dir} ${cookie}`, stream);
    if (this.#streams.size > this.#limit) this.#closeKey(this.#streams.keys().next().value!);
  }

  /** The number stands for another directory from now on, or none. */
  forget(dir: number): void {
    for (const key of [...this.#streams.keys()]) if (key.startsWith(`${dir} `)) this.#closeKey(key);
  }

  close(): void {
    for (const key of [...this.#streams.keys()]) this.#closeKey(key);
  }

  #closeKey(key: string): void {
    this.#streams.get(key)?.close();
    this.#streams.delete(key);
  }
}
