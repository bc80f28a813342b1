/**
 * Several outputs at once, none of them in the midst of another: what belongs to the oldest block that is open is shown
 * as it comes, and the others wait for their turn.
 */
export class Blocks {
  readonly #print: (text: string) => void;
  /** By age; the first one is being shown. */
  #open: Block[] = [];

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  begin(): Block {
    const block = new Block(() => this.#show());
    this.#open.push(block);
    return block;
  }

  /** All that can be shown by now: of the first block, and when that has ended, of those that have ended meanwhile. */
  #show(): void {
    if (this.#open.length === 0) return;
    this.#print(this.#open[0].take());
    if (!this.#open[0].hasEnded) return;
    for (const block of this.#open.slice(1)) if (block.hasEnded) this.#print(block.take());
    this.#open = this.#open.filter((block) => !block.hasEnded);
    this.#show();
  }
}

/** One of {@link Blocks}. */
export class Block {
  readonly #changed: () => void;
  #waiting = "";
  #hasEnded = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  say(text: string): void {
    this.#waiting += text;
    this.#changed();
  }

  end(): void {
    this.#hasEnded = true;
    this.#changed();
  }

  /** What was said and not taken before. */
  take(): string {
    const text = this.#waiting;
    this.#waiting = "";
    return text;
  }
}
