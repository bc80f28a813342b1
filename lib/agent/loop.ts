import { makeTimer, Poller, POLLIN, readTimer, unwrap } from "../linux/mod.ts";

/**
 * How many promise steps one turn lets happen: well above the longest chain between a reply from the link and the answer
 * to the kernel (about ten). What is left of a longer one waits for the next event.
 */
const STEPS = 32;
const TICK_MS = 1000;

/**
 * The agent's one thread: poll(2), then what is ready, then the promises that became ready by it. Timers and other
 * asynchronous operations of the runtime never run here.
 */
export class Loop {
  readonly poller = new Poller();
  readonly #turn: () => void;
  #stopped = false;

  /** `turn` is called at the end of each turn (to send what has gathered), `tick` once a second. */
  constructor(options: { turn: () => void; tick: () => void }) {
    this.#turn = options.turn;
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
    }
  }
}
