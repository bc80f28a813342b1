import { isSameContent, type Stat } from "../linux/mod.ts";

/** Of a file that is written all over, nothing is known beyond these. */
const MAX_RANGES = 1024;
/** States that the local side told last: its news of our own changes come after as many as are answered in one flight. */
const MAX_STATES = 64;

/**
 * What was written to a file since it was empty: all else in it is zeros, and need not be asked for. A linker that makes
 * its output with seeks half overwrites pages that nobody has written, and with write-back the kernel reads each of them.
 *
 * True as long as nobody else writes to the file. It is void when the local side tells of a state of the file that no
 * change of ours has left.
 */
export class WrittenRanges {
  /** performance.now() when the file was empty. */
  #since = performance.now();
  /** In ascending order, neither overlapping nor adjacent. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** In a ring. */
  readonly #states: Stat[];
  #told = 0;

  /** `state`: what is known of the file. */
  constructor(state: Stat) {
    this.#states = [state];
  }

  get since(): number {
    return this.#since;
  }

  /** [start, end) was written, or is going to be; false: that is more than can be kept. */
  add(start: number, end: number): boolean {
    if (start >= end) return true;
    const first = lowest(this.#ends, start);
    let next = first;
    while (next < this.#starts.length && this.#starts[next] <= end) next++;
    const from = first < next ? Math.min(start, this.#starts[first]) : start;
    const to = first < next ? Math.max(end, this.#ends[next - 1]) : end;
    this.#starts.splice(first, next - first, from);
    this.#ends.splice(first, next - first, to);
    return this.#starts.length <= MAX_RANGES;
  }

  /** Whether any byte of [start, end) was written. */
  touches(start: number, end: number): boolean {
    const first = lowest(this.#ends, start + 1);
    return first < this.#starts.length && this.#starts[first] < end;
  }

  /** The file ends at `size`: what it grows by after that is zeros. */
  cut(size: number): void {
    if (size === 0) this.#since = performance.now();
    const count = lowest(this.#ends, size + 1);
    if (count === this.#starts.length) return;
    const isKept = this.#starts[count] < size;
    this.#starts.length = this.#ends.length = isKept ? count + 1 : count;
    if (isKept) this.#ends[count] = size;
  }

  /** A change of ours has left the file like that. */
  left(state: Stat): void {
    this.#told = (this.#told + 1) % MAX_STATES;
    this.#states[this.#told] = state;
  }

  /** Whether it is a change of ours that has left the file like that. */
  isOurs(state: Stat): boolean {
    return this.#states.some((known) => isSameContent(known, state));
  }
}

/** The index of the first of these, in ascending order, that is not less than `value`. */
function lowest(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
