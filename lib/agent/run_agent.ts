import { fromText, toBytes } from "../bytes/mod.ts";
import { write } from "../linux/mod.ts";
import { log, timeline } from "../log/mod.ts";
import { type AgentOptions, parseAgentOptions, parseCacheTask } from "./agent_options.ts";
import type { Cache } from "./cache.ts";
// Not by way of mod.ts: what is loaded here delays the start.
import { launch } from "./command/launch.ts";
import { prepareLibrary } from "./command/program.ts";

/** The role `agent`: serves one command, then returns the status of the process. */
export async function runAgent(args: readonly string[]): Promise<number> {
  timeline.mark("launcher loaded");
  prepareLibrary(args);
  const task = parseCacheTask(args);
  if (task !== undefined) return await (await import("./cache_task.ts")).runCacheTask(task);
  const options = parseAgentOptions(args);
  log.configure({ role: "agent", debug: options.debug });
  // The local side waits for this line; binary frames follow it.
  write(1, toBytes(fromText(`${options.nonce} agent\n`)));
  // Programs of this machine make the namespaces while this one loads the rest of itself.
  const launching = attempt(() => launch(options));
  const [{ Agent }, cache] = await Promise.all([import("./agent.ts"), loadCache(options)]);
  timeline.mark("agent loaded");
  const launched = launching instanceof Error ? launching : attempt(launching);
  return await new Agent(options, { launched, cache }).run();
}

async function loadCache({ cache }: AgentOptions): Promise<Cache | undefined> {
  if (cache === undefined) return undefined;
  const { openCache } = await import("./cache.ts");
  return await openCache(cache);
}

/** What a step gives, or an Error for the user. */
function attempt<T>(step: () => T): T | Error {
  try {
    return step();
  } catch (error) {
    return error as Error;
  }
}
