const program = new URL("session_program.ts", import.meta.url).pathname;
/** Longer than any test needs one. */
const LIMIT_MS = 180_000;

/** A session of session_program.ts in a process of its own, which ends with the test in any case. */
export class SessionProcess {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #timer: number;
  #unread = "";

  /** `wrapper`: a command that becomes it, such as unshare(1). */
  constructor(args: string[], wrapper: string[] = []) {
    const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", program, ...args];
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", ...wrapper, ...deno],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#timer = setTimeout(() => this.#child.kill("SIGKILL"), LIMIT_MS);
  }

  /** Its next line; undefined when it has ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) return undefined;
      this.#unread += value;
    }
  }

  /** Its other lines, when it has ended by itself with status 0. */
  async end(): Promise<string[]> {
    await this.#child.stdin.close();
    const lines: string[] = [];
    for (let line; (line = await this.line()) !== undefined;) lines.push(line);
    const { code } = await this.#status();
    if (code !== 0) throw new Error(`Cannot go on: the session ended with status ${code}`);
    return lines;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    while (await this.line() !== undefined);
    await this.#status();
    await this.#child.stdin.abort();
  }

  async #status(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    clearTimeout(this.#timer);
    this.#hasEnded = true;
    return status;
  }

  #hasEnded = false;

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.kill();
  }
}
