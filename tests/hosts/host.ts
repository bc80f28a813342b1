import { type FuseMount, inspectMounts, inspectProcesses } from "./inspect.ts";
import { Link, type LinkOptions } from "./link.ts";
import { type SshTarget, writeSshConfig } from "./ssh_config.ts";
import { exists, waitFor, waitUntil } from "./wait.ts";

/** How a command on a host ended, and what it said. */
export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What host.sh says of the host it made. */
export interface HostFacts {
  readonly address: string;
  /** The outer end of the veth pair. */
  readonly veth: string;
  /** The host's init, as numbered here: what `nsenter --target` takes. */
  readonly initPid: number;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const decoder = new TextDecoder();

/** A running second host. Ends with stop(), with `await using`, or with this process, however that ends. */
export class Host {
  /** Its host name, and what to call it towards ssh. */
  readonly alias: string;
  readonly facts: HostFacts;
  readonly #dir: string;
  readonly #supervisor: Deno.ChildProcess;
  readonly #targets: SshTarget[];
  readonly #links: Link[] = [];
  #linkCount = 0;

  constructor(alias: string, { dir, supervisor, facts, target }: {
    dir: string;
    supervisor: Deno.ChildProcess;
    facts: HostFacts;
    target: SshTarget;
  }) {
    this.alias = alias;
    this.facts = facts;
    this.#dir = dir;
    this.#supervisor = supervisor;
    this.#targets = [target];
  }

  /** The file for `ssh -F`. */
  get sshConfig(): string {
    return `${this.#dir}/ssh_config`;
  }

  /** Another way to the same sshd, through a delay relay; give `link.alias` to ssh, with the same `sshConfig`. */
  async link(options: LinkOptions): Promise<Link> {
    const [direct] = this.#targets;
    const alias = `${this.alias}-link${++this.#linkCount}`;
    const link = await Link.open(direct, { ...options, alias });
    this.#links.push(link);
    this.#targets.push({ alias, address: "127.0.0.1", port: link.port });
    writeSshConfig(this.#dir, this.alias, this.#targets);
    return link;
  }

  /** Runs a shell command there as root, without ssh; returns when its output is closed, by what it started too. */
  async exec(command: string): Promise<ExecResult> {
    const target = ["--target", `${this.facts.initPid}`, "--mount", "--uts", "--ipc", "--net", "--pid"];
    const output = await new Deno.Command("nsenter", {
      args: [...target, "--", "/bin/sh", "-c", command],
      clearEnv: true,
      env: { PATH, HOME: "/root" },
      stdin: "null",
    }).output();
    return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
  }

  /** Its processes, those of nested pid namespaces too: number there → command line, `[name]` for a zombie. */
  pids(): Promise<Map<number, string>> {
    return inspectProcesses(this.facts.initPid);
  }

  /** The FUSE mounts in all mount namespaces of its processes. */
  mounts(): Promise<FuseMount[]> {
    return inspectMounts(this.facts.initPid);
  }

  /** What its set-up and its sshd said. */
  log(): Promise<string> {
    return Deno.readTextFile(`${this.#dir}/log`);
  }

  /** Takes it and its links down; returns when no process, network interface or file is left. May be called twice. */
  async stop(): Promise<void> {
    const cannot = `Cannot stop host "${this.alias}"`;
    await Promise.all(this.#links.map((link) => link.close()));
    await this.#supervisor.stdin.close().catch(() => {});
    await waitFor(this.#supervisor.status, { failure: `${cannot}: it is still running` });
    await waitUntil(async () => !await exists(`/sys/class/net/${this.facts.veth}`), {
      failure: `${cannot}: ${this.facts.veth} is still there`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
