import { type ByteString, toBytes } from "../../bytes/mod.ts";
import { ErrnoError } from "../../linux/mod.ts";
import { CALL_SIZE, END_OF_LIST, MEMORY_ADDRESS, MEMORY_SIZE, WHATEVER } from "./runner_program.ts";

/** What the calls point to begins here; there is room for 126 of them before it. */
const DATA = 0x2000;
const MAX_CALLS = DATA / CALL_SIZE - 2;
const WORD = 8;

/** What is expected of a call. */
export interface Expectation {
  /** Minus the errno with which the list goes on; `whatever`: with any. */
  readonly tolerated?: number | "whatever";
  /** What it is for: `Cannot ${purpose}: errno`; or what a failure means, for the user. */
  readonly purpose: string | ((errno: number) => Error);
}

/** System calls for the runner to make, one after the other, up to the first that fails. */
export class CallList {
  readonly #calls: { readonly words: readonly number[]; readonly purpose: Expectation["purpose"] }[] = [];
  readonly #data: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #end = DATA;

  /** Appends a call: its number and arguments, addresses among them. Returns its index. */
  call(number: number, parameters: readonly number[], { purpose, tolerated = 0 }: Expectation): number {
    if (this.#calls.length === MAX_CALLS) throw new RangeError(`Cannot make more than ${MAX_CALLS} calls`);
    const words = [number, ...parameters, ...new Array<number>(6 - parameters.length).fill(0)];
    this.#calls.push({ words: [...words, tolerated === "whatever" ? WHATEVER : tolerated], purpose });
    return this.#calls.length - 1;
  }

  /** The address that these bytes are going to have. Throws an Error for the user when there is no room. */
  bytes(bytes: Uint8Array): number {
    const at = this.#end;
    this.#end += Math.ceil(bytes.length / WORD) * WORD;
    if (this.#end > MEMORY_SIZE) throw new Error("Cannot run the command: its arguments and environment are too long");
    this.#data.push({ at, bytes });
    return MEMORY_ADDRESS + at;
  }

  /** That of a C string. */
  string(text: ByteString): number {
    return this.bytes(toBytes(`${text}\0` as ByteString));
  }

  /** That of 64-bit numbers. */
  words(words: readonly number[]): number {
    return this.bytes(new Uint8Array(BigInt64Array.from(words, BigInt).buffer));
  }

  /** That of 32-bit numbers. */
  halves(halves: readonly number[]): number {
    return this.bytes(new Uint8Array(Uint32Array.from(halves).buffer));
  }

  /** That of an array of C strings, as execve(2) takes it. */
  strings(list: readonly ByteString[]): number {
    let at = this.bytes(toBytes(list.map((text) => `${text}\0`).join("") as ByteString));
    const addresses = list.map((text) => {
      const address = at;
      at += text.length + 1;
      return address;
    });
    return this.words([...addresses, 0]);
  }

  /** What the shared memory is to hold, from its beginning. */
  encode(): Uint8Array<ArrayBuffer> {
    const memory = new Uint8Array(this.#end);
    const view = new DataView(memory.buffer);
    for (const [index, { words }] of this.#calls.entries()) {
      words.forEach((word, at) => view.setBigInt64(offsetOf(index) + at * WORD, BigInt(word), true));
    }
    view.setBigInt64(offsetOf(this.#calls.length), BigInt(END_OF_LIST), true);
    for (const { at, bytes } of this.#data) memory.set(bytes, at);
    return memory;
  }

  /** How far the runner got, which says that it stopped at `address`; `memory`: what the shared memory holds now. */
  outcome(address: number, memory: Uint8Array): Outcome {
    const index = (address - MEMORY_ADDRESS) / CALL_SIZE - 1;
    const view = new DataView(memory.buffer, memory.byteOffset);
    const result = (index: number) => Number(view.getBigInt64(offsetOf(index) + CALL_SIZE - WORD, true));
    if (index === this.#calls.length) return { results: this.#calls.map((_, index) => result(index)) };
    const { purpose } = this.#calls[index];
    const errno = -result(index);
    return { index, errno, error: typeof purpose === "string" ? new ErrnoError(errno, purpose) : purpose(errno) };
  }

  /** So much of the memory is needed to tell that. */
  static readonly outcomeSize = DATA;
}

/** What came of a list: what each call returned, or which one failed. */
export type Outcome =
  | { readonly results: readonly number[]; readonly error?: undefined }
  | { readonly index: number; readonly errno: number; readonly error: Error };

function offsetOf(index: number): number {
  return (1 + index) * CALL_SIZE;
}
