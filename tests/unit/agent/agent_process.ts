import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import type { RunOut } from "../../../lib/protocol/mod.ts";
import type { Order, Report, Spec } from "./orders.ts";

const here = new URL(".", import.meta.url);
const scripts = new URL("../../../scripts/", import.meta.url).pathname;
/** Bounds a hang. */
const WAIT_MS = 60_000;

/** A report, with the time it was made at, in ms since the fixture's start. */
export type TimedReport = Report & { at: number };
type Event = Report["event"];
type Reported<E extends Event> = Extract<Report, { event: E }> & { at: number };

/** What runs unless a test says otherwise. */
export const usualSpec: Omit<Spec, "path" | "argv"> = {
  env: [fromText("PATH=/usr/bin:/bin")],
  cwd: fromText("/"),
  uid: 1000,
  gid: 1001,
  groups: [1001, 27],
  umask: 0o022,
  nofile: { soft: 1024, hard: 4096 },
};

/** A terminal as `stty sane` leaves it: iflag, oflag, cflag, lflag, line discipline, control characters. */
export const usualTerminal: Spec["terminal"] = {
  window: { rows: 33, columns: 77, xPixels: 0, yPixels: 0 },
  termios: [
    ...[0x00, 0x45, 0, 0, 0x05, 0, 0, 0, 0xbf, 0, 0, 0, 0x3b, 0x8a, 0, 0, 0],
    ...[3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0x0f, 0x17, 0x16, 0, 0, 0],
  ],
};

/** A spec for `sh -c script`. */
export function shell(script: string, changes: Partial<Spec> = {}): Spec {
  return { ...usualSpec, path: fromText("/bin/sh"), argv: ["sh", "-c", script].map(fromText), ...changes };
}

async function succeed(command: string, args: string[], env?: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Compiles the fixture to a file that is gone when the returned object is disposed of. */
export async function compileFixture(): Promise<{ path: string } & Disposable> {
  const folder = await Deno.makeTempDir();
  // Some tests run it as somebody else.
  await Deno.chmod(folder, 0o755);
  const path = `${folder}/fixture`;
  const denort = await succeed(`${scripts}denort`, []);
  const flags = ["--quiet", "--no-check", "--no-lock", "--cached-only", "--no-code-cache", "-A"];
  const source = new URL("fixture_main.ts", here).pathname;
  await succeed(
    `${scripts}deno`,
    ["compile", ...flags, "--output", path, source],
    denort ? { DENORT_BIN: denort } : {},
  );
  return { path, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** Pids on this machine of processes whose command line holds `text`. */
export function processesWith(text: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => pid > 0);
  return pids.filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").includes(text);
    } catch {
      return false;
    }
  });
}

/** The pids of a process's children. */
export function childrenOf(pid: number): number[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

/** The fixture in mount and pid namespaces of its own, which end with it whatever happens. */
export class AgentProcess implements AsyncDisposable {
  readonly reports: TimedReport[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #wake: () => void = () => {};
  #ended = false;

  /** `kinds`: "ppp", "ttt" and the like; `ids`: as launch() takes them; `wrapper`: a command that runs the fixture. */
  constructor(
    fixture: string,
    kinds: string,
    { ids = [1000], wrapper = [] }: { ids?: readonly number[]; wrapper?: readonly string[] } = {},
  ) {
    const unshare = ["-m", "-p", "-f", "--kill-child", "--mount-proc", "--propagation", "private"];
    // The fixture is not process 1, or its end would end the command whether the agent sees to that or not. The shell
    // stays to collect orphans, and does not say that the fixture was killed.
    const shell = ["sh", "-c", 'exec 3<&0 4>&2 2>/dev/null; "$@" <&3 2>&4 3<&- 4>&- & wait; sleep 60; exit', "sh"];
    this.#process = new Deno.Command("unshare", {
      args: [...unshare, ...shell, ...wrapper, fixture, kinds, ids.join(",")],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** The agent's pid, as this process sees it. */
  get pid(): number {
    const [shell] = childrenOf(this.#process.pid);
    return childrenOf(shell)[0];
  }

  async order(order: Order): Promise<void> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
  }

  async input(data: string): Promise<void> {
    await this.order({ order: "input", data: data as ByteString });
  }

  /** The first report of that kind (and for which `test` holds), now or to come. */
  async wait<E extends Event>(event: E, test: (report: Reported<E>) => boolean = () => true): Promise<Reported<E>> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const found = this.reports.find((report) => report.event === event && test(report as Reported<E>));
      if (found !== undefined) return found as Reported<E>;
      const left = deadline - Date.now();
      assert.ok(left > 0 && !this.#ended, `no ${event} came: ${JSON.stringify(this.reports, null, 1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Everything that came on a stream so far. */
  output(stream: "stdout" | "stderr" | "screen"): string {
    return this.reports.map((report) => report.event === "output" && report.stream === stream ? report.data : "").join(
      "",
    );
  }

  /** Waits until the stream's output holds `text`. */
  async waitFor(stream: "stdout" | "stderr" | "screen", text: string | RegExp): Promise<void> {
    const holds = () => typeof text === "string" ? this.output(stream).includes(text) : text.test(this.output(stream));
    await this.wait("output", holds);
  }

  /** Says what to run, and returns how that ended; all output has come by then. */
  async run(spec: Spec): Promise<RunOut> {
    await this.order({ order: "go", spec });
    return await this.finish();
  }

  async finish(): Promise<RunOut> {
    const { result } = await this.wait("ended");
    await this.order({ order: "end" });
    await this.wait("unmounted");
    const streams = new Set(this.reports.map((report) => report.event === "output" ? report.stream : ""));
    for (const stream of streams) if (stream) await this.wait("closed", (report) => report.stream === stream);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      this.reports.push(...lines.map((line) => JSON.parse(line) as TimedReport));
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }
}
