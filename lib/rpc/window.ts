import { ACK_INTERVAL, MAX_FRAME } from "./frames.ts";
import { ProtocolError } from "./types.ts";

const KIB = 1024;
const START = 512 * KIB;
const MIN = 128 * KIB;
const MAX = 4096 * KIB;
/** Queueing (ms beyond the smallest round trip) that the window may cause. */
const TARGET = 30;
const SHRINK = 0.85;
/** Part of the acknowledged bytes that the window grows by where there is no queueing at all. */
const GAIN = 0.5;
/** After how long (ms) a smallest round-trip time gives way to a larger one. */
const MIN_RTT_AGE = 10_000;

/** In flight at the begin of a round trip that is full: half of what an ssh channel carries in one. */
export const FULL = 1024 * KIB;

/** A bulk frame in flight. */
interface Sent {
  /** Bulk bytes sent up to its end. */
  readonly end: number;
  readonly time: number;
  /** It left when so little was in flight that it met no queue of ours. */
  readonly clean: boolean;
}

/**
 * How many bulk bytes may be in flight: enough to fill the link, few enough that an urgent frame, which cannot overtake
 * what the pipe has already taken, waits no more than about {@link TARGET} ms for them. The pipe (ssh and two sockets)
 * buffers 2 MB and more, so this bound has to be ours.
 *
 * The window grows while it is the limit, the slower the nearer the queueing comes to the target, and shrinks at most
 * once a round trip when the queueing is above. An old smallest round-trip time gives way only to that of a frame which
 * was sent into an empty pipe: a window that is always full would take its own queue for distance. Where the way has
 * become longer, the window shrinks until such a frame goes out; at {@link MIN} all are.
 */
export class LinkWindow {
  /** Bulk bytes that may be in flight. */
  size: number;
  /** Smallest round-trip time seen, ms; 0 = none yet. */
  minRtt = 0;
  /** Round trips, one after the other up to now, that were full. */
  fullTrips = 0;
  #minRttAt = -Infinity;
  /** The trip under way ends with the acknowledgement of this much, and began with so much in flight. */
  #tripEnd = 0;
  #tripFlight = 0;
  /** Limit after a pause, on its way up to {@link size}: a whole window at once would lie in an empty pipe as a queue. */
  #ramp: number;
  readonly #flight: Sent[] = [];
  #sent = 0;
  #acked = 0;
  /** The window was the limit for what was sent up to here. */
  #limitedTo = 0;
  /** What was in flight at the last shrinking ends here: until then its effect cannot be seen. */
  #shrunkAt = 0;

  /** `size`: where it is to begin. */
  constructor(size: number = START) {
    this.size = this.#ramp = size;
  }

  /** Whether one more frame of any length may go. */
  get open(): boolean {
    return this.#limit - this.inFlight >= MAX_FRAME;
  }

  get inFlight(): number {
    return this.#sent - this.#acked;
  }

  /** A bulk frame of `bytes` went to the pipe at `now`. */
  sent(bytes: number, now: number): void {
    const clean = this.inFlight <= ACK_INTERVAL;
    if (clean) this.#ramp = Math.max(START, this.size / 2);
    this.#sent += bytes;
    this.#flight.push({ end: this.#sent, time: now, clean });
  }

  /** There was something to send and the window was shut. */
  blocked(): void {
    if (this.#ramp >= this.size) this.#limitedTo = this.#sent;
  }

  /** The peer has received `total` bulk bytes since the start. Throws ProtocolError when that cannot be. */
  acked(total: number, now: number): void {
    if (total > this.#sent || total <= this.#acked) {
      throw new ProtocolError(`Cannot take acknowledgement ${total}: it is not within (${this.#acked}, ${this.#sent}]`);
    }
    const bytes = total - this.#acked;
    this.#acked = total;
    this.#ramp += bytes;
    this.#countTrip();
    const count = this.#flight.findIndex((frame) => frame.end > total);
    const done = this.#flight.splice(0, count < 0 ? this.#flight.length : count);
    const last = done.at(-1);
    if (last === undefined) return;
    const rtt = now - last.time;
    this.#measure(rtt, last.clean, now);
    this.#adjust(rtt - this.minRtt, bytes);
  }

  #countTrip(): void {
    if (this.#acked < this.#tripEnd) return;
    this.fullTrips = this.#tripFlight >= FULL ? this.fullTrips + 1 : 0;
    this.#tripEnd = this.#sent;
    this.#tripFlight = this.inFlight;
  }

  get #limit(): number {
    return Math.min(this.size, this.#ramp);
  }

  #measure(rtt: number, clean: boolean, now: number): void {
    const old = now - this.#minRttAt > MIN_RTT_AGE;
    if (rtt <= this.minRtt || this.minRtt === 0 || (clean && old)) {
      this.minRtt = rtt;
      this.#minRttAt = now;
    }
  }

  #adjust(queueing: number, bytes: number): void {
    if (queueing > TARGET) {
      if (this.#acked <= this.#shrunkAt) return;
      this.size = Math.max(MIN, Math.round(this.size * SHRINK));
      this.#shrunkAt = this.#sent;
    } else if (this.#acked <= this.#limitedTo) {
      this.size = Math.min(MAX, this.size + Math.round(bytes * GAIN * (1 - queueing / TARGET)));
    }
  }
}
