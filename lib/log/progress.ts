import { type Screen, stderr } from "./screen.ts";

/** At most ten redraws a second. */
const REDRAW_MS = 100;
const MAX_BAR = 30;

export interface ProgressOptions {
  /** What is going on: `copying outrun to "host"`. */
  label: string;
  /** Bytes in all. */
  total: number;
  /** Bytes that were there before: they count for the bar, not for the rate. */
  from?: number;
  screen?: Screen;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

/** One line on stderr for a long step: bar, bytes, rate. Shown on a terminal only, and gone without a trace when done. */
export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #from: number;
  readonly #screen: Screen;
  readonly #now: () => number;
  readonly #start: number;
  #drawn: number;

  constructor(options: ProgressOptions) {
    this.#label = options.label;
    this.#total = options.total;
    this.#from = options.from ?? 0;
    this.#screen = options.screen ?? stderr;
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#drawn = this.#start; // a step that takes no time shows nothing
  }

  /** `bytes` of the total are done now. */
  update(bytes: number): void {
    const now = this.#now();
    if (!this.#screen.terminal || now - this.#drawn < REDRAW_MS) return;
    this.#drawn = now;
    const seconds = (now - this.#start) / 1000;
    this.#screen.status(this.#line(bytes, (bytes - this.#from) / seconds));
  }

  /** Takes the line away. Idempotent. */
  done(): void {
    this.#screen.status("");
  }

  #line(bytes: number, rate: number): string {
    const figures = `${megabytes(bytes)} of ${megabytes(this.#total)} MB, ${megabytes(rate)} MB/s`;
    const text = `outrun: ${this.#label} `;
    const room = Math.min(MAX_BAR, this.#screen.columns - text.length - figures.length - 4);
    if (room < 5) return text + figures;
    const full = this.#total > 0 ? Math.round(room * Math.min(1, bytes / this.#total)) : room;
    return `${text}[${"#".repeat(full)}${"-".repeat(room - full)}] ${figures}`;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
