import { type ByteString, writeByteString } from "../bytes/mod.ts";
import { addressOf } from "./libc.ts";

/** An array of C strings, as execve takes argv and the environment. */
export interface StringVector {
  /** The pointers, a null pointer at the end. */
  readonly pointers: Uint8Array<ArrayBuffer>;
  /** What they point to: to be referenced until the call is over. */
  readonly strings: Uint8Array<ArrayBuffer>;
}

/** Lays all strings out in one buffer, so that one address serves them all. */
export function stringVector(list: readonly ByteString[]): StringVector {
  const strings = new Uint8Array(list.reduce((sum, item) => sum + item.length + 1, 1));
  const pointers = new BigUint64Array(list.length + 1);
  const base = addressOf(strings);
  let at = 0;
  list.forEach((item, index) => {
    writeByteString(item, strings, at);
    pointers[index] = base + BigInt(at);
    at += item.length + 1;
  });
  return { pointers: new Uint8Array(pointers.buffer), strings };
}
