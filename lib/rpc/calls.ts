import { BulkRequest } from "./bulk_request.ts";
import { E2BIG, EAGAIN, ECANCELED, EIO, ENOTCONN } from "./errno.ts";
import type { Flows } from "./flows.ts";
import { Flag, type Header, Kind, MAX_CALLS, MAX_HELD, MAX_REQUEST } from "./frames.ts";
import { PendingCall } from "./pending_call.ts";
import type { SendQueue } from "./send_queue.ts";
import { type Call, type CallOptions, ProtocolError } from "./types.ts";

/** What of {@link MAX_HELD} requests with bulk data may take; the rest is for the others, which must not wait. */
const BULK_SHARE = MAX_HELD * 3 / 4;
const URGENT_SHARE = MAX_HELD - BULK_SHARE;
const EMPTY = new Uint8Array(0);

/** What the calls of one connection need. */
export interface CallsOptions {
  readonly queue: SendQueue;
  readonly flows: Flows;
  readonly onError: (error: unknown) => void;
}

/** The calling side: our requests, from call() until the peer's last frame about them. */
export class Calls {
  readonly #queue: SendQueue;
  readonly #flows: Flows;
  readonly #onError: (error: unknown) => void;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = 1;
  /** Bytes of requests that the peer holds, by the way they went out. */
  #bulkHeld = 0;
  #urgentHeld = 0;
  /** A request waits for #bulkHeld to sink. */
  #starved = false;
  #closed = false;

  constructor(options: CallsOptions) {
    this.#queue = options.queue;
    this.#flows = options.flows;
    this.#onError = options.onError;
  }

  /** See {@link Connection.call}. */
  call(op: number, body: Uint8Array, options: CallOptions = {}): Call {
    const { data = EMPTY, flow = 0, inFlow = data.length > 0 } = options;
    const size = body.length + data.length;
    const refusal = this.#refusal(size, inFlow);
    if (refusal !== 0) return refused(size, refusal);
    const id = this.#freeId();
    if (inFlow) {
      const request = new BulkRequest({ id, op, body: body.slice(), data, admit: () => this.#admit(size) });
      const call = this.#enter(id, new PendingCall(size, { ...options, request }), flow);
      this.#flows.add(flow, request);
      return call;
    }
    this.#urgentHeld += size;
    const call = this.#enter(id, new PendingCall(size, options), flow);
    this.#queue.message({ kind: Kind.request, code: op, id }, body);
    return call;
  }

  /** A piece of a reply has come. */
  onReply(header: Header, payload: Uint8Array): void {
    const call = this.#find(header.id);
    const last = (header.flags & Flag.more) === 0;
    try {
      call.take(payload, last);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      this.#onError(error);
      call.fail(EIO, error);
      if (!last) this.#queue.frame({ kind: Kind.cancel, id: header.id });
    }
    if (last) this.#forget(header.id, call);
  }

  /** A call has failed. */
  onErrno(header: Header): void {
    const call = this.#find(header.id);
    this.#forget(header.id, call);
    call.fail(header.code);
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#pending.values()) call.fail(ENOTCONN);
    this.#pending.clear();
  }

  /** Why a request cannot be made: an errno, or 0. */
  #refusal(size: number, bulk: boolean): number {
    if (this.#closed) return ENOTCONN;
    if (size > MAX_REQUEST) return E2BIG;
    if (this.#pending.size >= MAX_CALLS) return EAGAIN;
    return !bulk && this.#urgentHeld + size > URGENT_SHARE ? EAGAIN : 0;
  }

  /** Counts a bulk request that is about to start; false while the peer holds too much. */
  #admit(size: number): boolean {
    if (this.#bulkHeld + size > BULK_SHARE) {
      this.#starved = true;
      return false;
    }
    this.#bulkHeld += size;
    return true;
  }

  #freeId(): number {
    let id = this.#nextId;
    while (this.#pending.has(id)) id = (id + 1) >>> 0;
    this.#nextId = (id + 1) >>> 0;
    return id;
  }

  #enter(id: number, call: PendingCall, flow: number): Call {
    this.#pending.set(id, call);
    return { reply: call.reply, cancel: () => this.#cancel(id, call, flow) };
  }

  /** The call that the peer answers; it must have been sent to its end, or been cancelled. */
  #find(id: number): PendingCall {
    const call = this.#pending.get(id);
    if (call === undefined) throw new ProtocolError(`Cannot take an answer: no request ${id} is under way`);
    const { request } = call;
    if (request !== undefined && !request.finished && !call.settled) {
      throw new ProtocolError(`Cannot take an answer: request ${id} is not sent yet`);
    }
    return call;
  }

  #forget(id: number, call: PendingCall): void {
    this.#pending.delete(id);
    if (call.request === undefined) {
      this.#urgentHeld -= call.size;
    } else if (call.request.started) {
      this.#bulkHeld -= call.size;
      if (!this.#starved) return;
      this.#starved = false;
      this.#queue.wake();
    }
  }

  /**
   * The id stays taken until the peer's answer is here, which may be on its way. What is left of a request's data is
   * not sent: the peer forgets the pieces that it has. A request that has not started is not sent at all.
   */
  #cancel(id: number, call: PendingCall, flow: number): void {
    if (call.settled) return;
    call.fail(ECANCELED);
    const { request } = call;
    if (request !== undefined && !request.finished) {
      this.#flows.remove(flow, request);
      if (!request.started) return this.#forget(id, call);
    }
    this.#queue.frame({ kind: Kind.cancel, id });
  }
}

/** A call that fails without having been made. */
function refused(size: number, errno: number): Call {
  const call = new PendingCall(size, {});
  call.fail(errno);
  return { reply: call.reply, cancel: () => {} };
}
