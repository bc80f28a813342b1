/** The sides that cases are played on, beside this machine itself. */
import { fileURLToPath } from "node:url";
import { type HostUser, startHost } from "../hosts/mod.ts";
import { waitFor } from "../hosts/wait.ts";
import { installAgent, inventUser, startUsedHost, type UserIds } from "../e2e/support/mod.ts";
import { Hub } from "./hub.ts";
import { mirrorCalls } from "./mirror/mod.ts";
import { Machine } from "./mirror/machine.ts";
import { NeedsKernel } from "./mirror/walk.ts";
import type { Calls, Ended } from "./os.ts";

const COMMAND_TIMEOUT_MS = 120_000;
const decoder = new TextDecoder();
const top = fileURLToPath(new URL("../../", import.meta.url));
const program = Deno.env.get("OUTRUN_TEST_PROGRAM") ?? `${top}dist/outrun`;

/** A command and what it needs. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Two processes on some side, and a way to start commands there. */
export interface Side extends AsyncDisposable {
  readonly os: Calls;
  readonly other: Calls;
  killOther(): Promise<void>;
  /** A command of its own. */
  commandLine(script: string): CommandLine;
  /** `prefix`: words before it, on this machine and for root. */
  command(folder: string, script: string, prefix?: readonly string[]): Promise<Ended>;
}

/** How a side is made. */
export interface SideOptions {
  /** The folder of all cases. */
  readonly base: string;
  /** The compiled hands_main.ts. */
  readonly hands: string;
}

/** A side that processes are started on by putting words before a command. */
export async function startSide(line: CommandLine, { base, hands }: SideOptions): Promise<Side> {
  const hub = await Hub.start({ prefix: line.argv, hands, env: line.env, cwd: base, count: 2 });
  const commandLine = (script: string) => ({ argv: [...line.argv, "sh", "-c", script], env: line.env });
  return {
    os: hub.hands[0],
    other: hub.hands[1],
    killOther: () => hub.replace(1),
    commandLine,
    command(cwd, script, prefix = []) {
      const { argv, env } = commandLine(script);
      return runCommand({ argv: [...prefix, ...argv], env }, cwd);
    },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

async function runCommand({ argv: [command, ...args], env }: CommandLine, cwd: string): Promise<Ended> {
  const child = new Deno.Command(command, {
    args,
    env: { ...env },
    clearEnv: true,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const failure = `Cannot run "${args.at(-1)}": it does not end`;
  try {
    const { code, stdout, stderr } = await waitFor(child.output(), { timeoutMs: COMMAND_TIMEOUT_MS, failure });
    return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Where a person works: who they are on this machine, and how they get to the other one. */
export interface Place extends AsyncDisposable {
  /** Before a command that is to run on this machine. */
  readonly here: CommandLine;
  /** Before a command that is to run on the other one; absent: the mirror alone. */
  readonly there?: CommandLine;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A file server in this process, and a mirror that asks it. */
export function inProcess(): Promise<Place> {
  return Promise.resolve({ here: { argv: [], env: { PATH } }, async [Symbol.asyncDispose]() {} });
}

/** The mirror as a side. */
export function mirrorSide({ base }: SideOptions): Promise<Side> {
  const machine = new Machine(base);
  const unable = () => Promise.reject(new NeedsKernel("a process"));
  return Promise.resolve({
    os: mirrorCalls(machine),
    other: mirrorCalls(machine),
    killOther: unable,
    command: unable,
    commandLine: () => ({ argv: [], env: {} }),
    [Symbol.asyncDispose]() {
      machine[Symbol.dispose]();
      return Promise.resolve();
    },
  });
}

/** An agent on this machine, at the end of a pipe: `sh` in the place of ssh. */
export async function pipe(): Promise<Place> {
  const folder = await Deno.makeTempDir({ prefix: "outrun-conformance-" });
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/bin/ssh`, '#!/bin/sh\nexec env HOME="$FAR_HOME" XDG_CACHE_HOME= sh\n', {
    mode: 0o755,
  });
  const env = {
    PATH: `${folder}/bin:${PATH}`,
    HOME: `${folder}`,
    FAR_HOME: `${folder}/far`,
    XDG_CACHE_HOME: `${top}.cache/e2e`,
  };
  await Deno.mkdir(env.FAR_HOME);
  return {
    here: { argv: [], env },
    there: { argv: [program, "here"], env },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** A second host, by real ssh. */
export async function ssh(): Promise<Place> {
  const host = await startUsedHost();
  const home = await Deno.makeTempDir({ prefix: "outrun-conformance-" });
  const env = { PATH, HOME: home, XDG_CACHE_HOME: `${top}.cache/e2e` };
  return {
    here: { argv: [], env },
    there: { argv: [program, "--ssh", `-F "${host.sshConfig}"`, host.alias], env },
    async [Symbol.asyncDispose]() {
      await host.stop();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** The same for an ordinary user of this machine, and perhaps (`login`) by one of the other who cannot become root. */
export async function sshAsUser(ids: UserIds, login?: HostUser): Promise<Place> {
  const host = await startHost({ users: login && [login] });
  // A user who logs in as themselves packs and sends what there is to send: once is enough.
  if (login === undefined) await installAgent(host, "root");
  const destination = login === undefined ? host.alias : `${login.name}@${host.alias}`;
  const user = await inventUser(host, ids);
  const env = { PATH, ...user.env };
  return {
    here: { argv: user.prefix, env },
    there: { argv: [...user.prefix, program, "--ssh", `-F "${user.sshConfig}"`, destination], env },
    async [Symbol.asyncDispose]() {
      await host.stop();
      await user[Symbol.asyncDispose]();
    },
  };
}
