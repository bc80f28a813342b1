import {
  changeModeFd,
  changeOwner,
  close,
  controlTerminal,
  duplicate,
  ErrnoError,
  ignoreSignal,
  leadSession,
  leaveTerminal,
  makePipe,
  openTerminal,
  setForeground,
  setNonBlocking,
  setTermios,
  setWindowSize,
  SIGHUP,
  SIGTTOU,
  unwrap,
} from "../../linux/mod.ts";
import type { Terminal, WindowSize } from "../../protocol/mod.ts";

/** What one of the command's standard streams is. */
export type StreamKind = "terminal" | "pipe";

/** The agent's ends: nonblocking, each a descriptor of its own, the caller's to close. */
export interface CommandStdio {
  /** To write: what the command's stdin gets, on the terminal the keyboard. */
  readonly stdin: number;
  /** To read; absent where the command writes to the terminal. */
  readonly stdout?: number;
  readonly stderr?: number;
  /** To read: what the terminal shows. EIO is its end. Present when any stream is the terminal. */
  readonly screen?: number;
}

/** The command's three streams, and its terminal if one of them is that. */
export class Stdio {
  readonly ours: CommandStdio;
  /** The command's ends, by their numbers there. */
  readonly theirs: readonly number[];
  readonly #kinds: readonly StreamKind[];
  readonly #master: number | undefined;
  #given = false;

  constructor(kinds: readonly [StreamKind, StreamKind, StreamKind]) {
    const terminal = kinds.includes("terminal") ? makeTerminal() : undefined;
    const ends = kinds.map((kind, number) =>
      kind === "terminal" ? { ours: undefined, theirs: duplicateOf(terminal!.slave) } : makeStream(number)
    );
    this.#kinds = kinds;
    this.#master = terminal?.master;
    this.theirs = ends.map((end) => end.theirs);
    this.ours = {
      stdin: ends[0].ours ?? duplicateOf(terminal!.master),
      stdout: ends[1].ours,
      stderr: ends[2].ours,
      screen: terminal && duplicateOf(terminal.master),
    };
    if (terminal) close(terminal.slave);
  }

  get hasTerminal(): boolean {
    return this.#master !== undefined;
  }

  /** Makes a process group the one that the terminal's keys go to. */
  setForeground(group: number): void {
    if (this.#master !== undefined) unwrap(setForeground(this.#master, group), "give the terminal to the command");
  }

  /**
   * Makes the streams the user's, so that the command can open /dev/stdin and the like anew, and lets its ends go. Ids
   * are those outside the command's user namespace.
   */
  give(owner: { uid: number; gid: number }, terminal: Terminal | undefined): void {
    if (this.#master !== undefined && terminal) {
      unwrap(setTermios(this.#master, terminal.termios.slice()), "set up the terminal");
      this.resize(terminal.window);
    }
    this.theirs.forEach((fd, number) => {
      unwrap(changeOwner(fd, owner.uid, owner.gid), "make the standard streams the command's user's");
      if (this.#kinds[number] === "terminal") unwrap(changeModeFd(fd, 0o620), "set the mode of the terminal");
    });
    this.#release();
  }

  resize(window: WindowSize): void {
    if (this.#master !== undefined) setWindowSize(this.#master, window);
  }

  /** Closes what the caller does not own. A terminal hangs up once `ours` is closed too. */
  close(): void {
    this.#release();
    if (this.#master !== undefined) close(this.#master);
  }

  #release(): void {
    if (!this.#given) this.theirs.forEach(close);
    this.#given = true;
  }
}

function duplicateOf(fd: number): number {
  return unwrap(duplicate(fd), "duplicate a descriptor");
}

/** A pipe for stream `number`: the command reads from 0 and writes to the others. */
function makeStream(number: number): { ours: number; theirs: number } {
  const pipe = makePipe();
  if (typeof pipe === "number") throw new ErrnoError(-pipe, "make a pipe");
  const [ours, theirs] = number === 0 ? [pipe.writeEnd, pipe.readEnd] : [pipe.readEnd, pipe.writeEnd];
  unwrap(setNonBlocking(ours), "make a pipe nonblocking");
  return { ours, theirs };
}

/**
 * A terminal that controls this process's session. The command shall be a process group of that session, not lead one of
 * its own: the kernel does not let Ctrl-Z stop a group whose parent is of another session.
 */
function makeTerminal(): { master: number; slave: number } {
  // A hang-up is for the command; and this process, in the background from now on, still sets up the terminal.
  ignoreSignal(SIGHUP);
  ignoreSignal(SIGTTOU);
  unwrap(leadSession(), "make a session");
  leaveTerminal();
  const terminal = openTerminal();
  if (typeof terminal === "number") throw new ErrnoError(-terminal, "make a terminal");
  unwrap(setNonBlocking(terminal.master), "make the terminal nonblocking");
  unwrap(controlTerminal(terminal.slave), "make the terminal control the session");
  return terminal;
}
