/** Date.now() as a test has it: it stands still, however long the machine takes, until time is told to pass. */
export class StoppedClock implements Disposable {
  readonly #now = Date.now;
  #time = Date.now();

  constructor() {
    Date.now = () => this.#time;
  }

  /** Lets so many ms pass, at least: since whatever was changed before, too, and what is changed from then on has other times. */
  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#time = Math.max(this.#time + ms, this.#now.call(Date));
  }

  [Symbol.dispose](): void {
    Date.now = this.#now;
  }
}
