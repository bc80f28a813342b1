import { DecodeError } from "../bytes/mod.ts";
import { BulkReply } from "./bulk_reply.ts";
import { ECANCELED, EIO, EPROTO } from "./errno.ts";
import type { Flows } from "./flows.ts";
import { Flag, type Header, Kind, MAX_CALLS, MAX_HELD, MAX_REQUEST } from "./frames.ts";
import { type Answerer, IncomingCall } from "./incoming_call.ts";
import type { SendQueue } from "./send_queue.ts";
import { SpareBuffers } from "./spare_buffers.ts";
import { type BulkReplyPlace, type BulkSource, type Handler, ProtocolError, RpcError } from "./types.ts";

/** What the answering side needs. */
export interface IncomingCallsOptions {
  readonly queue: SendQueue;
  readonly flows: Flows;
  readonly handler: Handler;
  readonly onError: (error: unknown) => void;
}

/** The answering side: the peer's requests, until the last frame of their answers is queued. */
export class IncomingCalls implements Answerer {
  readonly buffers = new SpareBuffers();
  readonly #options: IncomingCallsOptions;
  readonly #calls = new Map<number, IncomingCall>();
  #held = 0;

  constructor(options: IncomingCallsOptions) {
    this.#options = options;
  }

  /** A request, or a piece of one, has come. Returns whether it is whole and was handed to the handler. */
  onRequest(header: Header, payload: Uint8Array): boolean {
    const call = this.#find(header);
    const last = (header.flags & Flag.more) === 0;
    this.#held += payload.length;
    if (call.held + payload.length > MAX_REQUEST || this.#held > MAX_HELD) {
      throw new ProtocolError(`Cannot take request ${header.id}: ${this.#held} bytes are held already`);
    }
    call.take(payload, last);
    if (last) this.#hand(call);
    return last;
  }

  /** The peer's caller has given up. An unknown id is no error: the answer has crossed the cancellation. */
  onCancel(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (call.sending !== undefined) this.#options.flows.remove(call.sending.flow, call.sending.reply);
    this.#finish(call);
    const ends = call.sending?.reply.ends ?? this.#options.queue;
    ends.frame({ kind: Kind.error, code: ECANCELED, id });
    this.#drop(call);
  }

  close(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) this.#drop(call);
  }

  reply(call: IncomingCall, body: Uint8Array): void {
    this.#options.queue.message({ kind: Kind.reply, id: call.id }, body);
    this.#finish(call);
  }

  fail(call: IncomingCall, errno: number): void {
    this.#options.queue.frame({ kind: Kind.error, code: errno, id: call.id });
    this.#finish(call);
  }

  replyBulk(call: IncomingCall, source: BulkSource, { flow, isMovable = false }: BulkReplyPlace): void {
    const { queue, flows, onError } = this.#options;
    const onFinished = () => this.#calls.delete(call.id);
    const reply = new BulkReply({ id: call.id, source, ends: queue, isMovable, onFinished, onError });
    this.#release(call);
    call.sending = { flow, reply };
    flows.add(flow, reply);
  }

  /** The call that a piece belongs to, made for a first one. */
  #find(header: Header): IncomingCall {
    const { id, code } = header;
    const known = this.#calls.get(id);
    if (known === undefined) {
      if (this.#calls.size >= MAX_CALLS) throw new ProtocolError(`Cannot take request ${id}: too many are under way`);
      const call = new IncomingCall(id, code, this);
      this.#calls.set(id, call);
      return call;
    }
    if (!known.assembling) throw new ProtocolError(`Cannot take request ${id}: it is under way already`);
    if (known.op !== code) {
      throw new ProtocolError(`Cannot take request ${id}: its op changed from ${known.op} to ${code}`);
    }
    return known;
  }

  #hand(call: IncomingCall): void {
    try {
      const done = this.#options.handler.request(call);
      if (done instanceof Promise) done.catch((error) => this.#onFailure(call, error));
    } catch (error) {
      this.#onFailure(call, error);
    }
  }

  /** A handler threw: an RpcError is its answer, anything else a fault of this side or of the request. */
  #onFailure(call: IncomingCall, error: unknown): void {
    if (error instanceof RpcError) return call.fail(error.errno);
    this.#options.onError(error);
    call.fail(error instanceof DecodeError ? EPROTO : EIO);
  }

  #finish(call: IncomingCall): void {
    this.#calls.delete(call.id);
    this.#release(call);
  }

  #release(call: IncomingCall): void {
    this.#held -= call.held;
    call.close();
  }

  #drop(call: IncomingCall): void {
    call.close();
    call.sending?.reply.drop();
    call.abort();
  }
}
