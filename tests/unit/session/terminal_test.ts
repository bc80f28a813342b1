import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  bindNow,
  close,
  getTermios,
  makePipe,
  O_NONBLOCK,
  openTerminal,
  read,
  setTermios,
  setWindowSize,
  spawn,
  TERMIOS_SIZE,
  waitForEnd,
  write,
} from "../../../lib/linux/mod.ts";
import { transparent } from "../../../lib/session/terminal.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

const WAIT_MS = 60_000;

/** A pseudo-terminal. */
class Terminal {
  readonly master: number;
  readonly slave: number;

  constructor() {
    const ends = openTerminal();
    assert.ok(typeof ends !== "number");
    this.master = ends.master;
    this.slave = ends.slave;
  }

  get termios(): Uint8Array<ArrayBuffer> {
    const termios = getTermios(this.slave);
    assert.ok(typeof termios !== "number");
    return termios;
  }

  stty(...settings: string[]): void {
    const path = Deno.readLinkSync(`/proc/self/fd/${this.slave}`);
    const { success, stderr } = new Deno.Command("stty", { args: ["-F", path, ...settings] }).outputSync();
    assert.ok(success, new TextDecoder().decode(stderr));
  }

  [Symbol.dispose](): void {
    close(this.master);
    close(this.slave);
  }
}

/** What cfmakeraw(3) changes, in the words of stty(1). */
const RAW = [
  ...["-ignbrk", "-brkint", "-parmrk", "-istrip", "-inlcr", "-igncr", "-icrnl", "-ixon", "-opost"],
  ...["-echo", "-echonl", "-icanon", "-isig", "-iexten", "cs8", "-parenb", "min", "1", "time", "0"],
];
/** All of that the other way round, but for what a pseudo-terminal does not do: characters of fewer bits, parity. */
const COOKED = RAW.filter((word) => word.startsWith("-") && word !== "-parenb").map((word) => word.slice(1))
  .concat("min", "5", "time", "7");
/** Settings that cfmakeraw(3) leaves alone. */
const KEPT = ["ixoff", "ixany", "inpck", "iutf8", "tostop", "noflsh", "echoctl", "hupcl", "cstopb"];
const KEYS = ["intr", "^A", "erase", "^H"];

Deno.test("transparent() makes of a terminal's settings what cfmakeraw(3) does, and leaves the others", () => {
  const without = KEPT.map((word) => `-${word}`);
  for (const before of [["sane"], COOKED, [...COOKED, ...KEPT, ...KEYS], [...COOKED, ...without]]) {
    using terminal = new Terminal();
    terminal.stty(...before);
    const start = terminal.termios;
    const copy = start.slice();
    const mine = transparent(start);
    assert.deepEqual(start, copy, "the settings it is given stay");
    terminal.stty(...RAW);
    assert.deepEqual(mine, terminal.termios, before.join(" "));
    assert.notDeepEqual(mine, start);
  }
});

Deno.test("transparent() gives settings that the terminal takes, and that stay when applied twice", () => {
  using terminal = new Terminal();
  const raw = transparent(terminal.termios);
  assert.equal(raw.length, TERMIOS_SIZE);
  assert.equal(setTermios(terminal.slave, raw), 0);
  assert.deepEqual(terminal.termios, raw);
  assert.deepEqual(transparent(raw), raw);
});

Deno.test("transparent() sets eight bits and no parity, and keeps the speed", () => {
  const flags = new Uint32Array(TERMIOS_SIZE / 4);
  // asm-generic/termbits.h: CS7, PARENB, CSTOPB, B38400.
  flags[2] = 0o40 | 0o400 | 0o100 | 0o17;
  const raw = new Uint32Array(transparent(new Uint8Array(flags.buffer)).buffer);
  assert.equal(raw[2], 0o60 | 0o100 | 0o17);
});

/** The program of terminal_program.ts, with stderr on a pipe. */
class Program {
  readonly #pid: number;
  readonly #said: number;
  #text = "";

  constructor(stdin: number, stdout: number) {
    const pipe = makePipe(O_NONBLOCK);
    assert.ok(typeof pipe !== "number");
    this.#said = pipe.readEnd;
    const file = new URL("terminal_program.ts", import.meta.url).pathname;
    const argv = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", file].map(fromText);
    const env = Object.entries(Deno.env.toObject()).map(([name, value]) => fromText(`${name}=${value}`));
    const fds = [[stdin, 0], [stdout, 1], [pipe.writeEnd, 2]] as const;
    this.#pid = spawn(argv[0], { argv, env, fds, leads: "session" });
    assert.ok(this.#pid > 0);
    close(pipe.writeEnd);
  }

  /** The next line it says. */
  async line(): Promise<string> {
    const buffer = new Uint8Array(4096);
    for (const deadline = Date.now() + WAIT_MS; !this.#text.includes("\n");) {
      assert.ok(Date.now() < deadline, `nothing more said behind ${JSON.stringify(this.#text)}`);
      const count = read(this.#said, buffer);
      if (count > 0) this.#text += new TextDecoder().decode(buffer.subarray(0, count));
      else await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  [Symbol.dispose](): void {
    Deno.kill(this.#pid, "SIGKILL");
    waitForEnd(this.#pid);
    close(this.#said);
  }
}

Deno.test("LocalTerminal describes the terminal, makes it transparent, and restores it", async () => {
  using terminal = new Terminal();
  terminal.stty("sane", "intr", "^A");
  setWindowSize(terminal.slave, { rows: 33, columns: 77, xPixels: 5, yPixels: 6 });
  const before = terminal.termios;
  using program = new Program(terminal.slave, terminal.slave);
  assert.deepEqual(JSON.parse(await program.line()), {
    window: { rows: 33, columns: 77, xPixels: 5, yPixels: 6 },
    termios: [...before],
  });
  terminal.stty("-echo");
  write(terminal.master, new TextEncoder().encode("\n"));
  assert.equal(await program.line(), "kept");
  assert.notDeepEqual(terminal.termios, before, "what was never changed is not restored");
  write(terminal.master, new TextEncoder().encode("\n"));
  assert.equal(await program.line(), "raw");
  assert.deepEqual(terminal.termios, transparent(before));
  setWindowSize(terminal.slave, { rows: 1, columns: 2, xPixels: 0, yPixels: 0 });
  // Ctrl-C is a key like any other.
  write(terminal.master, Uint8Array.of(3));
  assert.deepEqual(JSON.parse(await program.line()), { rows: 1, columns: 2, xPixels: 0, yPixels: 0 });
  assert.equal(await program.line(), "restored");
  assert.deepEqual(terminal.termios, before);
});

Deno.test("LocalTerminal.open() gives nothing unless stdin and stdout are both a terminal", async () => {
  using terminal = new Terminal();
  const pipe = makePipe();
  assert.ok(typeof pipe !== "number");
  for (const [stdin, stdout] of [[terminal.slave, pipe.writeEnd], [pipe.readEnd, terminal.slave]]) {
    using program = new Program(stdin, stdout);
    assert.equal(await program.line(), "none");
  }
  close(pipe.readEnd);
  close(pipe.writeEnd);
});
