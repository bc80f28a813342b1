/**
 * Makes the kernel give out all the writes it has collected. It does so by itself before everything that needs them, but
 * for lseek(2): that it passes on as if the local side had them.
 *
 * 1. a helper within reach of the mount asks for it by syncfs(2), which queues the writes and does not wait for them
 * 2. it then closes the directory that it had to open for that, which is queued behind them
 * 3. so when that arrives here, all the writes have arrived
 */

/** Those who wait for the same helper. */
interface Run {
  readonly resolve: readonly (() => void)[];
  opened: boolean;
}

/** Requests to write out: those that come while a helper runs share the next. */
export class WriteOut {
  readonly #start: (onEnd: () => void) => void;
  #waiting: (() => void)[] = [];
  #run: Run | undefined;

  /** `start` runs a helper and calls `onEnd` at its end. */
  constructor(start: (onEnd: () => void) => void) {
    this.#start = start;
  }

  /** Until every write that was collected before has been received (they need not be answered); or it cannot be had. */
  request(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#next();
    return promise;
  }

  /** The helper has opened its directory. */
  opened(): void {
    if (this.#run !== undefined) this.#run.opened = true;
  }

  /** The helper has closed its directory. */
  closed(): void {
    if (this.#run !== undefined) this.#finish(this.#run);
  }

  #next(): void {
    if (this.#run !== undefined || this.#waiting.length === 0) return;
    const run = { resolve: this.#waiting, opened: false };
    this.#waiting = [];
    this.#run = run;
    this.#start(() => {
      if (!run.opened) this.#finish(run);
    });
  }

  #finish(run: Run): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    for (const resolve of run.resolve) resolve();
    this.#next();
  }
}
