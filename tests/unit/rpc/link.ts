import type { Connection } from "../../../lib/rpc/mod.ts";

/** A simulated pipe in each direction. */
export interface LinkOptions {
  /** Bits per second. */
  readonly bandwidth: number;
  /** One way, ms. */
  readonly delay: number;
}

interface Packet {
  readonly arrival: number;
  readonly bytes: Uint8Array;
}

/** What the pipe takes before it goes out: ssh and its sockets. */
const BUFFER = 2 * 1024 * 1024;
const TICK = 0.5;
const room = new Uint8Array(128 * 1024);

/** One direction: a buffer of 2 MB, then a wire of limited bandwidth, then a delay. Time is virtual. */
export class OneWay {
  readonly #options: LinkOptions;
  readonly #buffer: Uint8Array[] = [];
  readonly #wire: Packet[] = [];
  #buffered = 0;
  /** Bits that the wire could have carried and was not asked to are lost. */
  #budget = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  step(time: number, from: Connection, to: Connection): void {
    this.#fill(from);
    this.#budget = Math.min(this.#budget, 0) + this.#options.bandwidth / 8000 * TICK;
    while (this.#budget > 0 && this.#buffer.length > 0) {
      const bytes = this.#buffer.shift()!;
      this.#buffered -= bytes.length;
      this.#budget -= bytes.length;
      this.#wire.push({ arrival: time + this.#options.delay, bytes });
    }
    while (this.#wire.length > 0 && this.#wire[0].arrival <= time) to.receive(this.#wire.shift()!.bytes);
  }

  #fill(from: Connection): void {
    while (BUFFER - this.#buffered >= room.length) {
      const count = from.fill(room);
      if (count === 0) return;
      for (let at = 0; at < count; at += 8192) this.#buffer.push(room.slice(at, Math.min(count, at + 8192)));
      this.#buffered += count;
    }
  }
}

/** Virtual time (ms), and both directions between two ends. */
export class Clock {
  now = 0;

  /** Lets `duration` ms pass; `onTick` is called every 0.5 ms. */
  run(duration: number, ends: { a: Connection; b: Connection; link: LinkOptions }, onTick: () => void): void {
    const [there, back] = [new OneWay(ends.link), new OneWay(ends.link)];
    for (const end = this.now + duration; this.now < end; this.now += TICK) {
      onTick();
      there.step(this.now, ends.a, ends.b);
      back.step(this.now, ends.b, ends.a);
    }
  }
}
