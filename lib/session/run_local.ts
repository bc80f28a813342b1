import { fromText, toText } from "../bytes/mod.ts";
import { CANNOT_EXECUTE, NOT_FOUND, OWN_FAILURE, type RunArguments, signalStatus, SSH_FAILURE } from "../cli/mod.ts";
import { describePath, prepareProcess } from "../fileserver/mod.ts";
import { Errno, errnoName, isTerminal, openFilesLimit, setOpenFilesLimit } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { RunIn, RunOut } from "../protocol/mod.ts";
import { dial, DialError, type Link, sshCarrier } from "../ssh/mod.ts";
import { CommandError, findCommand } from "./command.ts";
import { readArguments, readEnvironment, variable } from "./environment.ts";
import { LinkLostError, Session } from "./session.ts";
import { onInterrupt } from "./signals.ts";
import { LocalTerminal } from "./terminal.ts";

/** How long ssh may take to end after the command has: it ends right behind it, or the other machine hangs. */
const SSH_END_MS = 2000;

/** Runs the command on the other machine. Returns the exit status of this process; what went wrong has been said. */
export async function runLocal(options: RunArguments): Promise<number> {
  try {
    return await run(options);
  } catch (error) {
    if (error instanceof CommandError) return told(error.message, error.status);
    if (error instanceof Interrupted) return signalStatus(error.signal);
    if (error instanceof DialError) return told(error.message, error.exitStatus);
    return told(error instanceof Error ? error.message : String(error), OWN_FAILURE);
  }
}

/** The user gave up before the command ran. */
class Interrupted extends Error {
  readonly signal: number;

  constructor(signal: number) {
    super(`signal ${signal}`);
    this.signal = signal;
  }
}

async function run(options: RunArguments): Promise<number> {
  const terminal = LocalTerminal.open();
  const command = describe(options, terminal);
  const stderrIsTerminal = isTerminal(2);
  const link = await connect(options, command, { terminal, stderrIsTerminal });
  prepareProcess();
  raiseDescriptorLimit();
  let result: RunOut;
  try {
    const session = new Session({ link, command, terminal, stderrIsTerminal, start });
    result = await session.run();
    start?.remember(session.touched);
  } catch (error) {
    if (!(error instanceof LinkLostError)) throw error;
    const { code } = await link.status;
    return told(`${error.message} (ssh exited with status ${code})`, code === SSH_FAILURE ? SSH_FAILURE : OWN_FAILURE);
  }
  await ended(link);
  return status(result, command);
}

/** Everything the command is to find as it would here. */
function describe(options: RunArguments, terminal: LocalTerminal | undefined): RunIn {
  const environment = readEnvironment();
  const argv = readArguments().slice(options.commandIndex);
  const path = findCommand(argv[0], variable(environment.env, "PATH"));
  const root = describePath(fromText("/"));
  if (typeof root === "number") throw new Error(`Cannot look at "/": ${errnoName(-root)}`);
  return { ...environment, path, argv, root, terminal: terminal?.describe() };
}

async function connect(
  options: RunArguments,
  command: RunIn,
  streams: { terminal?: LocalTerminal; stderrIsTerminal: boolean },
): Promise<Link> {
  const timeoutMs = options.timeout * 1000;
  const giveUp = new AbortController();
  const stopWaiting = onInterrupt((signal) => giveUp.abort(new Interrupted(signal)));
  try {
    return await dial({
      carrier: sshCarrier(options.destination, { args: options.ssh, timeoutMs }),
      agentArgs: agentArguments(options, command, streams),
      timeoutMs,
      signal: giveUp.signal,
    });
  } catch (error) {
    if (giveUp.signal.aborted) throw giveUp.signal.reason;
    throw error;
  } finally {
    stopWaiting();
  }
}

/** One descriptor each for open files and for directories in use: as many as the system allows. */
function raiseDescriptorLimit(): void {
  const limit = openFilesLimit();
  if (typeof limit !== "number") setOpenFilesLimit({ soft: limit.hard, hard: limit.hard });
}

/** What the agent must know before the first message. */
function agentArguments(
  options: RunArguments,
  command: RunIn,
  streams: { terminal?: LocalTerminal; stderrIsTerminal: boolean },
): string[] {
  const kinds = streams.terminal === undefined ? "ppp" : streams.stderrIsTerminal ? "ttt" : "ttp";
  const ids = [...new Set([command.uid, command.gid, ...command.groups])].join(",");
  const args = ["--stdio", kinds, "--ids", ids];
  if (options.syncWrites) args.push("--sync-writes");
  if (options.prefetch && options.cache) args.push("--cache", "21474836480,65536,dev");
  if (options.prefetch) args.push("--record");
  if (options.debug) args.push("--debug");
  return args;
}

/** The other machine has cleaned up before it answered: ssh has nothing left to wait for. */
async function ended(link: Link): Promise<void> {
  const timer = setTimeout(() => link.kill(), SSH_END_MS);
  await link.status;
  clearTimeout(timer);
}

function status(result: RunOut, command: RunIn): number {
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

/** Text of the other machine, without what would steer the terminal. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

/** Says what went wrong, and passes the status through. */
function told(message: string, status: number): number {
  log.error(message);
  return status;
}
