import { fileURLToPath } from "node:url";
import { waitFor } from "../hosts/wait.ts";
import type { Calls } from "./os.ts";

/** The first start of all packs the executable. */
const START_TIMEOUT_MS = 120_000;

const encoder = new TextEncoder();
const top = fileURLToPath(new URL("../../", import.meta.url));

async function succeed(command: string, { args, env }: { args: string[]; env?: Record<string, string> }) {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  if (!success) throw new Error(`Cannot run "${command}": ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

/** Compiles hands_main.ts into `folder`, for everybody to run; returns the file. */
export async function compileHands(folder: string): Promise<string> {
  const path = `${folder}/hands`;
  const denort = await succeed(`${top}scripts/denort`, { args: [] });
  const flags = ["--quiet", "--no-check", "--no-lock", "--cached-only", "--no-code-cache", "-A"];
  const source = fileURLToPath(new URL("hands_main.ts", import.meta.url));
  await succeed(`${top}scripts/deno`, {
    args: ["compile", ...flags, "--output", path, source],
    env: denort ? { DENORT_BIN: denort } : {},
  });
  await Deno.chmod(path, 0o755);
  return path;
}

/** How a hub is started. */
export interface HubOptions {
  /** Words before the hands' own, such as outrun's. */
  readonly prefix: readonly string[];
  /** The compiled hands_main.ts. */
  readonly hands: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** How many processes are wanted. */
  readonly count: number;
}

/** Processes somewhere that make system calls when they are told to. */
export class Hub implements AsyncDisposable {
  /** One for each process. */
  readonly hands: readonly Calls[];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: ((answer: string | Error) => void)[][];
  readonly #reading: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #stderr: Promise<string>;

  private constructor({ prefix, hands, env, cwd, count }: HubOptions) {
    const [command, ...args] = [...prefix, hands, "hub", String(count)];
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(command, { args, env: { ...env }, cwd, clearEnv: true, ...pipes }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#waiting = Array.from({ length: count }, () => []);
    this.#stderr = new Response(this.#child.stderr).text();
    this.#reading = this.#read();
    this.hands = this.#waiting.map((_, member) => this.#calls(member));
  }

  /** Returns when the processes are there. */
  static async start(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options);
    const failure = `Cannot start "${options.prefix.join(" ")}": it says nothing`;
    await waitFor(hub.#ready.promise, { timeoutMs: START_TIMEOUT_MS, failure });
    return hub;
  }

  /** Ends process `member` by SIGKILL; another takes its place. Returns when it is dead. */
  async replace(member: number): Promise<void> {
    const answer = this.#answer(member);
    for (const settle of this.#waiting[member].splice(0, this.#waiting[member].length - 1)) {
      settle(new Error("The process was killed"));
    }
    await this.#send(member, "!");
    await answer;
  }

  /** The process that was started: outrun, where it is run by that. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const failure = "it does not end with its input";
    await waitFor(this.#child.status, { failure }).catch((error) => {
      this.#child.kill("SIGKILL");
      throw error;
    });
    await this.#reading;
  }

  #calls(member: number): Calls {
    const call = async (name: string, values: unknown[]) => {
      const answer = this.#answer(member);
      await this.#send(member, JSON.stringify([name, ...values]));
      return JSON.parse(await answer);
    };
    return new Proxy({} as Calls, { get: (_, name) => (...values: unknown[]) => call(String(name), values) });
  }

  #answer(member: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting[member].push((answer) => answer instanceof Error ? reject(answer) : resolve(answer));
    });
  }

  async #send(member: number, line: string): Promise<void> {
    // The end of the process settles whoever waits.
    await this.#input.write(encoder.encode(`${member} ${line}\n`)).catch(() => {});
  }

  async #read(): Promise<void> {
    let text = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split("\n");
      text = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
    const { code, signal } = await this.#child.status;
    const how = signal === null ? `with status ${code}` : `by ${signal}`;
    const error = new Error(`The processes ended ${how}: ${(await this.#stderr).trim()}`);
    this.#ready.reject(error);
    for (const settle of this.#waiting.flat()) settle(error);
  }

  #take(line: string): void {
    if (line === "ready") return this.#ready.resolve();
    const blank = line.indexOf(" ");
    this.#waiting[Number(line.slice(0, blank))].shift()!(line.slice(blank + 1));
  }
}
