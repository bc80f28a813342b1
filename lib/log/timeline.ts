import { log, type Logger } from "./logger.ts";

interface Mark {
  readonly what: string;
  /** ms since the process started. */
  readonly at: number;
}

/** What happened when: the steps of a start, to see which of them waited for what. Costs next to nothing. */
export class Timeline {
  readonly #now: () => number;
  readonly #marks: Mark[] = [];

  /** `now` counts ms from the start of the process. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Something has happened. */
  mark(what: string): void {
    this.#marks.push({ what, at: this.#now() });
  }

  /** Shows all marks in one block of the debug log: when, how long after the one before, what. */
  tell(logger: Logger = log): void {
    if (!logger.debugging || this.#marks.length === 0) return;
    let last = 0;
    const lines = this.#marks.map(({ what, at }) => {
      const line = `${at.toFixed(0).padStart(8)} ${`+${(at - last).toFixed(0)}`.padStart(6)}  ${what}`;
      last = at;
      return line;
    });
    logger.debug(["timeline, in ms:", ...lines].join("\n"));
  }
}

/** The process's timeline. */
export const timeline = new Timeline();
