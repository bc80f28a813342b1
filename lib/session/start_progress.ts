import type { FileStatistics } from "../fileserver/mod.ts";
import { printable, type Screen, stderr } from "../log/mod.ts";

/** A start that takes no longer shows nothing. */
const PATIENCE_MS = 1000;
const REDRAW_MS = 200;
/** Nothing was sent for so long: the command is at work. */
const IDLE_MS = 1000;

/** What progress is seen by. */
export interface StartProgressOptions {
  readonly statistics: Readonly<FileStatistics>;
  readonly screen?: Screen;
  /** ms, monotonic. */
  readonly now?: () => number;
}

/**
 * While files are sent for a command that says nothing yet: one line on the terminal, gone without a trace when the command
 * says something or when nothing more is sent.
 */
export class StartProgress {
  readonly #statistics: Readonly<FileStatistics>;
  readonly #screen: Screen;
  readonly #now: () => number;
  readonly #began: number;
  #timer: number | undefined;
  #bytes = 0;
  #moved: number;

  constructor({ statistics, screen = stderr, now = () => performance.now() }: StartProgressOptions) {
    this.#statistics = statistics;
    this.#screen = screen;
    this.#now = now;
    this.#began = this.#moved = now();
    // Of no use off a terminal.
    if (screen.terminal) this.#timer = setInterval(() => this.look(), REDRAW_MS);
  }

  /** Looks what has been sent since the last time. */
  look(): void {
    if (this.#timer === undefined) return;
    const now = this.#now();
    const { bytesRead, sending } = this.#statistics;
    if (bytesRead !== this.#bytes) this.#moved = now;
    this.#bytes = bytesRead;
    if (bytesRead === 0) return;
    if (now - this.#moved >= IDLE_MS) return this.done();
    if (now - this.#began < PATIENCE_MS) return;
    const rate = bytesRead / (now - this.#began) / 1000;
    this.#screen.status(
      `outrun: sending ${printable(sending)}: ${(bytesRead / 1e6).toFixed(1)} MB, ${rate.toFixed(1)} MB/s`,
    );
  }

  /** Takes the line away, for good. Idempotent. */
  done(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#screen.status("");
  }
}
