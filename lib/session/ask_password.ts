import { byteString, fromText, toBytes, toText } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  errnoName,
  getTermios,
  O_NOCTTY,
  O_RDWR,
  openAt,
  readAsync,
  setTermios,
  write,
} from "../linux/mod.ts";
import { DialError } from "../ssh/mod.ts";

// asm-generic/termbits.h
const ECHO = 0o10;
/** c_lflag in the kernel's struct termios, counted in u32. */
const LOCAL_FLAGS = 3;
/** A terminal gives no longer lines. */
const MAX_LINE = 4096;

/**
 * Asks for sudo's password on `target`, on the terminal, whatever stdin is. Throws a DialError where there is none, and the
 * signal's reason when that is aborted.
 */
export async function askPassword(target: string, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const cannot = `Cannot ask for sudo's password on "${target}"`;
  const terminal = openAt(AT_FDCWD, fromText("/dev/tty"), O_RDWR | O_NOCTTY);
  const termios = terminal < 0 ? terminal : getTermios(terminal);
  if (typeof termios === "number") {
    throw new DialError(`${cannot}: there is no terminal (${errnoName(-termios)}); run it from one`);
  }
  const silent = termios.slice();
  new Uint32Array(silent.buffer)[LOCAL_FLAGS] &= ~ECHO;
  setTermios(terminal, silent);
  write(terminal, toBytes(fromText(`Password for sudo on ${target}: `)));
  try {
    const line = new Uint8Array(MAX_LINE);
    const length = await unlessAborted(readAsync(terminal, line), signal);
    const text = toText(byteString(line, 0, Math.max(0, length)));
    line.fill(0);
    if (!text.endsWith("\n")) throw new DialError(`${cannot}: no answer; try again`);
    return text.slice(0, -1);
  } finally {
    setTermios(terminal, termios);
    write(terminal, toBytes(fromText("\n")));
    close(terminal);
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
