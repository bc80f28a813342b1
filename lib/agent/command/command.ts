import { type ChildState, kill, Poller, POLLIN } from "../../linux/mod.ts";
import type { RunIn, RunOut, SignalNote, WindowSize } from "../../protocol/mod.ts";
import { ChildWatch, collectOrphans } from "./child.ts";
import type { UserIds } from "./ids.ts";
import type { Launched } from "./launch.ts";
import type { RunnerNews } from "./runner.ts";
import type { CommandStdio } from "./stdio.ts";
import { syncFiles } from "./sync_files.ts";

/** The pid of those who are outside of the pid namespace in which the files were mounted. */
const STRANGER = 0;

/** How long processes may take to die of SIGKILL, and how often they are looked after. */
const LEAVE_MS = 5000;
const LEAVE_POLL_MS = 10;

/** What a command tells, from within the poll loop. */
export interface CommandEvents {
  /** FUSE is mounted: its device (nonblocking not set), and an O_PATH descriptor of the command's /proc. Now owned by the callee. */
  mounted(device: number, proc: number): void;
  /** The command has taken the runner's place. */
  executed(): void;
  /** The command's process was stopped, by Ctrl-Z say, or goes on. Told of commands with a terminal only. */
  stopped(signal: number): void;
  continued(): void;
  /** Told once, and last. */
  ended(result: RunOut): void;
}

export interface CommandParts extends Launched {
  /** The loop in which everything after the launch happens. */
  readonly poller: Poller;
  readonly events: CommandEvents;
}

/** A command from the start of its runner to its end. */
export class Command {
  readonly #parts: CommandParts;
  /** How far it got: what the end of the runner, or of its socket, means depends on it. */
  #phase: "starting" | "executing" | "executed" | "ended" = "starting";
  #controlOpen = true;
  #holderOpen = true;
  #helper = -1;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    parts.poller.add(parts.runner.control, POLLIN, () => this.#receive());
    const stops = parts.stdio.hasTerminal;
    new ChildWatch(parts.poller, parts.pid, { stops, onChange: (state) => this.#change(state) });
  }

  get stdio(): CommandStdio {
    return this.#parts.stdio.ours;
  }

  /** Says what to run, once. What comes of it is told by events; nothing when the runner has ended. */
  go(spec: RunIn): void {
    // A runner that is gone is told of by its end.
    if (this.#phase !== "starting" || !this.#controlOpen) return;
    try {
      this.#parts.stdio.give(this.#owner(spec), spec.terminal);
      this.#parts.runner.run(spec);
    } catch (error) {
      this.#finish({ kind: "failed", message: (error as Error).message });
    }
  }

  /** Signals the command, or its process group; nothing when it has ended. */
  signal(note: SignalNote): void {
    if (this.#phase !== "ended") kill(note.group ? -this.#parts.pid : this.#parts.pid, note.signal);
  }

  /** Whether `pid`, as a request for a file has it, is the process that {@link syncFiles} started last. */
  isHelper(pid: number): boolean {
    // Outside of the command's pid namespace, if it has one.
    return this.#parts.fence === "open" ? pid === this.#helper : pid === STRANGER;
  }

  /** Has the kernel queue all the writes to the mount that it has collected; `onEnd`: it has, or cannot. */
  syncFiles(onEnd: () => void): void {
    if (this.#holderOpen) this.#helper = syncFiles(this.#parts.poller, this.#parts.holder, onEnd);
    else onEnd();
  }

  /** Lets dead orphans go, where there is no pid namespace whose first process does. To be called now and then. */
  tick(): void {
    if (this.#parts.fence === "open") collectOrphans({ all: false });
  }

  /** The same for all that {@link end} ends, which takes a moment: this process's own end is to leave nothing behind. */
  leave(): void {
    if (this.#parts.fence !== "open") return;
    const deadline = performance.now() + LEAVE_MS;
    while (collectOrphans({ all: true }) && performance.now() < deadline) new Poller().wait(LEAVE_POLL_MS);
  }

  resize(window: WindowSize): void {
    if (this.#phase !== "ended") this.#parts.stdio.resize(window);
  }

  /** Ends every process of the command's namespaces, daemons included; its mount goes with them. Returns at once. */
  end(): void {
    if (!this.#holderOpen) return;
    this.#holderOpen = false;
    this.#parts.holder.end();
  }

  /** The user's ids as chown(2) wants them here. */
  #owner(spec: RunIn): UserIds {
    const { ids, soleUser } = this.#parts;
    if (soleUser !== undefined) return soleUser;
    const uid = ids.user(spec.uid);
    const gid = ids.group(spec.gid);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
    throw new Error(`Cannot run as ${spec.uid}:${spec.gid}: these ids were not announced`);
  }

  /** Takes what the runner says; false when there is nothing. */
  #receive(): boolean {
    if (!this.#controlOpen) return false;
    const { events } = this.#parts;
    const news = this.#hear();
    if (news === undefined) return false;
    switch (news.kind) {
      case "mounted":
        events.mounted(news.device, news.proc);
        return true;
      case "executing":
        this.#phase = "executing";
        return true;
      case "closed":
        this.#controlEnded();
        return false;
      default:
        this.#finish(news);
        return true;
    }
  }

  #hear(): RunnerNews | undefined {
    try {
      return this.#parts.runner.receive();
    } catch (error) {
      return { kind: "failed", message: (error as Error).message };
    }
  }

  /** The runner's socket is closed: by execve, or because the runner ended, which #change tells more of. */
  #controlEnded(): void {
    this.#closeControl();
    if (this.#phase !== "executing") return;
    this.#phase = "executed";
    this.#parts.events.executed();
  }

  #change(state: ChildState): void {
    if (state.kind === "stopped") return this.#parts.events.stopped(state.signal);
    if (state.kind === "continued") return this.#parts.events.continued();
    // What the runner said last may still wait in its socket.
    while (this.#receive());
    if (state.kind === "signaled" || this.#phase === "executed") return this.#finish(state);
    const message = `Cannot start the command: its runner ended with status ${state.status}`;
    this.#finish({ kind: "failed", message });
  }

  #finish(result: RunOut): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#closeControl();
    this.#parts.stdio.close();
    this.#parts.events.ended(result);
  }

  #closeControl(): void {
    if (!this.#controlOpen) return;
    this.#controlOpen = false;
    this.#parts.poller.remove(this.#parts.runner.control);
    this.#parts.runner.close();
  }
}
