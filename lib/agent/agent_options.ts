import type { Fence, StreamKind } from "./command/mod.ts";

/** What the local side says before the link stands. */
export interface AgentOptions {
  /** Proves the agent's first line to the local side. */
  readonly nonce: string;
  /** What the command's stdin, stdout and stderr are. */
  readonly stdio: readonly [StreamKind, StreamKind, StreamKind];
  /** The user's and groups' ids that must exist in the command's user namespace. */
  readonly ids: readonly number[];
  /** There is no root here, but a user namespace to run the command in. */
  readonly rootless?: Fence;
  /** Every write reaches the local side before it returns. */
  readonly syncWrites: boolean;
  /** What the command touches is told at the end. */
  readonly record: boolean;
  /** Where contents are kept, and how many; undefined: nowhere. */
  readonly cache?: CacheLimits;
  readonly debug: boolean;
}

/** What is to be done with the cache, instead of running a command. */
export interface CacheTask {
  readonly nonce: string;
  readonly verb: string;
  readonly cache: CacheLimits;
}

/** As the user's configuration has it. */
export interface CacheLimits {
  /** Absolute, or below the home ("~/…"); undefined: beside the agent. */
  readonly path?: string;
  readonly maxSize: number;
  readonly maxEntries: number;
  /** An opaque name of the local machine. */
  readonly machine: string;
}

const MAX_ID = 0xffff_fffe;

/** MAX_SIZE,MAX_ENTRIES,MACHINE[,PATH], the path in hexadecimal digits: a shell is to leave it alone. */
function cacheLimits(text: string): CacheLimits {
  const [, maxSize, maxEntries, machine, path] = /^(\d+),(\d+),([\w-]+)(?:,([0-9a-f]+))?$/.exec(text) ?? [];
  if (machine === undefined) throw new Error(`Cannot start the agent: --cache ${JSON.stringify(text)}`);
  return { maxSize: Number(maxSize), maxEntries: Number(maxEntries), machine, path: path && fromHex(path) };
}

function fromHex(digits: string): string {
  return new TextDecoder().decode(Uint8Array.fromHex(digits));
}

function fenceOf(text: string): Fence {
  if (text === "closed" || text === "open") return text;
  throw new Error(`Cannot start the agent: --rootless ${JSON.stringify(text)}`);
}

function valueOf(args: readonly string[], name: string): string {
  const index = args.indexOf(name);
  const found = index < 0 ? undefined : args[index + 1];
  if (found === undefined) throw new Error(`Cannot start the agent: ${name} is missing`);
  return found;
}

/** The same for an agent that is to look after its cache; undefined: it is to run a command. */
export function parseCacheTask(args: readonly string[]): CacheTask | undefined {
  if (!args.includes("--cache-verb")) return undefined;
  return {
    nonce: valueOf(args, "--nonce"),
    verb: valueOf(args, "--cache-verb"),
    cache: cacheLimits(valueOf(args, "--cache")),
  };
}

/** Reads the agent's arguments. They come from the same build: anything odd is a mistake, and an Error. */
export function parseAgentOptions(args: readonly string[]): AgentOptions {
  const value = (name: string) => valueOf(args, name);
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
    rootless: args.includes("--rootless") ? fenceOf(value("--rootless")) : undefined,
    syncWrites: args.includes("--sync-writes"),
    record: args.includes("--record"),
    cache: args.includes("--cache") ? cacheLimits(value("--cache")) : undefined,
    debug: args.includes("--debug"),
  };
}
