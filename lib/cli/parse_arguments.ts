import { Command, CommanderError, type OptionValues } from "commander";
import { UsageError } from "./usage_error.ts";

/** Run a command on another machine. */
export interface RunArguments {
  readonly kind: "run";
  /** What ssh, or what `rsh` names, is to connect to; never begins with "-", but can be that alone where `rsh` is given. */
  readonly destination: string;
  /** The command and its arguments, as text. */
  readonly command: readonly string[];
  /** Where the command begins in argv: the bytes of an argument that is not UTF-8 are to be had only there. */
  readonly commandIndex: number;
  /** Further arguments for ssh: words, quoted as for a shell. */
  readonly ssh: string | undefined;
  /** The program that leads there instead of ssh, with its arguments: words, quoted as for a shell. */
  readonly rsh: string | undefined;
  /** The configuration file, where the user named one. */
  readonly config: string | undefined;
  readonly debug: boolean;
  /** Become root there by sudo, and ask for its password. */
  readonly sudo: boolean;
  readonly cache: boolean;
  readonly prefetch: boolean;
  /** A write returns only when it is on the local disk. */
  readonly syncWrites: boolean;
  /** Seconds without an answer after which the link counts as lost. */
  readonly timeout: number;
  /** Lines to show the user before anything starts. */
  readonly notices: readonly string[];
}

/** Look after the cache on another machine. */
export interface CacheArguments
  extends Pick<RunArguments, "destination" | "ssh" | "rsh" | "config" | "debug" | "sudo" | "timeout"> {
  readonly kind: "cache";
  readonly verb: CacheVerb;
}

/** List what is there, tell how much it is, remove all of it, or what is old or too much. */
export type CacheVerb = "ls" | "size" | "clear" | "prune";

const cacheVerbs: readonly string[] = ["ls", "size", "clear", "prune"] satisfies CacheVerb[];

/** Find out whether a command would run on another machine. */
export interface DoctorArguments
  extends Pick<RunArguments, "destination" | "ssh" | "rsh" | "config" | "debug" | "sudo" | "timeout"> {
  readonly kind: "doctor";
}

/** What the user asked for. */
export type Arguments = RunArguments | CacheArguments | DoctorArguments | {
  readonly kind: "help";
  readonly text: string;
} | {
  readonly kind: "version";
};

const defaultTimeout = 30;
const exitStatus = "Exit status: the command's own; 254: outrun failed, 255: ssh (or --rsh) did.";

/** An option given twice counts twice. */
function joined(text: string, previous?: string): string {
  return previous === undefined ? text : `${previous} ${text}`;
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 86400) return value;
  throw new UsageError(`Cannot use --timeout ${JSON.stringify(text)}: give seconds, above 0 and at most 86400`);
}

function workers(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`Cannot use --workers ${JSON.stringify(text)}: give a whole number above 0, or leave it out`);
}

function program(): Command {
  return new Command("outrun")
    .description(
      "Run a local command, on the local files, with the processors of another machine.\n" +
        "The destination is [user@]host as ssh takes it; options stop there.",
    )
    .usage(
      "[option...] destination command [arg...]\n       outrun [option...] cache ls|size|clear|prune destination\n" +
        "       outrun [option...] doctor destination",
    )
    .argument("[destination]")
    .argument("[command]")
    .argument("[arg...]")
    .option("--ssh <args>", "further arguments for ssh, quoted as for a shell", joined)
    .option("--rsh <command>", "go there by 'docker exec -i', say, instead of by ssh")
    .option("--config <file>", "read this file instead of ~/.outrun/config")
    .option("--sudo", "become root there by sudo, and ask for its password")
    .option("--debug", "say what is going on")
    .option("--no-cache", "keep no file contents on the other machine, and use none")
    .option("--no-prefetch", "send nothing before it is asked for; implies --no-cache")
    .option("--sync-writes", "finish every write on the local disk before it returns")
    .option("--timeout <seconds>", "give up after this long without an answer", seconds, defaultTimeout)
    .option("--workers <n>", "has no effect: requests are served as they come", workers)
    .option("--version", "print the version")
    .option("-h, --help", "print this help")
    .helpOption(false)
    .enablePositionalOptions()
    .passThroughOptions()
    .exitOverride()
    .configureOutput({ writeOut() {}, writeErr() {} })
    .configureHelp({ helpWidth: 80 });
}

