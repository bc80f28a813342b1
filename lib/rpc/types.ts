/** The errno that a failed call carries, and nothing else: only an errno crosses the link. */
export class RpcError extends Error {
  override name = "RpcError";
  /** A positive Linux errno. */
  readonly errno: number;

  constructor(errno: number, options?: ErrorOptions) {
    super(`errno ${errno}`, options);
    this.errno = errno;
  }
}

/** The peer sent bytes that are no frames, or broke a limit: the link is of no further use. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Source of a bulk reply: asked for the next piece only when the pipe has taken the last, so nothing is buffered. */
export interface BulkSource {
  /**
   * Writes the next bytes into `into` (at most 64 KiB long).
   * Returns the number written (a short one is not the end); 0 at the end; a negative errno to fail the call;
   * {@link NOT_READY} when the bytes are still to come: the source then calls {@link Connection.wake}.
   */
  pull(into: Uint8Array): number;
  /** The call was cancelled or the link is gone: give up what you hold. */
  cancel?(): void;
}

/** What {@link BulkSource.pull} returns when it will have bytes later. */
export const NOT_READY = -0x7fff_ffff;

/**
 * A request from the peer, to be answered exactly once; further answers are ignored (their source is cancelled). When the
 * peer cancels, the connection itself answers.
 */
export interface Incoming {
  readonly op: number;
  /** The body and, right behind it, the bulk data. Valid until the request is answered or cancelled. */
  readonly body: Uint8Array;
  /** Aborted when the peer cancels, or the link ends. Made on first use. */
  readonly signal: AbortSignal;
  /** Answers at once, ahead of all bulk data and in order with notifications, whatever its length; `body` is copied. */
  reply(body: Uint8Array): void;
  /**
   * Answers piece by piece; calls of one `flow` are sent one after the other, different flows take turns. `isMovable`: the
   * reply may go by a channel instead, where there is one, and arrive before what was said before it.
   */
  replyBulk(flow: number, source: BulkSource, options?: { readonly isMovable?: boolean }): void;
  /** Answers with a positive errno. */
  fail(errno: number): void;
}

/** In which order a bulk reply is sent. */
export interface BulkReplyPlace {
  readonly flow: number;
  readonly isMovable?: boolean;
}

/** What the owner of a connection does with what arrives. */
export interface Handler {
  /**
   * What it throws, or its promise rejects with, is the answer: the errno of an {@link RpcError}, EPROTO for a
   * DecodeError, otherwise EIO.
   */
  request(request: Incoming): void | Promise<void>;
  /** `body` is valid only during the call. */
  notify(op: number, body: Uint8Array): void;
}

/** How a call is made. */
export interface CallOptions {
  /**
   * Bulk bytes that follow the body (a write's data). Kept by reference until the reply: the caller leaves them alone.
   * Body and data together are 4 MiB + 64 KiB at most; beyond, the call fails with E2BIG.
   */
  readonly data?: Uint8Array;
  /** Bulk data of one flow goes out in order; flows take turns. Default 0. */
  readonly flow?: number;
  /** Sends the request in its flow also where it has no data: behind what was put there before, overtaken by all others. */
  readonly inFlow?: boolean;
  /**
   * Takes a reply piece by piece instead of as a whole: `piece` is valid only during the call, `offset` counts from the
   * start of the reply. The promise then resolves to an empty array. If it throws, the call is cancelled and fails
   * with EIO.
   */
  readonly onPiece?: (piece: Uint8Array, offset: number) => void;
  /** Largest reply in bytes; a larger one breaks the link. Default 4 MiB + 64 KiB. */
  readonly maxReply?: number;
}

/** A call under way. */
export interface Call {
  /**
   * The reply's body (the caller owns it). Rejects with {@link RpcError}: ECANCELED after cancel, ENOTCONN when the link
   * ended, EAGAIN with too much under way (65536 calls, 16 MiB of bodies). Need not be looked at.
   */
  readonly reply: Promise<Uint8Array>;
  /** Tells the peer that nobody waits any more; harmless when the reply is already here. */
  cancel(): void;
}

/** One byte stream inside the connection, both directions, each with its own credit and its own end. */
export interface Stream {
  /** Bytes that may be sent now (never negative). */
  readonly credit: number;
  /** Bytes accepted by {@link send} but not yet taken by the pipe. */
  readonly queued: number;
  /** Queues a copy of `bytes`; more than {@link credit} is a RangeError. Does nothing after {@link end}. */
  send(bytes: Uint8Array): void;
  /** Ends our direction after what is queued. */
  end(): void;
  /** Gives the peer credit for `count` bytes that were received and dealt with. */
  consumed(count: number): void;
}

