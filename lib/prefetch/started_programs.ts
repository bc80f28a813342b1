import type { ByteString } from "../bytes/mod.ts";
import { threadTime } from "../linux/mod.ts";
import { CachedDisk } from "./cached_disk.ts";
import type { CommandLine } from "./command_line.ts";
import type { Disk } from "./disk.ts";
import { LocalDisk } from "./local_disk.ts";
import { join, split } from "./paths.ts";
import { planStart } from "./plan_start.ts";
import { loadingRules } from "./registry.ts";
import type { Want } from "./want.ts";

/** Plans made for the programs of one command, and ms of work on them: whoever starts a thousand programs is at work. */
const MAX_PLANS = 64;
const MAX_WORK_MS = 2000;

/** A program that a command starts: as its file is opened, and once more when it runs. */
export interface StartedProgram {
  /** Absolute, links followed. */
  readonly path: ByteString;
  readonly running?: Pick<CommandLine, "argv" | "cwd">;
}

/** What is known before the first program starts. */
export interface StartedProgramsOptions {
  /** What they are started by; their environment is believed to be its. */
  readonly command: CommandLine;
  /** What was told. */
  readonly wants: readonly Want[];
  /** Commands that these were planned for; undefined: they are of an earlier run, and those of all programs in it. */
  readonly planned?: Set<string>;
  /** This machine's, unless given. */
  readonly disk?: Disk;
}

/**
 * Plans for the programs that a command starts, for which nobody could plan before: a shell's, a compiler's, those of a
 * shim. What a program loads is planned when its file is opened, what it does with its arguments when these are known.
 */
export class StartedPrograms {
  readonly #options: StartedProgramsOptions;
  readonly #planned: Set<string>;
  /** What was told, as "content /bin/true". */
  readonly #wanted = new Set<string>();
  /** Ids of files whose content was told. Made when the first program starts. */
  #told: Set<string> | undefined;
  #plans = 0;
  #workMs = 0;

  constructor(options: StartedProgramsOptions) {
    this.#options = options;
    this.#planned = options.planned ?? new Set();
    this.#fresh(options.wants);
  }

  /** What the program is going to need, and was not wanted before. Never throws. */
  plan({ path, running }: StartedProgram): Want[] {
    if (this.#plans >= MAX_PLANS || this.#workMs >= MAX_WORK_MS) return [];
    const began = threadTime();
    using own = this.#options.disk === undefined ? new LocalDisk() : undefined;
    const disk = new CachedDisk(this.#options.disk ?? own!);
    const told = this.#told ??= idsOf(this.#options.wants, disk);
    const id = disk.stat(path)?.id;
    const { command, planned } = this.#options;
    // What loads it was told with it; what its arguments lead to, with the plan of those, or in the earlier run.
    const isTold = id !== undefined && told.has(id) && (running === undefined || planned === undefined);
    if (id === undefined || isTold) return [];
    this.#plans++;
    const { env } = command;
    const wants = running === undefined
      ? planStart({ path, argv: [path], env, cwd: command.cwd }, { disk, rules: loadingRules })
      : planStart({ path: calledAs(path, { ...running, env }, disk), ...running, env }, {
        disk,
        planned: this.#planned,
      });
    for (const told of idsOf(wants, disk)) this.#told.add(told);
    this.#workMs += threadTime() - began;
    return this.#fresh(wants);
  }

  /** Those that were not told; from here on they were. */
  #fresh(wants: readonly Want[]): Want[] {
    return wants.filter(({ kind, path }) => {
      const { size } = this.#wanted;
      return this.#wanted.add(`${kind} ${path}`).size > size;
    });
  }
}

function idsOf(wants: readonly Want[], disk: Disk): Set<string> {
  const ids = wants.map(({ kind, path }) => kind === "content" ? disk.stat(path)?.id : undefined);
  return new Set(ids.filter((id) => id !== undefined));
}

/** The path by which the program was called, as some go by it (that of a virtual environment's python): argv[0], found. */
function calledAs(
  path: ByteString,
  { argv: [name], env, cwd }: Pick<CommandLine, "argv" | "env" | "cwd">,
  disk: CachedDisk,
): ByteString {
  if (name === undefined || name === "") return path;
  const variable = env.find((entry) => entry.startsWith("PATH="))?.slice(5) as ByteString | undefined;
  const folders = name.includes("/") ? [cwd] : split(variable ?? "" as ByteString, ":");
  const candidates = folders.map((folder) => join(join(cwd, folder), name));
  return candidates.find((candidate) => disk.realPath(candidate) === path) ?? path;
}
