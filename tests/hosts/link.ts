import { fileURLToPath } from "node:url";
import type { SshTarget } from "./ssh_config.ts";
import { waitFor } from "./wait.ts";

/** What lies between this machine and the host. */
export interface LinkOptions {
  /** Round-trip time to add, in ms. */
  readonly rttMs?: number;
  /** Rate each way in Mbit/s; unlimited if not given. */
  readonly mbit?: number;
}

const permissions = ["--no-prompt", "--allow-net", "--allow-ffi"];

/** A relay process on loopback that leads to a host; it dies with this process. */
export class Link {
  /** What to call the host towards ssh to go this way. */
  readonly alias: string;
  /** The port on 127.0.0.1. */
  readonly port: number;
  readonly #relay: Deno.ChildProcess;
  readonly #answers: ReadableStreamDefaultReader<string>;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(alias: string, { port, relay, answers }: {
    port: number;
    relay: Deno.ChildProcess;
    answers: ReadableStreamDefaultReader<string>;
  }) {
    this.alias = alias;
    this.port = port;
    this.#relay = relay;
    this.#answers = answers;
    this.#commands = relay.stdin.getWriter();
  }

  /** Starts the relay; returns when it listens. */
  static async open(target: SshTarget, options: LinkOptions & { alias: string }): Promise<Link> {
    const script = fileURLToPath(new URL("relay.ts", import.meta.url));
    const args = [target.address, target.port, options.rttMs ?? 0, options.mbit ?? 0].map(String);
    const relay = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, script, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const answers = relay.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await nextAnswer(answers)).match(/^port (\d+)$/)?.[1]);
    return new Link(options.alias, { port, relay, answers });
  }

  /** Closes all connections at once; new ones are carried. */
  cut(): Promise<void> {
    return this.#command("cut");
  }

  /** Stops all traffic and keeps the connections, as a pulled cable does. */
  stall(): Promise<void> {
    return this.#command("stall");
  }

  /** Ends a stall; nothing was lost. */
  resume(): Promise<void> {
    return this.#command("resume");
  }

  /** Returns when the relay process has ended. May be called twice. */
  async close(): Promise<void> {
    await this.#commands.close().catch(() => {});
    await this.#answers.cancel();
    await this.#relay.status;
  }

  async #command(word: string): Promise<void> {
    await this.#commands.write(new TextEncoder().encode(`${word}\n`));
    await nextAnswer(this.#answers);
  }
}

/** A line: the relay says one at a time, when asked. */
async function nextAnswer(answers: ReadableStreamDefaultReader<string>): Promise<string> {
  const failure = "Cannot use the delay relay: it does not answer";
  const { value } = await waitFor(answers.read(), { failure });
  if (value === undefined) throw new Error("Cannot use the delay relay: it ended");
  return value.trim();
}
