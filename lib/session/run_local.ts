import { toText } from "../bytes/mod.ts";
import { CANNOT_EXECUTE, NOT_FOUND, OWN_FAILURE, type RunArguments, signalStatus, SSH_FAILURE } from "../cli/mod.ts";
import type { Config } from "../config/mod.ts";
import { Errno, errnoName, isTerminal } from "../linux/mod.ts";
import { log, printable, timeline } from "../log/mod.ts";
import type { RunOut } from "../protocol/mod.ts";
import { carrierFor, dial, DialError, type DialOptions, type Link, shareConnection } from "../ssh/mod.ts";
import { askPassword } from "./ask_password.ts";
import { cacheArgument } from "./cache_argument.ts";
import { CommandError, findCommand } from "./command.ts";
import { readArguments, readEnvironment, variable } from "./environment.ts";
import type { Described } from "./run_session.ts";
import { onInterrupt } from "./signals.ts";
import { LocalTerminal } from "./terminal.ts";

/** How long ssh may take to end after the command has: it ends right behind it, or the other machine hangs. */
const SSH_END_MS = 2000;

/** Runs the command on the other machine. Returns the exit status of this process; what went wrong has been said. */
export async function runLocal(options: RunArguments, config: Config): Promise<number> {
  try {
    return await runCommand(options, config);
  } catch (error) {
    if (error instanceof CommandError) return told(error.message, error.status);
    if (error instanceof Interrupted) return signalStatus(error.signal);
    if (error instanceof DialError) return told(error.message, error.exitStatus);
    return told(error instanceof Error ? error.message : String(error), OWN_FAILURE);
  }
}

/** The user gave up before the command ran. */
export class Interrupted extends Error {
  readonly signal: number;

  constructor(signal: number) {
    super(`signal ${signal}`);
    this.signal = signal;
  }
}

async function runCommand(options: RunArguments, config: Config): Promise<number> {
  timeline.mark("arguments read");
  const terminal = LocalTerminal.open();
  const command = describe(options, terminal);
  const carrier = await shareConnection(carrierFor({ ...options, timeoutMs: options.timeout * 1000 }));
  const stderrIsTerminal = isTerminal(2);
  // The rest of this program is loaded while ssh connects, and what the command is going to need is looked up.
  const waiting = Promise.withResolvers<void>();
  const onWaiting = waiting.resolve;
  const connecting = connect(options, { carrier, config, command, terminal, stderrIsTerminal, onWaiting });
  const preparing = Promise.race([waiting.promise, connecting]).then(async () => {
    const { prepareSession, LinkLostError } = await import("./run_session.ts");
    const { prefetch, cache } = options;
    const run = prepareSession({ link: connecting, command, terminal, stderrIsTerminal, prefetch, cache });
    return { run, LinkLostError };
  });
  const [link, { run, LinkLostError }] = await Promise.all([connecting, preparing]);
  let result: RunOut;
  try {
    result = await run();
  } catch (error) {
    if (!(error instanceof LinkLostError)) link.kill();
    const { code } = await link.status;
    if (!(error instanceof LinkLostError)) throw error;
    const ended = `${carrier.argv[0]} exited with status ${code}`;
    return told(`${error.message} (${ended})`, code === SSH_FAILURE ? SSH_FAILURE : OWN_FAILURE);
  }
  // What the agent still does is for later sessions, and for nobody to wait for. A carrier other than ssh may take that
  // amiss (srun), and the user's other sessions may go by a connection that is not ours alone.
  if (carrier.socket !== undefined && !log.debugging) link.kill();
  await ended(link);
  timeline.mark("ssh ended");
  timeline.tell();
  return status(result, command);
}

/** What the command is to find as it would here. */
function describe(options: RunArguments, terminal: LocalTerminal | undefined): Described {
  const environment = readEnvironment();
  const argv = readArguments().slice(options.commandIndex);
  const path = findCommand(argv[0], variable(environment.env, "PATH"));
  return { ...environment, path, argv, terminal: terminal?.describe() };
}

/** What connect() goes by, besides the user's options. */
export interface ConnectOptions extends Pick<DialOptions, "carrier" | "onWaiting" | "onProbe"> {
  readonly config: Config;
  readonly command: Described;
  readonly terminal?: LocalTerminal;
  readonly stderrIsTerminal: boolean;
}

/** The link to an agent that is going to run the command. Rejects with DialError or {@link Interrupted}. */
export async function connect(options: RunArguments, what: ConnectOptions): Promise<Link> {
  const timeoutMs = options.timeout * 1000;
  const giveUp = new AbortController();
  const stopWaiting = onInterrupt((signal) => giveUp.abort(new Interrupted(signal)));
  try {
    return await dial({
      carrier: what.carrier,
      agentArgs: agentArguments(options, what),
      timeoutMs,
      askPassword,
      onWaiting: what.onWaiting,
      onProbe: what.onProbe,
      signal: giveUp.signal,
    });
  } catch (error) {
    if (giveUp.signal.aborted) throw giveUp.signal.reason;
    throw error;
  } finally {
    stopWaiting();
  }
}

/** What the agent must know before the first message. */
function agentArguments(
  options: RunArguments,
  { config, command, terminal, stderrIsTerminal }: ConnectOptions,
): string[] {
  const kinds = terminal === undefined ? "ppp" : stderrIsTerminal ? "ttt" : "ttp";
  // The user and the group come first: the shell over there reads them.
  const ids = [command.uid, command.gid, ...new Set(command.groups)].join(",");
  const args = ["--stdio", kinds, "--ids", ids];
  if (options.syncWrites) args.push("--sync-writes");
  if (options.prefetch && options.cache) args.push("--cache", cacheArgument(config.cache));
  if (options.prefetch) args.push("--record");
  if (options.sudo) args.push("--sudo");
  if (options.debug) args.push("--debug");
  return args;
}

/** The other machine has cleaned up before it answered: ssh has nothing left to wait for. */
export async function ended(link: Link): Promise<void> {
  const timer = setTimeout(() => link.kill(), SSH_END_MS);
  await link.status;
  clearTimeout(timer);
}

function status(result: RunOut, command: Described): number {
  switch (result.kind) {
    case "exited":
      return result.status;
    case "signaled":
      return signalStatus(result.signal);
    case "failed":
      return told(printable(result.message), OWN_FAILURE);
    case "notExecuted": {
      const absent = result.errno === Errno.ENOENT || result.errno === Errno.ENOTDIR;
      const state = absent ? "no such file, or its interpreter is missing" : errnoName(result.errno);
      return told(`Cannot run "${toText(command.argv[0])}": ${state}`, absent ? NOT_FOUND : CANNOT_EXECUTE);
    }
  }
}

/** Says what went wrong, and passes the status through. */
function told(message: string, status: number): number {
  log.error(message);
  return status;
}
