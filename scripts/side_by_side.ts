import { Blocks } from "./blocks.ts";

/** A command, and how it is run. */
export interface Job {
  readonly title: string;
  readonly command: readonly string[];
  /** It is ended after that long. */
  readonly seconds: number;
  /** Nothing else runs meanwhile. */
  readonly alone?: boolean;
}

/** How a command ended, and what it said, on stdout and on stderr. */
export interface Outcome {
  readonly success: boolean;
  readonly output: string;
}

/** How commands are run together. */
export interface RunOptions {
  /** How many run at a time, at the most. */
  readonly atOnce: number;
  /** When the time for all of them is up, by performance.now(). */
  readonly deadline?: number;
  /** Hears of each at its end. */
  readonly ended: (outcome: Outcome) => void;
}

/** The statuses of timeout(1) where it had to end the command, or to kill it. */
const LATE = [124, 137];
/** How long something that a command has started may live on with its output, on a busy machine. */
const GRACE_MS = 30_000;

/** Runs commands side by side, each bounded in time and with its output in one piece. All end with this process. */
export class SideBySide {
  readonly #blocks: Blocks;
  readonly #running = new Set<Deno.ChildProcess>();
  readonly #graceMs: number;
  #isStopped = false;

  constructor(print: (text: string) => void, { graceMs = GRACE_MS } = {}) {
    this.#blocks = new Blocks(print);
    this.#graceMs = graceMs;
  }

  /** Starts the jobs in their order, those that want to be alone at last. */
  async run(jobs: readonly Job[], { atOnce, deadline = Infinity, ended }: RunOptions): Promise<void> {
    const work = async (waiting: Job[]) => {
      while (waiting.length > 0 && !this.#isStopped) ended(await this.#one(waiting.shift()!, deadline));
    };
    const waiting = jobs.filter((job) => !job.alone);
    await Promise.all(Array.from({ length: atOnce }, () => work(waiting)));
    await work(jobs.filter((job) => job.alone));
  }

  /** Ends what is running (each command's whole process group, by `timeout`), and starts nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const child of this.#running) child.kill("SIGTERM");
  }

  async #one({ title, command, seconds }: Job, deadline: number): Promise<Outcome> {
    const block = this.#blocks.begin();
    block.say(`== ${title}\n`);
    const left = Math.ceil(Math.min(seconds, (deadline - performance.now()) / 1000));
    let outcome: Outcome = { success: false, output: "" };
    if (left > 0) outcome = await this.#start(command, { seconds: left, say: (text) => block.say(text) });
    else block.say("not run, the time for all is up\n");
    if (!outcome.success) block.say(`${/[^\n]$/.test(outcome.output) ? "\n" : ""}== ${title}: failed\n`);
    block.end();
    return outcome;
  }

  async #start(
    command: readonly string[],
    { seconds, say }: { seconds: number; say: (text: string) => void },
  ): Promise<Outcome> {
    const bounded = ["--pdeathsig", "TERM", "timeout", "--kill-after=10", `${seconds}`];
    // One pipe for both, or lines would change places.
    const child = new Deno.Command("setpriv", {
      args: [...bounded, "sh", "-c", 'exec "$@" 2>&1', "sh", ...command],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#running.add(child);
    let output = "";
    const decoder = new TextDecoder();
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        const text = decoder.decode(chunk, { stream: true });
        output += text;
        say(text);
      },
    });
    const late = new AbortController();
    const reading = child.stdout.pipeTo(sink, { signal: late.signal }).then(() => true, () => false);
    const { success, code } = await child.status;
    this.#running.delete(child);
    const timer = setTimeout(() => late.abort(), this.#graceMs);
    const isRead = await reading;
    clearTimeout(timer);
    if (LATE.includes(code)) say(`stopped after ${seconds} s\n`);
    if (!isRead) say("it has left something that holds its output\n");
    return { success: success && isRead, output };
  }
}
