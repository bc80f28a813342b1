import { loadLz4, type Lz4 } from "../compression/mod.ts";
import { log } from "../log/mod.ts";

/** A block that does not become shorter than this part goes as it is. */
const WORTH = 0.9;
/** How long it is measured before it is judged, in ms. */
const PERIOD_MS = 200;
/** A gap that long is nobody's slowness. */
const PAUSE_MS = 50;
/** Packing takes more than this part of the time: the link would take more than it gives. */
const TOO_BUSY = 0.6;
/** Packing that gives less than so many times what the link takes unpacked is in its way. */
const MARGIN = 1.25;
/** After so long, what was found too slow is tried again, in ms. */
const RETRY_MS = 3000;

/**
 * Whether contents are packed for the link: on a link that is slower than packing, all that gets shorter by it. What the link
 * takes is seen by how fast blocks are asked for.
 */
export class Packing {
  readonly #now: () => number;
  #lz4: Lz4 | undefined;
  /** The period that is being measured: its begin, the last block in it, bytes on the link, and time spent packing. */
  #since = 0;
  #last = 0;
  #sent = 0;
  #spent = 0;
  /** Bytes that packing takes a ms. */
  #speed = 200_000;
  /** Until then blocks go as they are. */
  #pausedUntil = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Loads what is needed. Until then blocks go as they are. */
  prepare(): void {
    if (this.#lz4 !== undefined) return;
    loadLz4().then((lz4) => this.#lz4 = lz4, (error) => log.debug(`blocks are not packed: ${error}`));
  }

  /** The block packed; undefined: it goes as it is. */
  pack(block: Uint8Array): Uint8Array | undefined {
    if (this.#lz4 === undefined || this.#now() < this.#pausedUntil) return undefined;
    const began = this.#now();
    const packed = this.#lz4.compress(block);
    const ms = Math.max(this.#now() - began, 0.001);
    this.#spent += ms;
    this.#speed = this.#speed * 0.9 + block.length / ms * 0.1;
    return packed.length <= block.length * WORTH ? packed : undefined;
  }

  /** A block of so many bytes is on its way to the link. */
  sent(bytes: number): void {
    const now = this.#now();
    if (now - this.#last > PAUSE_MS) this.#begin(now);
    this.#last = now;
    this.#sent += bytes;
    if (now - this.#since >= PERIOD_MS) this.#judge(now);
  }

  #judge(now: number): void {
    const ms = now - this.#since;
    const isPaused = now < this.#pausedUntil;
    if (isPaused && this.#sent / ms * MARGIN < this.#speed) this.#pausedUntil = 0;
    else if (!isPaused && this.#spent > ms * TOO_BUSY) this.#pausedUntil = now + RETRY_MS;
    this.#begin(now);
  }

  #begin(now: number): void {
    this.#since = now;
    this.#sent = 0;
    this.#spent = 0;
  }
}
