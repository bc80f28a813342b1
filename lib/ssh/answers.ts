import { printable } from "../log/mod.ts";
import { DialError } from "./dial_error.ts";
import type { Transport } from "./transport.ts";

/** A longer line is noise; of it only the end is kept. */
const MAX_LINE = 64 * 1024;
const KEPT_NOISE = 5;
const NEWLINE = 0x0a;

/** The lines of the other machine that carry our nonce, and what else it says before the link begins. */
export class Answers {
  readonly #transport: Transport;
  readonly #mark: string;
  readonly #decoder = new TextDecoder();
  readonly #noise: string[] = [];
  /** Bytes not yet looked at: a copy, for the transport's buffer is used again. */
  #pending = new Uint8Array(0);

  constructor(transport: Transport, nonce: string) {
    this.#transport = transport;
    this.#mark = nonce + " ";
  }

  /** The words of the next line that is ours; undefined when the other side has ended. */
  async next(): Promise<string[] | undefined> {
    for (;;) {
      const line = this.#takeLine();
      if (line === undefined) {
        if (!await this.#more()) return undefined;
        continue;
      }
      // A message of the login may stand before it without a line end.
      const at = line.indexOf(this.#mark);
      if (at >= 0) return printable(line.slice(at + this.#mark.length)).split(" ");
      this.#keep(line);
    }
  }

  /** The bytes behind the last line: the link's first. */
  rest(): Uint8Array {
    const rest = this.#pending;
    this.#pending = new Uint8Array(0);
    return rest;
  }

  /** The last lines that were not ours: why there is no shell, most likely. */
  get noise(): readonly string[] {
    return this.#noise;
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf(NEWLINE);
    if (end < 0) return undefined;
    const line = this.#decoder.decode(this.#pending.subarray(0, end));
    // No copy: a flood of short lines would be copied for each of them.
    this.#pending = this.#pending.subarray(end + 1);
    return line.replace(/\r$/, "");
  }

  async #more(): Promise<boolean> {
    const bytes = await this.#transport.read();
    if (bytes === undefined) {
      if (this.#pending.length > 0) this.#keep(this.#decoder.decode(this.rest()));
      return false;
    }
    const old = this.#pending.subarray(Math.max(0, this.#pending.length - MAX_LINE));
    const joined = new Uint8Array(old.length + bytes.length);
    joined.set(old);
    joined.set(bytes, old.length);
    this.#pending = joined;
    return true;
  }

  #keep(line: string): void {
    const text = printable(line).trim().slice(0, 200);
    if (text === "") return;
    this.#noise.push(text);
    if (this.#noise.length > KEPT_NOISE) this.#noise.shift();
  }
}

/** Waits for `promise`, at most `ms` (0: as long as it takes); then a DialError with `message`. */
export async function within<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  if (ms === 0) return await promise;
  let timer: number | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DialError(message)), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
