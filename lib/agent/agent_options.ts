import type { StreamKind } from "./command/mod.ts";

/** What the local side says before the link stands. */
export interface AgentOptions {
  /** Proves the agent's first line to the local side. */
  readonly nonce: string;
  /** What the command's stdin, stdout and stderr are. */
  readonly stdio: readonly [StreamKind, StreamKind, StreamKind];
  /** The user's and groups' ids that must exist in the command's user namespace. */
  readonly ids: readonly number[];
  /** Every write reaches the local side before it returns. */
  readonly syncWrites: boolean;
  /** What the command touches is told at the end. */
  readonly record: boolean;
  readonly debug: boolean;
}

const MAX_ID = 0xffff_fffe;

/** Reads the agent's arguments. They come from the same build: anything odd is a mistake, and an Error. */
export function parseAgentOptions(args: readonly string[]): AgentOptions {
  const value = (name: string) => {
    const index = args.indexOf(name);
    const found = index < 0 ? undefined : args[index + 1];
    if (found === undefined) throw new Error(`Cannot start the agent: ${name} is missing`);
    return found;
  };
  const stdio = value("--stdio");
  if (!/^(ppp|ttt|ttp)$/.test(stdio)) throw new Error(`Cannot start the agent: --stdio ${JSON.stringify(stdio)}`);
  const kind = (index: number) => stdio[index] === "t" ? "terminal" : "pipe";
  const ids = value("--ids");
  if (!/^\d+(,\d+)*$/.test(ids) || ids.split(",").some((id) => Number(id) > MAX_ID)) {
    throw new Error(`Cannot start the agent: --ids ${JSON.stringify(ids)}`);
  }
  return {
    nonce: value("--nonce"),
    stdio: [kind(0), kind(1), kind(2)],
    ids: ids.split(",").map(Number),
    syncWrites: args.includes("--sync-writes"),
    record: args.includes("--record"),
    debug: args.includes("--debug"),
  };
}
