import { type Screen, stderr } from "./screen.ts";

/** Which of the two processes of a session speaks. */
export type Role = "local" | "agent";

const RED = "31";
const YELLOW = "33";
const DIM = "2";

/** Lines that begin with `outrun: `. Debug lines carry the ms since this process started and the role. */
export class Logger {
  readonly #screen: Screen;
  readonly #now: () => number;
  #role: Role = "local";
  #debugging = false;

  /** `now` counts ms from the start of the process. */
  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Whether debug lines are shown: ask before composing a costly one. */
  get debugging(): boolean {
    return this.#debugging;
  }

  configure(options: { role: Role; debug: boolean }): void {
    this.#role = options.role;
    this.#debugging = options.debug;
  }

  debug(text: string): void {
    if (!this.#debugging) return;
    const time = this.#now().toFixed(0).padStart(6);
    this.#screen.line(this.#paint(`outrun: ${time} ms ${this.#role}: ${text}`, DIM));
  }

  info(text: string): void {
    this.#screen.line(`outrun: ${text}`);
  }

  warn(text: string): void {
    this.#screen.line(`${this.#paint("outrun:", YELLOW)} ${text}`);
  }

  error(text: string): void {
    this.#screen.line(`${this.#paint("outrun:", RED)} ${text}`);
  }

  #paint(text: string, colour: string): string {
    return this.#screen.colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }
}

/** The process's logger. */
export const log = new Logger(stderr);
