import { getTermios, getWindowSize, isTerminal, setTermios } from "../linux/mod.ts";
import type { Terminal, WindowSize } from "../protocol/mod.ts";

const STDIN = 0;

/** The local terminal: handed to the command's terminal as it is, and made transparent while the command runs. */
export class LocalTerminal {
  readonly #termios: Uint8Array<ArrayBuffer>;
  #raw = false;

  private constructor(termios: Uint8Array<ArrayBuffer>) {
    this.#termios = termios;
  }

  /** The terminal when both stdin and stdout are one, else nothing. */
  static open(): LocalTerminal | undefined {
    if (!isTerminal(0) || !isTerminal(1)) return undefined;
    const termios = getTermios(STDIN);
    return typeof termios === "number" ? undefined : new LocalTerminal(termios);
  }

  /** Whether nobody has closed it: after a hang-up it is a terminal no more. */
  get isOpen(): boolean {
    return isTerminal(STDIN);
  }

  /** What the command's terminal starts out with. */
  describe(): Terminal {
    return { window: this.window(), termios: this.#termios };
  }

  window(): WindowSize {
    const size = getWindowSize(STDIN);
    return typeof size === "number" ? { rows: 24, columns: 80, xPixels: 0, yPixels: 0 } : size;
  }

  /** From here on every key goes to the command. */
  enterRaw(): void {
    this.#raw = true;
    setTermios(STDIN, transparent(this.#termios));
  }

  /** The terminal as it was. */
  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    setTermios(STDIN, this.#termios);
  }
}

// asm-generic/termbits.h
const IGNBRK_TO_IXON = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
const OPOST = 0o1;
const CSIZE_AND_PARENB = 0o60 | 0o400;
const CS8 = 0o60;
const ISIG_ICANON_ECHO_ECHONL_IEXTEN = 0o1 | 0o2 | 0o10 | 0o100 | 0o100000;
const VTIME = 5;
const VMIN = 6;
/** Offset of c_cc in the kernel's struct termios: four 32-bit flag words and c_line before it. */
const CONTROL_CHARACTERS = 17;

/** What cfmakeraw(3) does, to the kernel's struct termios: input, output, control and local flags, u32 each. */
export function transparent(termios: Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = termios.slice();
  const flags = new Uint32Array(raw.buffer, 0, 4);
  flags[0] &= ~IGNBRK_TO_IXON;
  flags[1] &= ~OPOST;
  flags[2] = (flags[2] & ~CSIZE_AND_PARENB) | CS8;
  flags[3] &= ~ISIG_ICANON_ECHO_ECHONL_IEXTEN;
  raw[CONTROL_CHARACTERS + VMIN] = 1;
  raw[CONTROL_CHARACTERS + VTIME] = 0;
  return raw;
}
