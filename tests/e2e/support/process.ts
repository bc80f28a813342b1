import { kill, SIGKILL } from "../../../lib/linux/mod.ts";
import { waitFor } from "../../hosts/wait.ts";

/** How a program is started. */
export interface ProcessOptions {
  /** All that its stdin gives; nothing if not given. `"open"`: what the caller writes, until closeInput(). */
  readonly stdin?: Uint8Array | string | "open";
  /** Added to the tests' own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How long all of it may take; then it is killed and the test fails. */
  readonly timeoutMs?: number;
}

/** How a program ended, and what it said. */
export interface Result {
  /** As a shell gives it. */
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
  /** stdout, for those who know that it is text. */
  readonly text: string;
  /** From its start until the first byte of its stdout, or until its end if there was none. For people: no test may mind it. */
  readonly firstOutputMs: number;
}

/** Bounds a hang; nothing here takes more than some seconds on a machine that is not busy. */
const TIMEOUT_MS = 120_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What came on a stream so far. */
class Received {
  readonly done: Promise<void>;
  /** When the first bytes came, or the end, by performance.now(). */
  firstAt = Infinity;
  #chunks: Uint8Array[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#read(stream);
  }

  get bytes(): Uint8Array {
    const all = new Uint8Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [all];
    return all;
  }

  get text(): string {
    return decoder.decode(this.bytes);
  }

  /** Resolves at the next bytes or at the end. */
  get change(): Promise<void> {
    return this.#changed.promise;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#turn();
    }
    this.#turn();
  }

  #turn(): void {
    this.firstAt = Math.min(this.firstAt, performance.now());
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/**
 * A program that runs, on pipes, in a session of its own. It is killed, with all of its group, where its owner lets it go
 * before its end.
 */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #startedAt = performance.now();
  readonly #what: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: Received;
  readonly #stderr: Received;
  readonly #timeoutMs: number;
  readonly #written: Promise<void>;
  readonly #all: Promise<[Deno.CommandStatus, void, void, void]>;
  #ended = false;
  /** It has ended, and nobody holds its output: its number may be another's by now. */
  #over = false;

  /** `env` is all of its environment. */
  constructor(words: readonly string[], options: ProcessOptions & { env: Record<string, string> }) {
    const { stdin, env, cwd } = options;
    this.#what = words.join(" ");
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    const args = [...words];
    this.#child = new Deno.Command("/usr/bin/setsid", { args, env, cwd, clearEnv: true, ...pipes }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#stdout = new Received(this.#child.stdout);
    this.#stderr = new Received(this.#child.stderr);
    this.#written = stdin === "open" ? Promise.resolve() : this.#writeAll(stdin ?? "");
    this.#child.status.then(() => this.#ended = true);
    this.#all = Promise.all([this.#child.status, this.#stdout.done, this.#stderr.done, this.#written]);
    this.#all.then(() => this.#over = true);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** stdout so far. */
  get text(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#input.write(typeof data === "string" ? encoder.encode(data) : data);
  }

  async closeInput(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  /** Waits for `text` on stdout. */
  async says(text: string | RegExp): Promise<void> {
    await this.#until(this.#stdout, text);
  }

  /** Waits for `text` on stderr. */
  async complains(text: string | RegExp): Promise<void> {
    await this.#until(this.#stderr, text);
  }

  kill(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /** Its end, all of its output read. */
  async result(): Promise<Result> {
    const [{ code }] = await this.#limit(this.#all);
    return {
      status: code,
      stdout: this.#stdout.bytes,
      stderr: this.#stderr.text,
      text: this.#stdout.text,
      firstOutputMs: this.#stdout.firstAt - this.#startedAt,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killGroup();
    await this.closeInput();
    await this.#all;
  }

  async #writeAll(data: string | Uint8Array): Promise<void> {
    // A program need not read what it gets.
    if (data.length > 0) await this.write(data).catch(() => {});
    await this.closeInput();
  }

  async #until(stream: Received, text: string | RegExp): Promise<void> {
    const holds = () => typeof text === "string" ? stream.text.includes(text) : text.test(stream.text);
    const waiting = async () => {
      while (!holds()) {
        if (this.#ended) {
          await stream.done;
          if (holds()) return;
          throw new Error(`It ended without saying ${text}: ${this.#account()}`);
        }
        await Promise.race([stream.change, this.#child.status]);
      }
    };
    await this.#limit(waiting());
  }

  async #limit<T>(promise: Promise<T>): Promise<T> {
    try {
      return await waitFor(promise, { timeoutMs: this.#timeoutMs, failure: "time is up" });
    } catch (error) {
      this.#killGroup();
      throw new Error(`${(error as Error).message} after ${this.#timeoutMs} ms at the most: ${this.#account()}`);
    }
  }

  /** Also when the first of them has ended: a pipeline's last end may hold on. */
  #killGroup(): void {
    if (!this.#over) kill(-this.pid, SIGKILL);
  }

  #account(): string {
    const tail = (text: string) => JSON.stringify(text.slice(-2000));
    return `${this.#what}\n  stdout: ${tail(this.#stdout.text)}\n  stderr: ${tail(this.#stderr.text)}`;
  }
}
