import { type Host, startHost } from "../hosts/mod.ts";
import { WorkFolder } from "./work_folder.ts";

const top = new URL("../../", import.meta.url).pathname;
const cache = `${top}.cache/bench`;

/** The other machine, as something that commands are sent to. */
export interface Target {
  readonly rttMs: number;
  /** Mbit/s each way; 0: as much as goes. */
  readonly mbit: number;
  /** `ssh … host`: words of a shell command over there are to follow. */
  readonly ssh: readonly string[];
  /** `outrun … host`: a command is to follow. */
  readonly outrun: readonly string[];
}

/** What all measurements share: a fresh host, a folder for files, and an outrun cache that is not the user's. */
export class Rig implements AsyncDisposable {
  /** The executable to be measured. */
  static readonly executable = `${top}dist/outrun`;
  readonly host: Host;
  readonly #folder: WorkFolder;

  private constructor(host: Host, folder: WorkFolder) {
    this.host = host;
    this.#folder = folder;
  }

  static async start(): Promise<Rig> {
    const folder = await WorkFolder.make(cache);
    try {
      // With OpenSSH's own choice, as people have it.
      return new Rig(await startHost({ sshdConfig: ["KexAlgorithms +curve25519-sha256"] }), folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A folder for what is fetched, which stays. */
  get kept(): string {
    return cache;
  }

  /** For options of programs: where they run, and their environment. */
  get context(): { cwd: string; env: Record<string, string> } {
    return { cwd: this.#folder.path, env: { XDG_CACHE_HOME: cache, XDG_STATE_HOME: `${this.#folder.path}/state` } };
  }

  /** The host at a distance, perhaps behind a narrow link. */
  async target(rttMs: number, mbit = 0): Promise<Target> {
    const { alias } = rttMs > 0 || mbit > 0 ? await this.host.link({ rttMs, mbit }) : this.host;
    return {
      rttMs,
      mbit,
      ssh: ["ssh", "-F", this.host.sshConfig, alias],
      outrun: [Rig.executable, "--ssh", `-F ${this.host.sshConfig}`, alias],
    };
  }

  /** Makes the next session one that has to install the agent. */
  async removeAgent(): Promise<void> {
    await this.host.exec("rm -rf /root/.cache/outrun");
  }

  /** Makes the next session one that finds no contents over there, or here no trace of what the command touched. */
  async forget({ contents, traces }: { contents: boolean; traces: boolean }): Promise<void> {
    if (contents) await this.host.exec("rm -rf /root/.cache/outrun/cache-0");
    if (traces) await Deno.remove(this.context.env.XDG_STATE_HOME, { recursive: true }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}
