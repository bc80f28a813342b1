import type { Header } from "./frames.ts";
import { type LinkContext, LinkStream } from "./link_stream.ts";
import { ProtocolError, type Stream, type StreamOptions } from "./types.ts";

/** The streams of a connection by their ids; an id is used once. */
export class Streams {
  readonly #context: LinkContext;
  readonly #streams = new Map<number, LinkStream>();

  constructor(context: LinkContext) {
    this.#context = context;
  }

  /** Opens stream `id`; an id that was opened before is a RangeError. */
  open(id: number, options: StreamOptions): Stream {
    if (this.#streams.has(id)) throw new RangeError(`Cannot open stream ${id}: it was opened before`);
    const stream = new LinkStream(id, { context: this.#context, owner: options });
    this.#streams.set(id, stream);
    return stream;
  }

  /** The stream that a frame of the peer is for. */
  find(header: Header): LinkStream {
    const stream = this.#streams.get(header.id);
    if (stream === undefined) throw new ProtocolError(`Cannot take a frame: stream ${header.id} is not open`);
    return stream;
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
  }
}
