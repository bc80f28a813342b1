import { makeTimer, Poller, POLLIN, readTimer, unwrap } from "../linux/mod.ts";

/**
 * How many promise steps one turn lets happen: well above the longest chain between a reply from the link and the answer
 * to the kernel (about ten). What is left of a longer one waits for the next event.
 */
const STEPS = 32;
const TICK_MS = 1000;

/**
 * The agent's one thread: poll(2), then what is ready, then the promises that became ready by it. Timers and other
 * asynchronous operations of the runtime do not run here, but for rare moments.
 */
export class Loop {
  readonly poller = new Poller();
  readonly #turn: () => void;
  readonly #isCrowded: () => boolean;
  #stopped = false;

  /**
   * `turn` is called at the end of each turn (to send what has gathered), `tick` once a second. After a turn in which
   * `isCrowded`, the runtime is given a turn of its own, a ms, to let go of what it keeps for calls on other threads.
   */
  constructor(options: { turn: () => void; tick: () => void; isCrowded: () => boolean }) {
    this.#turn = options.turn;
    this.#isCrowded = options.isCrowded;
    const timer = unwrap(makeTimer(TICK_MS), "make a timer");
    this.poller.add(timer, POLLIN, () => {
      readTimer(timer);
      options.tick();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      this.poller.wait(-1);
      for (let i = 0; i < STEPS; i++) await null;
      this.#turn();
      if (this.#isCrowded()) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}
