import { Assembly } from "./assembly.ts";
import type { BulkRequest } from "./bulk_request.ts";
import { MAX_REQUEST } from "./frames.ts";
import { type CallOptions, ProtocolError, RpcError } from "./types.ts";

const EMPTY = new Uint8Array(0);

/** Our side of a call under way: its promise, and the reply as far as it is here. */
export class PendingCall {
  readonly reply: Promise<Uint8Array>;
  /** Bytes of the request that the peer holds, or will, until it has answered. */
  readonly size: number;
  /** The request where it goes out with bulk data. */
  readonly request: BulkRequest | undefined;
  readonly #maxReply: number;
  readonly #onPiece: CallOptions["onPiece"];
  #resolve!: (reply: Uint8Array) => void;
  #reject!: (error: Error) => void;
  #settled = false;
  #received = 0;
  #assembly: Assembly | undefined;

  constructor(size: number, options: CallOptions & { readonly request?: BulkRequest }) {
    this.size = size;
    this.request = options.request;
    this.#maxReply = options.maxReply ?? MAX_REQUEST;
    this.#onPiece = options.onPiece;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The promise is resolved or rejected. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Takes the next piece of the reply. Throws what onPiece throws, and ProtocolError beyond the limit. */
  take(piece: Uint8Array, last: boolean): void {
    const offset = this.#received;
    this.#received += piece.length;
    if (this.#received > this.#maxReply) {
      throw new ProtocolError(
        `Cannot take a reply of ${this.#received} bytes: at most ${this.#maxReply} were asked for`,
      );
    }
    if (this.#settled) return;
    if (this.#onPiece !== undefined) {
      if (piece.length > 0) this.#onPiece(piece, offset);
      if (last) this.#succeed(EMPTY);
    } else if (last && offset === 0) {
      this.#succeed(piece.slice());
    } else {
      if (this.#assembly === undefined) this.#assembly = new Assembly(piece);
      else this.#assembly.append(piece);
      if (last) this.#succeed(this.#assembly.finish());
    }
  }

  fail(errno: number, cause?: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#assembly = undefined;
    // A caller that has stopped waiting does not look at the promise any more: that is no unhandled rejection.
    this.reply.catch(() => {});
    this.#reject(new RpcError(errno, cause === undefined ? undefined : { cause }));
  }

  #succeed(reply: Uint8Array): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve(reply);
  }
}
