/** Permissions as in scripts/build, as far as they matter here. */
const permissions = ["--no-prompt", "--allow-read", "--allow-write", "--allow-ffi"];

/** A program of this folder in a process of its own. It is killed, if need be, when the test is over. */
export class ProgramSession {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;

  constructor(name: string, args: string[]) {
    const program = new URL(name, import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", ...permissions, program, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#output = this.#child.stdout.getReader();
  }

  /** Waits until it has printed so many more lines; fails if it ends before. */
  async lines(count: number): Promise<void> {
    while (count > 0) {
      const { done, value } = await this.#output.read();
      if (done) throw new Error("Cannot read more lines: the program has ended");
      count -= value.filter((byte) => byte === 0x0a).length;
    }
  }

  /** Waits for its end: its exit status. */
  async end(): Promise<number> {
    while (!(await this.#output.read()).done);
    return (await this.#child.status).code;
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
