import { errnoName } from "../../lib/linux/mod.ts";
import type { Calls, Ended, FileFacts } from "./os.ts";

/** What a case acts with. What `os`, `other` and `local` answer is compared with a run of the case on this machine alone. */
export interface Scene {
  /** A process on the side under test. Its folder is the case's own, empty, of mode 0777; its umask is 0. */
  readonly os: Calls;
  /** A second process there, in the same folder. */
  readonly other: Calls;
  /** A process on this machine, in the same folder. */
  readonly local: Calls;
  /** Adds something to what is compared. */
  note(what: unknown): void;
  /** Makes calls that are not compared: where the answer is an inode's number, a time or the like. */
  quietly<T>(action: () => Promise<T>): Promise<T>;
  /** Waits until `test` holds; after a second at the most it must. Its calls are not compared. */
  soon(test: () => Promise<boolean>): Promise<void>;
  /** Kills `other`; another process takes its place. */
  killOther(): Promise<void>;
  /**
   * Runs a command of its own in the case's folder: on the other side this is a session of its own. `prefix`: words of
   * this machine, before it.
   */
  command(script: string, prefix?: readonly string[]): Promise<Ended>;
  /** The command line of {@link command}, to be started, signalled and waited for by the case. */
  readonly commandLine: (script: string) => { argv: readonly string[]; env: Readonly<Record<string, string>> };
  /** The case's folder, on both sides. */
  readonly folder: string;
}

/** Something that programs do with files. */
export type Play = (scene: Scene) => Promise<void>;

/** A play with a condition. */
export interface Case {
  readonly play: Play;
  /** What it takes of a kernel, or of a session: the mirror alone has neither. */
  readonly kernel?: string;
  /** It does not go as locally, `later: ` until something is built, or `never: ` with the reason. */
  readonly expected?: `later: ${string}` | `never: ${string}`;
}

/** Cases of one subject by their names. */
export type Cases = Readonly<Record<string, Play | Case>>;

/** A case that the mirror alone cannot play. */
export function kernel(what: string, play: Play): Case {
  return { kernel: what, play };
}

/** What is promised is one second; this only bounds what would never come, as a busy machine may take any time for it. */
const SOON_MS = 30_000;
const POLL_MS = 20;

/** Who acts in a scene. */
export interface Actors {
  readonly os: Calls;
  readonly other: Calls;
  readonly local: Calls;
  killOther(): Promise<void>;
  command(folder: string, script: string, prefix?: readonly string[]): Promise<Ended>;
  commandLine(script: string): { argv: readonly string[]; env: Readonly<Record<string, string>> };
}

/** Plays cases and writes down what the actors answer. */
export class Recorder {
  readonly lines: string[] = [];
  #quiet = 0;
  #folder = "";
  readonly #inodes = new Map<string, string>();

  scene(actors: Actors, folder: string): Scene {
    this.#folder = folder;
    return {
      os: this.#follow("os", actors.os),
      other: this.#follow("other", actors.other),
      local: this.#follow("local", actors.local),
      note: (what) => this.#add(`note ${JSON.stringify(what)}`),
      quietly: (action) => this.#quietly(action),
      soon: (test) => this.#soon(test),
      killOther: () => actors.killOther(),
      command: async (script, prefix) => {
        const ended = await actors.command(folder, script, prefix);
        this.#add(`command(${JSON.stringify(script)}) = ${JSON.stringify(ended)}`);
        return ended;
      },
      commandLine: (script) => actors.commandLine(script),
      folder,
    };
  }

  #follow(actor: string, calls: Calls): Calls {
    const call = async (name: keyof Calls, values: unknown[]) => {
      const result = await (calls[name] as (...values: unknown[]) => Promise<unknown>)(...values);
      this.#add(`${actor}.${name}(${values.map(shown).join(", ")}) = ${shown(this.#comparable(result))}`);
      return result;
    };
    return new Proxy(calls, { get: (_, name) => (...values: unknown[]) => call(name as keyof Calls, values) });
  }

  #add(line: string): void {
    if (this.#quiet === 0) this.lines.push(line.replaceAll(this.#folder, "<folder>"));
  }

  async #quietly<T>(action: () => Promise<T>): Promise<T> {
    this.#quiet++;
    try {
      return await action();
    } finally {
      this.#quiet--;
    }
  }

  async #soon(test: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + SOON_MS;
    const holds = await this.#quietly(async () => {
      while (!await test()) {
        if (performance.now() > deadline) return false;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return true;
    });
    this.#add(`soon ${holds}: ${test}`);
  }

  /** Inodes by the order in which they were seen. */
  #comparable(result: unknown): unknown {
    const ino = (result as FileFacts | null)?.ino;
    if (typeof ino !== "string") return result;
    if (!this.#inodes.has(ino)) this.#inodes.set(ino, `#${this.#inodes.size}`);
    return { ...(result as FileFacts), ino: this.#inodes.get(ino) };
  }
}

const LONG = 200;

function shown(value: unknown): string {
  if (typeof value === "number" && value < 0 && value > -200) return errnoName(-value);
  const text = JSON.stringify(value) ?? "";
  return text.length > LONG ? `${text.slice(0, LONG)}… (${text.length})` : text;
}
