/** Where a {@link Screen} writes, and what is known about it. */
export interface Sink {
  readonly terminal: boolean;
  readonly colour: boolean;
  /** Width in characters; asked at every redraw, for it changes. */
  columns(): number;
  /** Never throws: there is nobody left to tell. */
  write(bytes: Uint8Array): void;
}

const encoder = new TextEncoder();
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Lines of text, with at most one status line below them that is redrawn in place and leaves no trace.
 *
 * On a terminal every line ends in CR LF: it may be in raw mode, where LF alone moves down only. No escape sequences
 * are needed to erase (blanks do it), so a dumb terminal is served as well.
 */
export class Screen {
  readonly #sink: Sink;
  #status = "";

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get terminal(): boolean {
    return this.#sink.terminal;
  }

  get colour(): boolean {
    return this.#sink.colour;
  }

  get columns(): number {
    return this.#sink.columns();
  }

  /** Writes `text` and a line end. */
  line(text: string): void {
    this.bytes(encoder.encode(text + "\n"));
  }

  /** Writes bytes that somebody else (ssh, the agent) has written for people. */
  bytes(bytes: Uint8Array): void {
    const status = this.#status;
    this.status("");
    this.#sink.write(this.terminal ? withReturns(bytes) : bytes);
    this.status(status);
  }

  /** Shows `text` as the status line in place of the last one; "" takes it away. Nothing happens off a terminal. */
  status(text: string): void {
    if (!this.terminal || text === this.#status) return;
    const blank = this.#status === "" ? "" : "\r" + " ".repeat(this.#status.length) + "\r";
    this.#status = text.slice(0, Math.max(0, this.columns - 1));
    this.#sink.write(encoder.encode(blank + this.#status));
  }
}

function withReturns(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === NEWLINE && bytes[i - 1] !== RETURN) out.push(RETURN);
    out.push(bytes[i]);
  }
  return Uint8Array.from(out);
}

function standardError(): Sink {
  const terminal = Deno.stderr.isTerminal();
  return {
    terminal,
    colour: terminal && !Deno.noColor,
    columns() {
      try {
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80;
      }
    },
    write(bytes) {
      try {
        for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
      } catch { /* stderr is closed or full */ }
    },
  };
}

/** This process's stderr. */
export const stderr = new Screen(standardError());
