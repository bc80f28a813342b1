import {
  type ChildState,
  childState,
  close,
  endedChild,
  makeTimer,
  openPidFd,
  type Poller,
  POLLIN,
  readTimer,
  unwrap,
} from "../../linux/mod.ts";

/**
 * How often a child on a terminal is looked at, in ms. No descriptor becomes ready when a child stops, and SIGCHLD cannot
 * be had in a runtime with threads of its own. One waitpid(2) costs under a microsecond.
 */
const STOP_CHECK_MS = 40;

/** Children whose end somebody wants to be told. */
const watched = new Set<number>();

/**
 * Lets children go that have ended: orphans that this process has adopted, and with `all` those too whose end somebody
 * wants to be told. Returns whether there are others.
 */
export function collectOrphans({ all }: { all: boolean }): boolean {
  for (;;) {
    const pid = endedChild();
    if (pid < 0) return false;
    // Who asks after the first of them does so within this turn.
    if (pid === 0 || (!all && watched.has(pid))) return true;
    childState(pid);
  }
}

/** Tells what becomes of a child process, from the poll loop. Its end is told once, and last. */
export class ChildWatch {
  readonly #poller: Poller;
  readonly #pid: number;
  readonly #onChange: (state: ChildState) => void;
  readonly #fds: number[] = [];

  /** With `stops` set, stops and continuations are told too, within {@link STOP_CHECK_MS}. */
  constructor(poller: Poller, pid: number, options: { stops: boolean; onChange: (state: ChildState) => void }) {
    this.#poller = poller;
    this.#pid = pid;
    this.#onChange = options.onChange;
    watched.add(pid);
    const pidFd = openPidFd(pid);
    if (pidFd >= 0) this.#add(pidFd, () => this.#check());
    // A kernel without pidfd_open has the end found by the timer.
    if (options.stops || pidFd < 0) {
      const timer = unwrap(makeTimer(STOP_CHECK_MS), "make a timer");
      this.#add(timer, () => {
        readTimer(timer);
        this.#check();
      });
    }
  }

  #ended(): void {
    watched.delete(this.#pid);
    this.close();
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) {
      this.#poller.remove(fd);
      close(fd);
    }
  }

  #add(fd: number, handler: () => void): void {
    this.#fds.push(fd);
    this.#poller.add(fd, POLLIN, handler);
  }

  #check(): void {
    for (;;) {
      const state = childState(this.#pid);
      if (state === undefined || typeof state === "number") return;
      const ended = state.kind === "exited" || state.kind === "signaled";
      if (ended) this.#ended();
      this.#onChange(state);
      if (ended) return;
    }
  }
}
