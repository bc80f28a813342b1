/** How long the server may take to mount, and any client to end. */
const SECONDS = 20;

const decoder = new TextDecoder();

/** What a client said, and when it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** What the fixture's `state` says. */
export type State = Record<"letGo" | "questions" | "slowLookups" | "removedLookups" | "handles" | "pending", number>;

/**
 * fixture.ts, serving in a mount namespace of its own. Whatever happens to it or to the test, nothing stays mounted: the
 * mount goes with the namespace's last process, and the fixture goes with its stdin.
 */
export class Mounted {
  readonly #server: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #path: string;

  private constructor(server: Deno.ChildProcess, path: string) {
    this.#server = server;
    this.#stdin = server.stdin.getWriter();
    this.#path = path;
  }

  /** `settings`: of the file system in memory and of INIT. */
  static async start(settings: Record<string, unknown> = {}): Promise<Mounted> {
    const path = Deno.makeTempDirSync({ prefix: "outrun-fuse-" });
    const fixture = new URL("fixture.ts", import.meta.url).pathname;
    const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", fixture, path, JSON.stringify(settings)];
    const server = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", ...deno],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const mounted = new Mounted(server, path);
    const timer = setTimeout(() => server.kill("SIGKILL"), SECONDS * 1000);
    const reader = server.stdout.getReader();
    const { value } = await reader.read();
    clearTimeout(timer);
    await reader.cancel();
    if (value === undefined || decoder.decode(value) !== "ready\n") {
      await mounted[Symbol.asyncDispose]();
      throw new Error("Cannot mount the file system in memory");
    }
    return mounted;
  }

  /** Of the process that serves. */
  get pid(): number {
    return this.#server.pid;
  }

  /** Runs a shell script in the mounted directory, as any program of the namespace. */
  async run(script: string): Promise<Outcome> {
    const start = performance.now();
    const enter = ["nsenter", `--mount=/proc/${this.#server.pid}/ns/mnt`];
    const { code, stdout, stderr } = await new Deno.Command("timeout", {
      args: ["--kill-after=2", String(SECONDS), ...enter, "sh", "-c", `cd ${this.#path}; ${script}`],
      stdin: "null",
    }).output();
    const ms = performance.now() - start;
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), ms };
  }

  async state(): Promise<State> {
    const { stdout } = await this.run("cat state");
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.close().catch(() => {});
    const timer = setTimeout(() => this.#server.kill("SIGKILL"), 2000);
    await this.#server.status;
    clearTimeout(timer);
    Deno.removeSync(this.#path);
  }
}
