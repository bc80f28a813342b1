import { type CacheArguments, OWN_FAILURE, signalStatus } from "../cli/mod.ts";
import type { Config } from "../config/mod.ts";
import { SIGPIPE } from "../linux/mod.ts";
import { log, printable } from "../log/mod.ts";
import { carrierFor, dial, DialError, type Link } from "../ssh/mod.ts";
import { askPassword } from "./ask_password.ts";
import { cacheArgument } from "./cache_argument.ts";

/** What a blob is, and what it is called on the machines that it came from. */
interface Listed {
  readonly digest: string;
  readonly size: number;
  /** ms since 1970. */
  readonly lastUse: number;
  readonly names: readonly { readonly machine: string; readonly path: string }[];
}

interface Summary {
  readonly entries: number;
  readonly bytes: number;
  readonly maxEntries: number;
  readonly maxSize: number;
}

/** What came of a verb. */
type Done = Summary | {
  readonly entries: number;
  readonly bytes: number;
  readonly inUse: number;
  readonly left: Summary;
};

/** Does something with the cache on the other machine, and prints what came of it. Returns the exit status. */
export async function runCacheVerb(options: CacheArguments, config: Config): Promise<number> {
  try {
    const link = await connect(options, config);
    const status = await printAll(link, options);
    link.closeWrite();
    await link.status;
    return status;
  } catch (error) {
    // As `outrun cache ls host | head` has it.
    if (error instanceof Deno.errors.BrokenPipe) return signalStatus(SIGPIPE);
    log.error(error instanceof Error ? error.message : String(error));
    return error instanceof DialError ? error.exitStatus : OWN_FAILURE;
  }
}

function connect({ destination, ssh, rsh, sudo, timeout, verb }: CacheArguments, config: Config): Promise<Link> {
  const timeoutMs = timeout * 1000;
  return dial({
    carrier: carrierFor({ destination, ssh, rsh, timeoutMs }),
    agentArgs: ["--cache-verb", verb, "--cache", cacheArgument(config.cache), ...sudo ? ["--sudo"] : []],
    timeoutMs,
    askPassword,
  });
}

async function printAll(link: Link, { destination, verb }: CacheArguments): Promise<number> {
  for await (const line of lines(link)) {
    const { done, error, ...listed } = JSON.parse(line) as { done?: Done; error?: string } & Listed;
    if (error !== undefined) throw new Error(printable(error));
    if (done !== undefined) {
      if (verb !== "ls") console.log(printable(summary(done)));
      return 0;
    }
    console.log(row(listed));
  }
  throw new Error(`Cannot use the cache on "${destination}": the connection was lost`);
}

/** Lines of text from the other machine. */
async function* lines(link: Link): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let bytes = await link.read(); bytes !== undefined; bytes = await link.read()) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

function row({ digest, size, lastUse, names }: Listed): string {
  const used = new Date(Number(lastUse)).toISOString().slice(0, 16).replace("T", " ");
  const called = names.map(({ machine, path }) => `${machine}:${path}`).join(" ") || "-";
  return printable(`${digest.slice(0, 12)} ${String(size).padStart(8)} ${used} ${called}`);
}

function summary(done: Done): string {
  if (!("left" in done)) {
    const { entries, bytes, maxEntries, maxSize } = done;
    return `${entries} of ${maxEntries} entries, ${megabytes(bytes)} of ${megabytes(maxSize)} MB`;
  }
  const { entries, bytes, inUse, left } = done;
  const used = inUse > 0 ? `, ${inUse} of them in use` : "";
  return `${entries} entries removed, ${megabytes(bytes)} MB; ${left.entries} left, ${megabytes(left.bytes)} MB${used}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
