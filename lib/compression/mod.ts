/**
 * LZ4 for what crosses the link.
 *
 * Objective: contents that compress travel as fewer bytes, at a speed that no link notices. Decision: the block format of
 * lz4_flex in WebAssembly, which packs 250 MB/s and unpacks 1 GB/s, and throws on malformed input. It is loaded on first
 * use (some 10 ms), as most sessions send nothing.
 *
 * Rejected: lz4js (returns garbage for truncated input, without an error); gzip of the runtime (a fifth better, a third of
 * the speed); zstd of the runtime (its synchronous calls throw in this version).
 *
 * @module
 */

import type * as wasm from "lz4-wasm-nodejs";

/** LZ4 blocks. */
export interface Lz4 {
  /** May be longer than `bytes`. The caller owns it. */
  compress(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The `length` bytes that `block` stands for; throws an Error when it stands for anything else. The caller owns it. */
  decompress(block: Uint8Array, length: number): Uint8Array<ArrayBuffer>;
}

/** The module's own form has the length (u32) before the block. */
const LENGTH_BYTES = 4;

let loaded: Promise<Lz4> | undefined;

/** Loads the module, once. */
export function loadLz4(): Promise<Lz4> {
  return loaded ??= import("lz4-wasm-nodejs").then(adapt);
}

function adapt({ compress, decompress }: typeof wasm): Lz4 {
  return {
    compress: (bytes) => owned(compress(bytes)).subarray(LENGTH_BYTES),
    decompress: (block, length) => {
      const whole = new Uint8Array(LENGTH_BYTES + block.length);
      new DataView(whole.buffer).setUint32(0, length, true);
      whole.set(block, LENGTH_BYTES);
      const bytes = attempt(() => decompress(whole));
      if (bytes.length !== length) throw new Error(`Cannot unpack a block: it is ${bytes.length} bytes, not ${length}`);
      return owned(bytes);
    },
  };
}

/** The module throws strings. */
function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new Error(`Cannot unpack a block: ${cause}`, { cause });
  }
}

/** The module copies results out of its memory. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
