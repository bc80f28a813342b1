import { libc, negative, O_CLOEXEC, O_NONBLOCK, Poller, POLLIN, read } from "../linux/mod.ts";

/**
 * How many promise steps one turn lets happen: more than any chain between a reply from the link and the answer to the
 * kernel. A longer one only waits for the next turn, which {@link Loop.run} then does not delay.
 */
const STEPS = 24;
const TICK_MS = 1000;
const CLOCK_MONOTONIC = 1;

/**
 * The agent's one thread: poll(2), then what is ready, then the promises that became ready by it. Timers and other
 * asynchronous operations of the runtime never run here.
 */
export class Loop {
  readonly poller = new Poller();
  readonly #turn: () => void;
  readonly #isBusy: () => boolean;
  #stopped = false;

  /**
   * `turn` is called at the end of each turn (to send what has gathered), `tick` once a second. While `isBusy`, a turn
   * waits for nothing: something is still on its way through promises.
   */
  constructor(options: { turn: () => void; tick: () => void; isBusy: () => boolean }) {
    this.#turn = options.turn;
    this.#isBusy = options.isBusy;
    const timer = startTimer();
    const expirations = new Uint8Array(8);
    this.poller.add(timer, POLLIN, () => {
      read(timer, expirations);
      options.tick();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      this.poller.wait(this.#isBusy() ? 0 : -1);
      for (let i = 0; i < STEPS; i++) await null;
      this.#turn();
    }
  }
}

/** A timerfd that becomes readable every second. struct itimerspec: interval and first expiration, i64 s and i64 ns. */
function startTimer(): number {
  const fd = negative(libc().timerfd_create(CLOCK_MONOTONIC, O_NONBLOCK | O_CLOEXEC));
  if (fd < 0) throw new Error(`Cannot make a timer: errno ${-fd}`);
  const seconds = BigInt(TICK_MS / 1000);
  const times = new Uint8Array(new BigInt64Array([seconds, 0n, seconds, 0n]).buffer);
  const result = negative(libc().timerfd_settime(fd, 0, times, null));
  if (result < 0) throw new Error(`Cannot start a timer: errno ${-result}`);
  return fd;
}
