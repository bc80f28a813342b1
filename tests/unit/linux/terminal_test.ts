import assert from "node:assert/strict";
import {
  bindNow,
  close,
  Errno,
  getTermios,
  getWindowSize,
  isTerminal,
  makePipe,
  openTerminal,
  read,
  setTermios,
  setWindowSize,
  TERMIOS_SIZE,
  write,
} from "../../../lib/linux/mod.ts";

// The library stays loaded: no test is to be blamed for that.
bindNow();

function withTerminal(use: (terminal: { master: number; slave: number }) => void): void {
  const terminal = openTerminal();
  assert.ok(typeof terminal !== "number");
  try {
    use(terminal);
  } finally {
    close(terminal.master);
    close(terminal.slave);
  }
}

Deno.test("openTerminal() gives two connected ends of a terminal", () =>
  withTerminal(({ master, slave }) => {
    assert.equal(isTerminal(slave), true);
    assert.equal(write(slave, new TextEncoder().encode("x\n")), 2);
    const buffer = new Uint8Array(10);
    const length = read(master, buffer);
    assert.equal(new TextDecoder().decode(buffer.subarray(0, length)), "x\r\n");
  }));

Deno.test("setTermios() sets what getTermios() gives", () =>
  withTerminal(({ master, slave }) => {
    const termios = getTermios(slave);
    assert.ok(typeof termios !== "number");
    assert.equal(termios.length, TERMIOS_SIZE);
    assert.equal(termios[17], 3); // VINTR is ^C
    termios[17] = 1;
    assert.equal(setTermios(master, termios), 0);
    assert.deepEqual(getTermios(slave), termios);
    assert.equal(setTermios(master, termios.slice(1)), -Errno.EINVAL);
  }));

Deno.test("setWindowSize() sets what getWindowSize() gives", () =>
  withTerminal(({ master, slave }) => {
    const size = { rows: 10, columns: 300, xPixels: 7, yPixels: 8 };
    assert.equal(setWindowSize(master, size), 0);
    assert.deepEqual(getWindowSize(slave), size);
  }));

Deno.test("a pipe is no terminal", () => {
  const pipe = makePipe();
  assert.ok(typeof pipe !== "number");
  assert.equal(isTerminal(pipe.readEnd), false);
  assert.equal(getTermios(pipe.readEnd), -Errno.ENOTTY);
  assert.equal(getWindowSize(pipe.readEnd), -Errno.ENOTTY);
  close(pipe.readEnd);
  close(pipe.writeEnd);
});
