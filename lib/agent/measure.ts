import { decodeNumber, MAX_TRANSFER } from "../protocol/mod.ts";
import { Errno } from "../linux/mod.ts";
import type { BulkSource, Incoming } from "../rpc/mod.ts";

/** Answers with as many bytes as are wanted, in bulk; what came with the request has done its part. */
export function measure(call: Incoming): void {
  const count = decodeNumber(call.body.subarray(0, 4));
  if (count > MAX_TRANSFER) return call.fail(Errno.EINVAL);
  if (count === 0) call.reply(new Uint8Array(0));
  else call.replyBulk(0, new Noise(count));
}

/** Bytes that no compression on the way makes fewer. */
class Noise implements BulkSource {
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  pull(into: Uint8Array): number {
    const count = Math.min(this.#left, into.length);
    this.#left -= count;
    // All that it does at once (65536 bytes) is more than a piece.
    crypto.getRandomValues(into.subarray(0, count));
    return count;
  }
}
