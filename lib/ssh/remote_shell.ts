import { log } from "../log/mod.ts";
import { Answers, within } from "./answers.ts";
import type { Carrier } from "./argv.ts";
import { DialError, SSH_FAILED } from "./dial_error.ts";
import { inPath } from "./in_path.ts";
import type { Transport } from "./transport.ts";

/** Nothing moves for so long: the link is dead. Slow links and slow disks are given time. */
const STALL_MS = 120_000;
const encoder = new TextEncoder();

export interface RemoteShellOptions {
  readonly carrier: Carrier;
  readonly nonce: string;
  /** Limit for an answer, in ms; 0 = none. */
  readonly timeoutMs: number;
}

/** The bootstrap script's end of the conversation: lines out, lines in, and a clear error where it breaks off. */
export class RemoteShell {
  readonly #transport: Transport;
  readonly #answers: Answers;
  readonly #carrier: Carrier;
  readonly #timeoutMs: number;
  /** The first word of the last answer. */
  #heard: string | undefined;

  constructor(transport: Transport, options: RemoteShellOptions) {
    this.#transport = transport;
    this.#answers = new Answers(transport, options.nonce);
    this.#carrier = options.carrier;
    this.#timeoutMs = options.timeoutMs;
  }

  get target(): string {
    return this.#carrier.target;
  }

  /** Bytes that came behind the last answer. */
  rest(): Uint8Array {
    return this.#answers.rest();
  }

  /** Sends text. A failure is not told here: the next {@link answer} explains it. */
  async send(text: string): Promise<void> {
    await this.sendBytes(encoder.encode(text));
  }

  /** Sends bytes; false when nobody takes them any more: {@link answer} then tells why. */
  async sendBytes(bytes: Uint8Array): Promise<boolean> {
    const taken = this.#transport.write(bytes).then(() => true, () => false);
    return await within(taken, this.#limit(STALL_MS), `Lost "${this.target}": it takes no more data; try again`);
  }

  /** The next answer, which must begin with one of `words`. `slow` gives the other side time to work on a file. */
  async answer(words: readonly string[], options: { slow?: boolean } = {}): Promise<string[]> {
    const limit = this.#limit(options.slow ? STALL_MS : 0);
    const silence = `Cannot use "${this.target}": it has said nothing for ${limit / 1000} s (--timeout sets the limit)`;
    const answer = await within(this.#answers.next(), limit, silence);
    if (answer === undefined) throw await this.#ended();
    log.debug(`${this.target} says ${answer.join(" ")}`);
    this.#heard = answer[0];
    if (answer[0] === "err") throw new DialError(`Cannot install on "${this.target}": ${answer.slice(1).join(" ")}`);
    if (words.includes(answer[0])) return answer;
    throw new DialError(`Cannot use "${this.target}": it said "${answer.join(" ")}", which makes no sense here`);
  }

  /** At least `least` ms; 0 (no limit) where the user wants none, or may still be answering ssh's questions. */
  #limit(least: number): number {
    const asking = this.#heard === undefined && this.#carrier.asksUser;
    return this.#timeoutMs === 0 || asking ? 0 : Math.max(least, this.#timeoutMs);
  }

  async #ended(): Promise<DialError> {
    const { code } = await this.#transport.status;
    const [program] = this.#carrier.argv;
    const where = `"${this.target}"`;
    const last = this.#answers.noise.at(-1);
    const said = last === undefined ? "" : `; it said: ${last}`;
    if (this.#heard === "exec") {
      return new DialError(`Cannot start the agent on ${where}: it ended with status ${code}${said}`);
    }
    if (code === SSH_FAILED) {
      const what = this.#heard === undefined ? "Cannot reach" : "Lost the link to";
      return new DialError(`${what} ${where}: ${program} exited with status ${code}`, { exitStatus: SSH_FAILED });
    }
    if (this.#heard === undefined && code === 127 && !await inPath(program)) {
      return new DialError(
        `Cannot reach ${where}: there is no ${program}${program.includes("/") ? "" : " in PATH"}; install it`,
      );
    }
    if (this.#heard === undefined && this.#carrier.isDetached) {
      // It may have failed, or what it started.
      const state = `${program} exited with status ${code}${said}`;
      const cause = said === "" ? `; does "${this.#carrier.argv.join(" ")}" run a shell there?` : "";
      return new DialError(`Cannot reach ${where}: ${state}${cause}`, { exitStatus: SSH_FAILED });
    }
    return new DialError(`Cannot use the shell on ${where}: ${program} exited with status ${code}${said}`);
  }
}
