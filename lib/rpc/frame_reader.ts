import { decodeHeader, type Header, HEADER_SIZE, MAX_FRAME } from "./frames.ts";

/** Takes one whole frame; `payload` is valid only during the call. Returns false to stop reading. */
export type FrameSink = (header: Header, payload: Uint8Array) => boolean;

/**
 * Cuts a byte stream into frames. A frame that lies whole in the chunk given is delivered as a view of that chunk; only
 * a frame cut by the end of a chunk is copied, into the one buffer that is kept for that.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #partial = new Uint8Array(MAX_FRAME);
  #have = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Delivers every frame that ends in `bytes`. Throws ProtocolError on a malformed header. */
  read(bytes: Uint8Array): void {
    let at = 0;
    if (this.#have > 0) {
      at = this.#complete(bytes);
      if (at < 0) return;
    }
    while (bytes.length - at >= HEADER_SIZE) {
      const header = decodeHeader(bytes, at);
      const start = at + HEADER_SIZE;
      const end = start + header.length;
      if (end > bytes.length) break;
      at = end;
      if (!this.#sink(header, bytes.subarray(start, end))) return;
    }
    this.#keep(bytes, at, bytes.length - at);
  }

  /** Finishes the frame that began in an earlier chunk. Returns where the next one starts; -1 when there is none to read. */
  #complete(bytes: Uint8Array): number {
    const head = Math.max(0, Math.min(HEADER_SIZE - this.#have, bytes.length));
    this.#keep(bytes, 0, head);
    if (this.#have < HEADER_SIZE) return -1;
    const header = decodeHeader(this.#partial, 0);
    const size = HEADER_SIZE + header.length;
    const rest = Math.min(size - this.#have, bytes.length - head);
    this.#keep(bytes, head, rest);
    if (this.#have < size) return -1;
    this.#have = 0;
    return this.#sink(header, this.#partial.subarray(HEADER_SIZE, size)) ? head + rest : -1;
  }

  #keep(bytes: Uint8Array, from: number, count: number): void {
    if (count === 0) return;
    this.#partial.set(bytes.subarray(from, from + count), this.#have);
    this.#have += count;
  }
}
