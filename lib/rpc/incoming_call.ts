import { Assembly } from "./assembly.ts";
import type { BulkReply } from "./bulk_reply.ts";
import { EIO, MAX_ERRNO } from "./errno.ts";
import type { SpareBuffers } from "./spare_buffers.ts";
import type { BulkReplyPlace, BulkSource, Incoming } from "./types.ts";

const EMPTY = new Uint8Array(0);

/** How a request can be answered. */
export interface Answerer {
  /** For requests in pieces. */
  readonly buffers: SpareBuffers;
  reply(call: IncomingCall, body: Uint8Array): void;
  replyBulk(call: IncomingCall, source: BulkSource, place: BulkReplyPlace): void;
  fail(call: IncomingCall, errno: number): void;
}

/** A request of the peer, from its first piece to the last frame of its answer. */
export class IncomingCall implements Incoming {
  readonly id: number;
  readonly op: number;
  /** Of a request in pieces. */
  #assembly: Assembly | undefined;
  #assembling = false;
  #body: Uint8Array = EMPTY;
  #answered = false;
  #aborted = false;
  #controller: AbortController | undefined;
  readonly #answerer: Answerer;
  /** The answer, while it is being sent piece by piece. */
  sending: { readonly flow: number; readonly reply: BulkReply } | undefined;

  constructor(id: number, op: number, answerer: Answerer) {
    this.id = id;
    this.op = op;
    this.#answerer = answerer;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Bytes of the request that are kept here. */
  get held(): number {
    return this.#assembling ? this.#assembly!.length : this.#body.length;
  }

  /** Further pieces of the request are to come. */
  get assembling(): boolean {
    return this.#assembling;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Adds a piece of the request, as a copy. */
  take(piece: Uint8Array, last: boolean): void {
    if (this.#assembly === undefined && last) {
      this.#body = piece.slice();
      return;
    }
    if (this.#assembly === undefined) this.#assembly = new Assembly(piece, this.#answerer.buffers);
    else this.#assembly.append(piece);
    this.#assembling = !last;
    if (last) this.#body = this.#assembly.finish();
  }

  reply(body: Uint8Array): void {
    if (!this.#answered) this.#answerer.reply(this, body);
  }

  replyBulk(flow: number, source: BulkSource, options: { isMovable?: boolean } = {}): void {
    if (this.#answered) source.cancel?.();
    else this.#answerer.replyBulk(this, source, { ...options, flow });
  }

  fail(errno: number): void {
    const valid = Number.isInteger(errno) && errno > 0 && errno <= MAX_ERRNO;
    if (!this.#answered) this.#answerer.fail(this, valid ? errno : EIO);
  }

  /** Takes no further answer and lets go of the body. */
  close(): void {
    this.#answered = true;
    this.#assembly?.recycle();
    this.#assembly = undefined;
    this.#assembling = false;
    this.#body = EMPTY;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}