/** How a stream is opened. Both ends open the same id before anything is sent on it; nothing is sent for that. An id is used once. */
export interface StreamOptions {
  /** Interactive streams (a terminal) overtake all bulk data. Default false: takes turns with the bulk flows. */
  readonly interactive?: boolean;
  /**
   * `bytes` is valid only during the call. The peer may send STREAM_WINDOW (256 KiB) before the first
   * {@link Stream.consumed}.
   */
  onData?(bytes: Uint8Array): void;
  /** The peer sends nothing more, or the link is gone. */
  onEnd?(): void;
  /** Credit or room appeared (sometimes from within fill()). */
  onCredit?(): void;
}

/** Our end of a channel: a further pipe to the peer, for bulk replies alone. */
export interface SendChannel {
  /** As {@link Connection.fill}, for this pipe. */
  fill(into: Uint8Array): number;
  /** Nothing more goes by it. What the peer turns out not to have had goes by the first pipe, once it has said so. Idempotent. */
  leave(): void;
  /** Bytes that the peer has not acknowledged, and those that it has. */
  readonly inFlight: number;
  readonly acknowledged: number;
}

/** Its owner's part. */
export interface SendChannelOptions {
  /** As {@link ConnectionOptions.onPending}. */
  readonly onPending: () => void;
  /** The peer takes nothing more from it. Not called after the connection's end. */
  readonly onLeft: () => void;
}

/** The peer's channel, here. */
export interface ReceiveChannel {
  /** As {@link Connection.receive}, for this pipe; does nothing once it has ended. */
  receive(bytes: Uint8Array): void;
  /** Nothing more comes, or nothing more is taken: tells the peer how far it was heard. Idempotent. */
  end(): void;
}

/** One end of the link. Sans-IO: the owner moves the bytes. */
export interface Connection {
  /**
   * Takes bytes from the pipe; calls handlers on the way. Keeps no reference to `bytes`.
   * Throws {@link ProtocolError} on anything malformed: the owner then ends the link with {@link close}.
   */
  receive(bytes: Uint8Array): void;
  /** Fills `into` (at least 128 KiB) with the next bytes to send, most urgent first; returns how many; 0 = nothing may go now. */
  fill(into: Uint8Array): number;
  /** A bulk source that was NOT_READY has bytes. */
  wake(): void;
  call(op: number, body: Uint8Array, options?: CallOptions): Call;
  /** One way, ahead of bulk data, in order with calls and replies; `body` is copied, 68 KiB at most (RangeError). */
  notify(op: number, body: Uint8Array): void;
  /** Opens this end of stream `id`. */
  stream(id: number, options: StreamOptions): Stream;
  /** Opens our end of channel `id` (1 to 255, used once); the peer must have opened its own before fill() is called. */
  sendChannel(id: number, options: SendChannelOptions): SendChannel;
  /** Opens the other end of channel `id`. `onEnd`: it has ended, by {@link ReceiveChannel.end} or as the peer has left it. */
  receiveChannel(id: number, onEnd: () => void): ReceiveChannel;
  /** Channels by which the peer may send to us. */
  readonly channels: number;
  /** Fails every call under way (ENOTCONN), cancels every incoming one, ends the streams. Idempotent. */
  close(): void;
  /** Counters for --debug and benchmarks. */
  readonly statistics: Readonly<Statistics>;
}

export interface Statistics {
  bytesIn: number;
  bytesOut: number;
  callsOut: number;
  callsIn: number;
  /** Urgent bytes, small replies among them, that the pipe has not taken yet. An owner that bounds them reads no further. */
  urgentQueued: number;
  /** Current limit of bulk bytes in flight, and the smallest round-trip time seen (ms; 0 = none yet). */
  window: number;
  minRtt: number;
  /** Round trips, one after the other up to now, that began with 1 MiB of bulk bytes in flight. */
  fullTrips: number;
  /** Bytes received and sent by channels; they are in bytesIn and bytesOut too. */
  channelIn: number;
  channelOut: number;
}

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly handler: Handler;
  /** Called (at most once until the next fill() that returns 0) when something to send appeared; must not call fill() re-entrantly. */
  readonly onPending: () => void;
  /** What a handler, a source or a callback threw: a fault of this side. The connection goes on. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds, monotonic; for the adaptive window. Default performance.now. */
  readonly now?: () => number;
}