/** What is wrong with the options, in this program's words; commander's are "error: unknown option '--x'". */
function optionError(error: CommanderError): UsageError {
  const [, option, suggestion] = /option '(.*)'[^']*?(?:\n\(Did you mean (.*)\?\))?$/s.exec(error.message) ?? [];
  if (error.code === "commander.optionMissingArgument") {
    return new UsageError(`Cannot use ${option}: nothing follows it; outrun --help says what to give`);
  }
  const hint = suggestion === undefined ? "outrun --help lists the options" : `did you mean ${suggestion}?`;
  return new UsageError(`Cannot use ${JSON.stringify(option ?? error.message)}: unknown option; ${hint}`);
}

function checkOperands(
  destination: string | undefined,
  command: readonly string[],
  rsh?: string,
): asserts destination is string {
  if (!destination) throw new UsageError("Cannot run anything: no destination; try outrun user@host command");
  if (isOption(destination, rsh)) {
    const what = rsh === undefined ? "[user@]host" : "its name, or - alone where --rsh has it already";
    throw new UsageError(`Cannot connect to ${JSON.stringify(destination)}: begins with "-"; give ${what}`);
  }
  if (command.length === 0) {
    throw new UsageError(
      `Cannot run anything on ${JSON.stringify(destination)}: no command; put one behind the destination`,
    );
  }
}

/** What --rsh names may lead there as it stands; "-" says so. */
function isOption(destination: string, rsh: string | undefined): boolean {
  return destination.startsWith("-") && (destination !== "-" || rsh === undefined);
}

function common({ ssh, rsh, config, debug = false, sudo = false, timeout }: OptionValues) {
  return { ssh, rsh, config, debug, sudo, timeout };
}

/** What follows the word "cache". */
function cacheOperands([verb, ...operands]: string[], rsh?: string): { verb: CacheVerb; destination: string } {
  if (!cacheVerbs.includes(verb)) {
    const said = verb === undefined ? "nothing follows it" : `there is no ${JSON.stringify(verb)}`;
    throw new UsageError(
      `Cannot use "cache": ${said}; it has ${cacheVerbs.join(", ")} (a host called so: outrun -- cache)`,
    );
  }
  return { verb: verb as CacheVerb, destination: onlyDestination(`cache ${verb}`, operands, rsh) };
}

/** What follows words of our own that take a destination and nothing else. */
function onlyDestination(words: string, [destination, ...others]: string[], rsh?: string): string {
  if (!destination || isOption(destination, rsh)) {
    throw new UsageError(`Cannot use "${words}": no destination; try outrun ${words} user@host`);
  }
  if (others.length > 0) {
    const host = words.split(" ")[0];
    throw new UsageError(
      `Cannot use "${words}": ${JSON.stringify(others[0])} is too much (a host called so: outrun -- ${host})`,
    );
  }
  return destination;
}

/** Reads the arguments that follow the program's name. Throws UsageError. */
export function parseArguments(argv: readonly string[]): Arguments {
  const parsed = program();
  try {
    parsed.parse(argv, { from: "user" });
  } catch (error) {
    throw error instanceof CommanderError ? optionError(error) : error;
  }
  const options = parsed.opts();
  if (options.help) return { kind: "help", text: `${parsed.helpInformation()}\n${exitStatus}` };
  if (options.version) return { kind: "version" };
  const [destination, ...operands] = parsed.args;
  if (argv[argv.length - parsed.args.length - 1] !== "--") {
    if (destination === "cache") {
      return { kind: "cache", ...common(options), ...cacheOperands(operands, options.rsh) };
    }
    if (destination === "doctor") {
      return { kind: "doctor", ...common(options), destination: onlyDestination("doctor", operands, options.rsh) };
    }
  }
  // As with other programs that run a command elsewhere, a "--" between the two is no part of either.
  const command = operands[0] === "--" ? operands.slice(1) : operands;
  checkOperands(destination, command, options.rsh);
  return {
    kind: "run",
    destination,
    command,
    commandIndex: argv.length - command.length,
    ...common(options),
    cache: options.cache,
    prefetch: options.prefetch,
    syncWrites: options.syncWrites ?? false,
    notices: options.workers === undefined ? [] : ["--workers has no effect: requests are served as they come"],
  };
}
