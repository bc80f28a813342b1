import { log, timeline } from "../log/mod.ts";
import type { Carrier } from "./argv.ts";
import { bootstrapText, startText } from "./bootstrap_script.ts";
import { cacheFolder } from "./cache_folder.ts";
import { type Channel, openChannel } from "./channel.ts";
import { DialError } from "./dial_error.ts";
import { install } from "./install.ts";
import { judgeProbe, type Obstacle, obstacles, parseProbe, type Probe } from "./probe.ts";
import { Readiness } from "./readiness.ts";
import { removeDamaged } from "./repair.ts";
import { RemoteShell } from "./remote_shell.ts";
import { type Executable, thisExecutable } from "./self.ts";
import { removeSocket } from "./share_connection.ts";
import { startTransport, type Transport } from "./transport.ts";
import { becomeRoot } from "./way.ts";

export interface DialOptions {
  /** How the other machine is reached: see sshCarrier(). */
  readonly carrier: Carrier;
  /** The agent's arguments behind `agent --nonce NONCE`; of letters, digits and `,._=:/@+-` only. */
  readonly agentArgs: readonly string[];
  /** Longest silence of the other machine before the link stands, in ms; 0 = no limit. */
  readonly timeoutMs: number;
  /** Gives up: what was started ends, and dial() rejects with the signal's reason. Of no effect once the link stands. */
  readonly signal?: AbortSignal;
  /** Called when everything has been sent that can be before the other machine answers: there is time now for other work. */
  readonly onWaiting?: () => void;
  /** Has the other machine tell its facts in any case, for one flight more, and is told them, and all that is in the way. */
  readonly onProbe?: (probe: Probe, obstacles: readonly Obstacle[]) => void;
  /** Asks the user for sudo's password, where the agent's arguments hold --sudo. */
  readonly askPassword?: (target: string, signal?: AbortSignal) => Promise<string>;
  /** The agent. Default: this program's own file. */
  readonly executable?: Executable;
  /** Where hashes and packed executables are kept. Default: cacheFolder(). */
  readonly cache?: string;
}

/**
 * The byte stream to the agent. It is the owner's to end: closeWrite(), or kill(). The first read rejects with a
 * DialError when the agent does not come up.
 */
export interface Link extends Transport {
  /** Bytes sent to install the agent; 0 when it was there. */
  readonly uploaded: number;
  /**
   * Opens a further channel of the same connection to a fifo over there; undefined where the connection is not shared.
   * Rejects with a DialError.
   */
  readonly openChannel?: (fifo: string) => Promise<Channel>;
}

/**
 * Starts the carrier, in this call, and has the agent started on the other machine (and installed before, where it is
 * missing). Resolves when the shell over there is about to become it: what is written from here on waits for the agent.
 * Whether it comes up is told by the link's first read. Rejects with a DialError whose message is one line for the user.
 */
export async function dial(options: DialOptions): Promise<Link> {
  const { carrier, signal } = options;
  signal?.throwIfAborted();
  const readiness = new Readiness();
  const transport = startTransport(carrier, { readiness });
  transport.status.then(() => removeSocket(carrier));
  timeline.mark("ssh started");
  const abort = () => transport.kill();
  signal?.addEventListener("abort", abort);
  try {
    const nonce = crypto.randomUUID().replaceAll("-", "");
    const shell = new RemoteShell(transport, { carrier, nonce, timeoutMs: options.timeoutMs });
    const { uploaded, sha256 } = await startAgent(shell, nonce, options);
    signal?.throwIfAborted();
    const explain = async (error: unknown) => await explainSilence(error, sha256, options);
    const channel = carrier.channel && ((fifo: string) => openChannel(carrier, { fifo, readiness }));
    return new AgentLink(transport, shell, { uploaded, explain, openChannel: channel });
  } catch (error) {
    transport.kill();
    await transport.status;
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The agent has not come up, for the reason `error`: is there a better one? */
async function explainSilence(error: unknown, sha256: string, options: DialOptions): Promise<unknown> {
  if (!await removeDamaged(sha256, options)) return error;
  return new DialError(
    `Cannot start the agent on "${options.carrier.target}": its file there was damaged and has been removed; ` +
      `run the command again`,
    { cause: error },
  );
}

/** Returns the number of bytes uploaded, and which agent it is that starts. */
async function startAgent(
  shell: RemoteShell,
  nonce: string,
  options: DialOptions,
): Promise<{ uploaded: number; sha256: string }> {
  const cache = options.cache ?? cacheFolder();
  const executable = options.executable ?? await thisExecutable(cache);
  const { arch } = Deno.build;
  const args = ["agent", "--nonce", nonce, ...options.agentArgs];
  const { sha256, size, base } = executable;
  const words = [nonce, sha256, String(size), String(base.size), arch, ...args];
  await shell.send(bootstrapText(words, { facts: options.onProbe !== undefined }));
  timeline.mark("script written");
  options.onWaiting?.();
  let uploaded = 0;
  let answer = await shell.answer(["exec", "password", "probe"]);
  if (answer[0] === "probe") {
    const [, ...facts] = answer;
    const probe = parseProbe(facts);
    const wanted = { target: shell.target, arch, size };
    options.onProbe?.(probe, [...obstacles(probe, wanted)]);
    judgeProbe(probe, wanted);
    if (probe.present) await shell.send(startText(args));
    else uploaded = await install(shell, { probe, executable, args, cache, signal: options.signal });
    answer = await shell.answer(["exec", "password"], { slow: true });
  }
  await becomeRoot(shell, answer, options);
  timeline.mark("agent about to start");
  return { uploaded, sha256 };
}

class AgentLink implements Link {
  readonly status: Promise<{ code: number }>;
  readonly uploaded: number;
  readonly openChannel: Link["openChannel"];
  readonly #transport: Transport;
  /** Until the agent has said its first line. */
  #shell: RemoteShell | undefined;
  readonly #explain: (error: unknown) => Promise<unknown>;
  #killed = false;

  constructor(
    transport: Transport,
    shell: RemoteShell,
    options: Pick<Link, "uploaded" | "openChannel"> & { explain: (error: unknown) => Promise<unknown> },
  ) {
    this.#transport = transport;
    this.#shell = shell;
    this.uploaded = options.uploaded;
    this.openChannel = options.openChannel;
    this.#explain = options.explain;
    this.status = transport.status;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#shell !== undefined) {
      await this.#hear(this.#shell);
      timeline.mark("agent heard");
      log.debug(`the agent on ${this.#shell.target} is up, ${this.uploaded} bytes uploaded`);
      const first = this.#shell.rest();
      this.#shell = undefined;
      if (first.length > 0) return first;
    }
    return await this.#transport.read();
  }

  /** An agent that was sent just now was checked then. */
  async #hear(shell: RemoteShell): Promise<void> {
    try {
      await shell.answer(["agent"]);
    } catch (error) {
      throw this.#killed || this.uploaded > 0 ? error : await this.#explain(error);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#transport.write(bytes);
  }

  closeWrite(): void {
    this.#transport.closeWrite();
  }

  kill(): void {
    this.#killed = true;
    this.#transport.kill();
  }
}
