/** Terminals: the agent makes one for the command, the local side reads and sets the user's. */
import { type ByteString, byteString } from "../bytes/mod.ts";
import { arch } from "./arch.ts";
import { Errno } from "./errno.ts";
import { AT_FDCWD, close, O_CLOEXEC, O_NOCTTY, O_RDWR, openAt } from "./files.ts";
import { libc, negative } from "./libc.ts";

const { TCGETS, TCSETS, TIOCSCTTY, TIOCGWINSZ, TIOCSWINSZ, TIOCNOTTY } = arch.ioctl;

/** Bytes of the kernel's struct termios (`asm-generic/termbits.h`), on x86-64 and aarch64: not the C library's. */
export const TERMIOS_SIZE = 36;

/** struct winsize (`asm-generic/termios.h`). */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
  readonly xPixels: number;
  readonly yPixels: number;
}

/** A new pseudo-terminal's ends, both close-on-exec; nobody's controlling terminal yet. */
export function openTerminal(): { master: number; slave: number } | number {
  const c = libc();
  const master = negative(c.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (master < 0) return master;
  const name = new Uint8Array(64);
  let slave = negative(c.unlockpt(master));
  if (slave === 0) slave = -c.ptsname_r(master, name, name.length);
  if (slave === 0) slave = openAt(AT_FDCWD, byteString(name, 0, name.indexOf(0)) as ByteString, O_RDWR | O_NOCTTY);
  if (slave >= 0) return { master, slave };
  close(master);
  return slave;
}

export function isTerminal(fd: number): boolean {
  return libc().isatty(fd) === 1;
}

/** struct termios as the kernel has it. */
export function getTermios(fd: number): Uint8Array<ArrayBuffer> | number {
  const termios = new Uint8Array(TERMIOS_SIZE);
  const result = negative(libc().ioctl(fd, TCGETS, termios));
  return result < 0 ? result : termios;
}

/** Sets it at once, output still waiting included. Bytes as {@link getTermios} gave them, on the same architecture. */
export function setTermios(fd: number, termios: Uint8Array<ArrayBuffer>): number {
  return termios.length === TERMIOS_SIZE ? negative(libc().ioctl(fd, TCSETS, termios)) : -Errno.EINVAL;
}

export function getWindowSize(fd: number): WindowSize | number {
  const fields = new Uint16Array(4);
  const result = negative(libc().ioctl(fd, TIOCGWINSZ, new Uint8Array(fields.buffer)));
  if (result < 0) return result;
  return { rows: fields[0], columns: fields[1], xPixels: fields[2], yPixels: fields[3] };
}

/** The foreground process group gets SIGWINCH if that is a change. */
export function setWindowSize(fd: number, size: WindowSize): number {
  const fields = new Uint16Array([size.rows, size.columns, size.xPixels, size.yPixels]);
  return negative(libc().ioctl(fd, TIOCSWINSZ, new Uint8Array(fields.buffer)));
}

/** Makes a terminal the calling session leader's controlling terminal; the session must have none. */
export function controlTerminal(fd: number): number {
  return negative(libc().ioctl(fd, TIOCSCTTY, null));
}

/** Gives up the controlling terminal, if there is one; its foreground process group gets SIGHUP. */
export function leaveTerminal(): void {
  const fd = openAt(AT_FDCWD, "/dev/tty" as ByteString, O_RDWR | O_NOCTTY);
  if (fd < 0) return;
  libc().ioctl(fd, TIOCNOTTY, null);
  close(fd);
}

/** Makes a process group the one that reads from the terminal and gets the signals of its keys. */
export function setForeground(fd: number, group: number): number {
  return negative(libc().tcsetpgrp(fd, group));
}
