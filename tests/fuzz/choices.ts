/** Where decisions come from: a generator, or the bytes of a saved input. */
export interface Choices {
  /** An integer in [0, below). */
  below(below: number): number;
}

/** mulberry32: the same seed gives the same numbers everywhere. */
export class Random implements Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) % below;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Decisions read from bytes, two each; 0 for ever when they are used up. So any bytes are a valid run of decisions. */
export class Script implements Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  below(below: number): number {
    const [low = 0, high = 0] = this.#bytes.subarray(this.#at, this.#at += 2);
    return (low + high * 256) % below;
  }
}

/** One of `list`. */
export function pick<T>(from: Choices, list: readonly T[]): T {
  return list[from.below(list.length)];
}

/** True once in `times`. */
export function once(from: Choices, times: number): boolean {
  return from.below(times) === times - 1;
}
