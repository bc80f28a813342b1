import { Buffer } from "node:buffer";
import { byteString, fromText } from "../../../lib/bytes/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  childState,
  close,
  getTermios,
  kill,
  openTerminal,
  read,
  readLinkAt,
  setNonBlocking,
  setWindowSize,
  SIGKILL,
  spawn,
  unwrap,
  write,
} from "../../../lib/linux/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { environment } from "./machines.ts";

export interface TerminalOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const LOOK_MS = 5;
/** What outrun shows while a start takes longer than a second, and takes away again: on a busy machine any may. */
const PROGRESS = /outrun: sending [^\r]*\r *\r/g;
// Loaded now, outside of any test: the first one that used it would be charged with it.
bindNow();

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Makes the terminal "$0" the session's (its leader gets the first that it opens), and turns into the program. */
const script = 'cd "$1" && shift && exec <>"$0" >&0 2>&0 && exec "$@"';

/**
 * A terminal window with one program in it, as a user has it in front of them. The program leads its session: no key stops
 * such a one, only what a shell in its place starts.
 */
export class Terminal implements AsyncDisposable {
  readonly pid: number;
  /** Its settings before the program began. */
  readonly before: Uint8Array;
  readonly #what: string;
  readonly #master: number;
  /** Kept open: the terminal can be looked at after the program's end. */
  readonly #slave: number;
  readonly #looking: number;
  #shown: Uint8Array[] = [];
  #status: number | undefined;
  #isOpen = true;
  #disposed = false;

  constructor(argv: readonly string[], { rows = 24, columns = 80, env, cwd = "/" }: TerminalOptions = {}) {
    this.#what = argv.join(" ");
    const ends = openTerminal();
    if (typeof ends === "number") throw new Error(`Cannot open a terminal: errno ${-ends}`);
    this.#master = ends.master;
    this.#slave = ends.slave;
    unwrap(setNonBlocking(this.#master), "make the terminal nonblocking");
    this.resize(rows, columns);
    this.before = this.settings;
    const variables = Object.entries({ ...environment, TERM: "xterm", ...env });
    const pid = spawn(fromText("/bin/sh"), {
      argv: [...["sh", "-c", script].map(fromText), nameOf(this.#slave), ...[cwd, ...argv].map(fromText)],
      env: variables.map(([key, value]) => fromText(`${key}=${value}`)),
      fds: [],
      leads: "session",
    });
    this.pid = unwrap(pid, "start a program in a terminal");
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Everything shown since the start, or since {@link forget}, but for the progress of a slow start. */
  get shown(): string {
    return decoder.decode(Buffer.concat(this.#shown)).replaceAll(PROGRESS, "");
  }

  forget(): void {
    this.#shown = [];
  }

  /** The kernel's struct termios: echo, line editing and the like. */
  get settings(): Uint8Array {
    const termios = getTermios(this.#slave);
    if (typeof termios === "number") throw new Error(`Cannot read the terminal's settings: errno ${-termios}`);
    return termios;
  }

  /** Presses keys. */
  type(keys: string): void {
    const bytes = encoder.encode(keys);
    if (write(this.#master, bytes) !== bytes.length) throw new Error("Cannot type: the terminal takes no more");
  }

  resize(rows: number, columns: number): void {
    unwrap(setWindowSize(this.#master, { rows, columns, xPixels: 0, yPixels: 0 }), "resize the terminal");
  }

  kill(signal: number): void {
    kill(this.pid, signal);
  }

  /** Closes the window. What runs in it is told by the kernel, and shows nothing any more. */
  hangUp(): void {
    this.#isOpen = false;
    close(this.#master);
  }

  /** Waits until `text` is shown. */
  async shows(text: string | RegExp): Promise<void> {
    await this.#until(
      `show ${text}`,
      () => typeof text === "string" ? this.shown.includes(text) : text.test(this.shown),
    );
  }

  /** Its exit status, as a shell gives it. */
  async status(): Promise<number> {
    await this.#until("end", () => this.#status !== undefined);
    return this.#status!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Twice, it would close descriptors that are somebody else's by then.
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#status === undefined) this.kill(SIGKILL);
    await this.status();
    clearInterval(this.#looking);
    if (this.#isOpen) close(this.#master);
    close(this.#slave);
  }

  #look(): void {
    const buffer = new Uint8Array(65536);
    const state = this.#status === undefined ? childState(this.pid) : undefined;
    if (typeof state === "object") {
      if (state.kind === "exited") this.#status = state.status;
      else if (state.kind === "signaled") this.#status = 128 + state.signal;
    }
    if (!this.#isOpen) return;
    // Its last words come before its end is told.
    for (let count = read(this.#master, buffer); count > 0; count = read(this.#master, buffer)) {
      this.#shown.push(buffer.slice(0, count));
    }
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const failure = `It did not ${what}: ${this.#what}`;
    await waitUntil(holds, { failure }).catch((error) => {
      throw new Error(`${error.message}\n  shown: ${JSON.stringify(this.shown.slice(-2000))}`);
    });
  }
}

function nameOf(fd: number) {
  const name = readLinkAt(AT_FDCWD, fromText(`/proc/self/fd/${fd}`));
  if (typeof name === "number") throw new Error(`Cannot name a descriptor: errno ${-name}`);
  return byteString(name);
}
