import type { ByteString } from "../bytes/mod.ts";
import { threadTime } from "../linux/mod.ts";
import { MAX_SEARCHES } from "../protocol/mod.ts";
import { CachedDisk } from "./cached_disk.ts";
import type { CommandLine } from "./command_line.ts";
import type { Disk } from "./disk.ts";
import { LocalDisk } from "./local_disk.ts";
import { join, split } from "./paths.ts";
import { planSearch, planStart } from "./plan_start.ts";
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
 * shim. What a program loads is planned when it is searched, or else when its file is opened, what it does with its
 * arguments when these are known.
 */
export class StartedPrograms {
  readonly #options: StartedProgramsOptions;
  readonly #planned: Set<string>;
  /** What was told, as "content /bin/true". */
  readonly #wanted = new Set<string>();
  /** Ids of files whose content was told. Made when the first program starts. */
  #told: Set<string> | undefined;
  /** Names. */
  readonly #searched = new Set<ByteString>();
  #plans = 0;
  #workMs = 0;

  constructor(options: StartedProgramsOptions) {
    this.#options = options;
    this.#planned = options.planned ?? new Set();
    this.#fresh(options.wants);
  }

  /** What the program is going to need, and was not wanted before. Never throws. */
  plan(program: StartedProgram): Want[] {
    return this.#work((disk) => this.#planProgram(program, disk));
  }

  /** What it takes to find a program of this name along PATH and to start it, and was not wanted before. Never throws. */
  search(name: ByteString): Want[] {
    if (this.#searched.size === MAX_SEARCHES || this.#searched.has(name)) return [];
    this.#searched.add(name);
    return this.#work((disk) => {
      const wants = planSearch(name, this.#options.command, { disk, rules: loadingRules });
      // Where nothing is found, that was no work.
      if (wants.some(({ kind }) => kind === "content")) this.#plans++;
      return wants;
    });
  }

  #planProgram({ path, running }: StartedProgram, disk: CachedDisk): Want[] {
    const { command: { env, cwd }, planned } = this.#options;
    const id = disk.stat(path)?.id;
    if (id === undefined) return [];
    // What loads it was told with it; what its arguments lead to, with the plan of those, or in the earlier run.
    if (this.#toldIds(disk).has(id) && (running === undefined || planned === undefined)) return [];
    this.#plans++;
    if (running === undefined) return planStart({ path, argv: [path], env, cwd }, { disk, rules: loadingRules });
    const called = calledAs(path, { ...running, env }, disk);
    return planStart({ path: called, ...running, env }, { disk, planned: this.#planned });
  }

  /** Those of the wants that were not told, while there is work to be spent on them. */
  #work(make: (disk: CachedDisk) => Want[]): Want[] {
    if (this.#plans >= MAX_PLANS || this.#workMs >= MAX_WORK_MS) return [];
    const began = threadTime();
    using own = this.#options.disk === undefined ? new LocalDisk() : undefined;
    const disk = new CachedDisk(this.#options.disk ?? own!);
    const wants = make(disk);
    for (const id of idsOf(wants, disk)) this.#toldIds(disk).add(id);
    this.#workMs += threadTime() - began;
    return this.#fresh(wants);
  }

  #toldIds(disk: Disk): Set<string> {
    return this.#told ??= idsOf(this.#options.wants, disk);
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
