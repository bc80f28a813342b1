import { stderr } from "../lib/log/mod.ts";

/** What a program is given. */
export interface StepOptions {
  /** It is ended after that long. */
  readonly seconds: number;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** What a program wrote: to stdout, and what is worth telling when it fails. */
interface Written {
  readonly output: string;
  readonly complaint: string;
}

const NAME_COLUMNS = 12;
/** timeout(1)'s statuses when it had to end the program, or to kill it. */
const LATE = [124, 137];

/**
 * Runs one program after the other and says how it goes: a line a result, with the name of the step before its first
 * one, and on a terminal the seconds that the running program has taken.
 */
export class Steps {
  readonly #stopped = new AbortController();
  #name = "";
  #named = false;

  /** From here on, lines belong to the step `name`. */
  begin(name: string): void {
    this.#name = name;
    this.#named = false;
  }

  say(text: string): void {
    console.log((this.#named ? "" : this.#name).padEnd(NAME_COLUMNS) + text);
    this.#named = true;
  }

  /** Ends the running program; it, and whatever else is to run, throws `reason`. */
  stop(reason: Error): void {
    this.#stopped.abort(reason);
  }

  /** Runs a program that says itself how it goes, on stderr; returns what it writes to stdout. Throws when it fails. */
  async follow(command: string[], options: StepOptions): Promise<string> {
    return await this.#run(command, options, async (child) => {
      const output = new Response(child.stdout).text();
      for await (const bytes of child.stderr) stderr.bytes(bytes);
      return { output: await output, complaint: "see above" };
    });
  }

  /** Runs a program that says nothing when all is well; returns what it writes to stdout. Throws when it fails. */
  async run(command: string[], options: StepOptions): Promise<string> {
    return await this.#run(command, options, async (child) => {
      const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()];
      const [output, complaint] = await Promise.all(texts);
      return { output, complaint: complaint.trim() };
    });
  }

  async #run(
    command: string[],
    { seconds, cwd, env }: StepOptions,
    read: (child: Deno.ChildProcess) => Promise<Written>,
  ): Promise<string> {
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    // However this process ends, `timeout` hears of it and ends the program with all its children.
    const args = ["--pdeathsig", "TERM", "timeout", "--kill-after=10", String(seconds), ...command];
    const options = { args, cwd, env, stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const child = new Deno.Command("setpriv", options).spawn();
    const end = () => child.kill("SIGTERM");
    signal.addEventListener("abort", end);
    const stopClock = this.#startClock();
    const [{ output, complaint }, { code }] = await Promise.all([read(child), child.status]);
    stopClock();
    signal.removeEventListener("abort", end);
    signal.throwIfAborted();
    if (code === 0) return output;
    const state = LATE.includes(code) ? `not done after ${seconds} s` : `status ${code}: ${complaint}`;
    throw new Error(`Cannot run "${command.join(" ")}": ${state}`);
  }

  #startClock(): () => void {
    const start = performance.now();
    const show = () => stderr.status(`${this.#name.padEnd(NAME_COLUMNS)}${secondsSince(start)} s`);
    const timer = setInterval(show, 1000);
    return () => {
      clearInterval(timer);
      stderr.status("");
    };
  }
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 1000);
}
