import { makeTimer, Poller, POLLIN, readTimer, unwrap } from "../linux/mod.ts";

/**
 * How many promise steps one turn lets happen: well above the longest chain between a reply from the link and the answer
 * to the kernel (about ten). What is left of a longer one waits for the next event.
 */
const STEPS = 32;
const TICK_MS = 1000;

/** Turns that do not wait at all while something of the runtime is awaited, and then how long, in ms. */
const EAGER_TURNS = 16;
const AWAITING_MS = 1;

/**
 * The agent's one thread: poll(2), then what is ready, then the promises that became ready by it. Timers and other
 * asynchronous operations of the runtime do not run here, but for rare moments and while {@link Loop.settled} waits.
 */
export class Loop {
  readonly poller = new Poller();
  readonly #turn: () => void;
  readonly #isCrowded: () => boolean;
  readonly #idle: { readonly isBusy: boolean; step(): void };
  #stopped = false;
  /** Calls under way on other threads, those of them that somebody waits for, and turns since the last one of these. */
  #calls = 0;
  #awaited = 0;
  #turns = 0;
  readonly #runtime = new MessageChannel();
  #runtimeTurned = () => {};

  /**
   * `turn` is called at the end of each turn (to send what has gathered), `tick` once a second. After a turn in which
   * `isCrowded`, the runtime is given a turn of its own, a ms, to let go of what it keeps for calls on other threads. What
   * is `idle` gets a step when nothing else is to be done, as long as it is busy.
   */
  constructor(
    options: {
      turn: () => void;
      tick: () => void;
      isCrowded: () => boolean;
      idle?: { readonly isBusy: boolean; step(): void };
    },
  ) {
    this.#turn = options.turn;
    this.#isCrowded = options.isCrowded;
    this.#idle = options.idle ?? { isBusy: false, step: () => {} };
    const timer = unwrap(makeTimer(TICK_MS), "make a timer");
    this.poller.add(timer, POLLIN, () => {
      readTimer(timer);
      options.tick();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Keeps the loop going, also after {@link stop}, until a call on another thread has ended: it may wait in the kernel for
   * an answer of this thread, holding what the end of the mount waits for.
   */
  async track<T>(call: Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await call;
    } finally {
      this.#calls--;
    }
  }

  /** The same for a call whose result is waited for: the runtime is given turns meanwhile, without which it is not told. */
  async settled<T>(call: Promise<T>): Promise<T> {
    this.#awaited++;
    this.#turns = 0;
    try {
      return await this.track(call);
    } finally {
      this.#awaited--;
    }
  }

  /** Until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopped || this.#calls > 0) {
      const isWaiting = this.#awaited > 0 || this.#stopped;
      const isIdle = this.poller.wait(this.#idle.isBusy ? 0 : isWaiting ? this.#patience() : -1) === 0;
      if (isIdle && this.#idle.isBusy) this.#idle.step();
      if (isWaiting) await this.#giveTurn();
      for (let i = 0; i < STEPS; i++) await null;
      this.#turn();
      if (this.#isCrowded()) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** How long poll(2) may wait, in ms. */
  #patience(): number {
    return this.#turns++ < EAGER_TURNS ? 0 : AWAITING_MS;
  }

  /** Lets the runtime look once for what has ended; by a message, as a timer takes a ms at least. */
  #giveTurn(): Promise<void> {
    const { port1, port2 } = this.#runtime;
    port1.onmessage ??= () => this.#runtimeTurned();
    return new Promise((resolve) => {
      this.#runtimeTurned = resolve;
      port2.postMessage(undefined);
    });
  }
}
