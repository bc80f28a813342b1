import { bindNow } from "../../../lib/linux/mod.ts";
import {
  type Carrier,
  dial,
  type DialOptions,
  type Executable,
  executableAt,
  type Link,
} from "../../../lib/ssh/mod.ts";

// Loaded here, not in a test, where it would count as a leak.
bindNow();

/** An agent that says where it is and what it was given, and then echoes. */
const agentText = `#!/bin/sh
echo "$3 agent"
echo "$0 $1 $4 $5 $(id -u)"
exec cat
`;

/** What the bootstrap script needs of a system, without the packers and sha256sum. */
const plainTools = "sh cat chmod cp find grep head id ln ls mkdir mv rm rmdir sed true uname".split(" ");

/** A folder that plays the other machine's home and this one's cache: `sh` in place of `ssh host sh`. */
export class FakeRemote implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "outrun-ssh-" });
  readonly home = `${this.folder}/home`;
  readonly cache = `${this.folder}/cache`;

  constructor() {
    Deno.mkdirSync(this.home);
    Deno.chmodSync(this.folder, 0o755);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  /**
   * The agent as an executable, padded with bytes that do not compress, to at least `size`, and with a payload behind it.
   */
  async agent(size = 0, text = agentText): Promise<Executable> {
    const path = `${this.folder}/agent`;
    const padding = new Uint8Array(size);
    for (let at = 0; at < size; at += 65536) crypto.getRandomValues(padding.subarray(at, at + 65536));
    // `exec` above, and `exit` here: the shell never reads on into the padding.
    const head = new TextEncoder().encode(`${text}exit\n`);
    const base = new Uint8Array([...head, ...padding]);
    await Deno.writeFile(path, new Uint8Array([...base, ...withTrailer("payload")]), { mode: 0o755 });
    return await executableAt(path, undefined);
  }

  /** The same executable with another payload, as an update is. */
  async updated({ path, base }: Executable, payload: string): Promise<Executable> {
    const next = `${path}-${payload}`;
    const bytes = (await Deno.readFile(path)).subarray(0, base.size);
    await Deno.writeFile(next, new Uint8Array([...bytes, ...withTrailer(payload)]), { mode: 0o755 });
    return await executableAt(next, undefined);
  }

  /** Changes bytes of an installed agent. */
  async harm({ sha256 }: Executable, change: (bytes: Uint8Array) => void): Promise<void> {
    const path = `${this.home}/.cache/outrun/agent-${sha256}`;
    const bytes = await Deno.readFile(path);
    change(bytes);
    await Deno.writeFile(path, bytes);
  }

  /** A carrier that runs `argv` with this home, and with nothing else in the environment but PATH. */
  carrier(argv: readonly string[] = ["sh"], environment: Record<string, string> = {}): Carrier {
    const variables = { PATH: Deno.env.get("PATH") ?? "", HOME: this.home, ...environment };
    const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return { argv: ["env", "-i", ...words, ...argv], target: "fake", asksUser: false };
  }

  /** A PATH with the plain tools and `more`. */
  path(more: readonly string[] = []): string {
    const folder = Deno.makeTempDirSync({ dir: this.folder });
    Deno.chmodSync(folder, 0o755);
    for (const tool of [...plainTools, ...more]) Deno.symlinkSync(which(tool)!, `${folder}/${tool}`);
    return folder;
  }

  dial(executable: Executable, options: Partial<DialOptions> = {}): Promise<Link> {
    const defaults = { carrier: this.carrier(), agentArgs: ["--stdio", "ppp"], timeoutMs: 120_000, cache: this.cache };
    return dial({ ...defaults, executable, ...options });
  }

  /** Dials, says `hello`, and hangs up. Returns the words of the agent's first line and how much was uploaded. */
  async talk(
    executable: Executable,
    options: Partial<DialOptions> = {},
  ): Promise<{ said: string[]; uploaded: number }> {
    const link = await this.dial(executable, options);
    await link.write(new TextEncoder().encode("hello\n"));
    link.closeWrite();
    const lines = (await readAll(link)).split("\n");
    const { code } = await link.status;
    if (lines[1] !== "hello" || code !== 0) throw new Error(`status ${code}, no echo in ${JSON.stringify(lines)}`);
    return { said: lines[0].split(" "), uploaded: link.uploaded };
  }

  /** Names in the folder of agents. */
  installed(): string[] {
    try {
      return [...Deno.readDirSync(`${this.home}/.cache/outrun`)].map((entry) => entry.name).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}

/** A payload as `deno compile` marks its end: see lib/ssh/self.ts. */
function withTrailer(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const all = new Uint8Array(payload.length + 16);
  all.set(payload);
  const trailer = new DataView(all.buffer, payload.length);
  trailer.setUint32(0, 0x501e, true);
  trailer.setBigUint64(8, BigInt(all.length), true);
  return all;
}

/** Everything until the end of the link, as text. */
export async function readAll(link: Link): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes; (bytes = await link.read());) text += decoder.decode(bytes, { stream: true });
  return text;
}

/** The path of a program; undefined when it is not installed. */
export function which(program: string): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      if (Deno.statSync(`${folder}/${program}`).isFile) return `${folder}/${program}`;
    } catch { /* not here */ }
  }
  return undefined;
}
