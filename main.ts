/**
 * One executable, two roles: the local side (what the user runs), and the agent that it starts on the other machine. What
 * becomes the command there is made by the agent: lib/agent/command.
 *
 * @module
 */

/** The role that outrun gives itself has arguments that no destination can be mistaken for. */
async function main(args: string[]): Promise<number> {
  if (args[0] === "agent" && args[1] === "--nonce") {
    const { runAgent } = await import("./lib/agent/mod.ts");
    return await runAgent(args.slice(1));
  }
  return await runCommandLine(args);
}

async function runCommandLine(args: string[]): Promise<number> {
  const { OWN_FAILURE, parseArguments, UsageError, version } = await import("./lib/cli/mod.ts");
  const { log } = await import("./lib/log/mod.ts");
  const { ConfigError, loadConfig } = await import("./lib/config/mod.ts");
  try {
    const options = parseArguments(args);
    if (options.kind === "help") return print(options.text);
    if (options.kind === "version") return print(`outrun ${version}`);
    const { runLocal } = await import("./lib/session/mod.ts");
    log.configure({ role: "local", debug: options.debug });
    const config = loadConfig(options.config, Deno.env.get("HOME"));
    if (options.kind === "cache") {
      return await (await import("./lib/session/cache_verb.ts")).runCacheVerb(options, config);
    }
    if (options.kind === "doctor") {
      return await (await import("./lib/session/doctor.ts")).runDoctor(options, config);
    }
    for (const notice of options.notices) log.warn(notice);
    return await runLocal(options, config);
  } catch (error) {
    // By its name: this may be of a C library that is not there, without which lib/linux cannot be loaded.
    const isNoLibrary = error instanceof Error && error.name === "LibraryError";
    if (!(error instanceof UsageError || error instanceof ConfigError || isNoLibrary)) throw error;
    log.error(error.message);
    return OWN_FAILURE;
  }
}

function print(text: string): number {
  console.log(text.trimEnd());
  return 0;
}

// The runtime would wait for a read of stdin that nobody needs any more.
Deno.exit(await main(Deno.args));
