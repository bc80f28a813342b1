/**
 * The program that makes a case's system calls, wherever it is started: this machine or the other one.
 *
 *     hands hub N     N processes, each behind a number: lines `K REQUEST` on stdin go to process K, what it answers
 *                     comes as `K ANSWER` on stdout; `K !` kills process K and starts another, answered by `K !`
 *     hands           one of them: a line `[call, ...arguments]` of JSON on stdin, a line with its result on stdout
 *
 * @module
 */
import type { Os } from "./os.ts";
import { linuxOs } from "./linux/mod.ts";
import { read, write } from "../../lib/linux/mod.ts";

const encoder = new TextEncoder();

/** Synchronous from end to end: calls may block, and some (setfsuid) are of one thread only. */
function serve(): void {
  const os = linuxOs() as unknown as Record<string, (...values: unknown[]) => unknown>;
  for (const line of lines()) {
    const [call, ...values] = JSON.parse(line) as [keyof Os, ...unknown[]];
    const answer = encoder.encode(`${JSON.stringify(os[call](...values))}\n`);
    for (let done = 0; done < answer.length;) {
      const written = write(1, answer.subarray(done));
      if (written < 0) return;
      done += written;
    }
  }
}

function* lines(): Iterable<string> {
  const room = new Uint8Array(1 << 16);
  const decoder = new TextDecoder();
  let text = "";
  for (let length; (length = read(0, room)) > 0;) {
    text += decoder.decode(room.subarray(0, length), { stream: true });
    const complete = text.split("\n");
    text = complete.pop()!;
    yield* complete;
  }
}

/** One process of the hub. */
class Member {
  readonly #name: number;
  #child: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array>;

  constructor(name: number) {
    this.#name = name;
    [this.#child, this.#input] = this.#start();
  }

  async send(line: string): Promise<void> {
    if (line === "!") return await this.#restart();
    await this.#input.write(encoder.encode(`${line}\n`));
  }

  async end(): Promise<void> {
    await this.#input.close().catch(() => {});
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  #start(): [Deno.ChildProcess, WritableStreamDefaultWriter<Uint8Array>] {
    const child = new Deno.Command(Deno.execPath(), { stdin: "piped", stdout: "piped" }).spawn();
    this.#forward(child.stdout);
    return [child, child.stdin.getWriter()];
  }

  async #restart(): Promise<void> {
    await this.end();
    [this.#child, this.#input] = this.#start();
    say(`${this.#name} !\n`);
  }

  async #forward(output: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of linesOf(output)) say(`${this.#name} ${line}\n`);
  }
}

let said: Promise<unknown> = Promise.resolve();

/** One line after the other. */
function say(text: string): void {
  said = said.then(async () => {
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
  });
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const complete = text.split("\n");
    text = complete.pop()!;
    yield* complete;
  }
}

async function hub(count: number): Promise<void> {
  const members = Array.from({ length: count }, (_, name) => new Member(name));
  say("ready\n");
  for await (const line of linesOf(Deno.stdin.readable)) {
    const blank = line.indexOf(" ");
    await members[Number(line.slice(0, blank))].send(line.slice(blank + 1));
  }
  await Promise.all(members.map((member) => member.end()));
}

const [role, count] = Deno.args;
if (role === "hub") await hub(Number(count));
else serve();
