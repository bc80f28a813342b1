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
const MAX_PLANS = 512;
const MAX_WORK_MS = 2000;
/** How long what was seen of the disk is good enough: programs follow each other, and much of what they need is the same. */
const SEEN_MS = 5000;

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

/** What plans have seen of the disk, and made of it. */
interface Seen {
  readonly disk: CachedDisk;
  readonly known: Map<string, unknown>;
  /** performance.now() */
  readonly until: number;
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
  readonly #own = new LocalDisk();
  #seen: Seen | undefined;
  /** That told something new. */
  #plans = 0;
  #workMs = 0;

  constructor(options: StartedProgramsOptions) {
    this.#options = options;
    this.#planned = options.planned ?? new Set();
    this.#fresh(options.wants);
  }

  /** What the program is going to need, and was not wanted before. Never throws. */
  plan(program: StartedProgram): Want[] {
    return this.#work((seen) => this.#planProgram(program, seen));
  }

  /** What it takes to find a program of this name along PATH and to start it, and was not wanted before. Never throws. */
  search(name: ByteString): Want[] {
    if (this.#searched.size === MAX_SEARCHES || this.#searched.has(name)) return [];
    this.#searched.add(name);
    return this.#work((seen) => planSearch(name, this.#options.command, { ...seen, rules: loadingRules }));
  }

  #planProgram({ path, running }: StartedProgram, seen: Seen): Want[] {
    const { disk } = seen;
    const { command: { env, cwd }, planned } = this.#options;
    const id = disk.stat(path)?.id;
    if (id === undefined) return [];
    // What loads it was told with it; what its arguments lead to, with the plan of those, or in the earlier run.
    if (this.#toldIds(disk).has(id) && (running === undefined || planned === undefined)) return [];
    if (running === undefined) return planStart({ path, argv: [path], env, cwd }, { ...seen, rules: loadingRules });
    const called = calledAs(path, { ...running, env }, disk);
    return planStart({ path: called, ...running, env }, { ...seen, planned: this.#planned });
  }

  /** Those of the wants that were not told, while there is work to be spent on them. */
  #work(make: (seen: Seen) => Want[]): Want[] {
    if (this.#plans >= MAX_PLANS || this.#workMs >= MAX_WORK_MS) return [];
    const began = threadTime();
    using _ = this.#own;
    const seen = this.#look();
    const wants = make(seen);
    for (const id of idsOf(wants, seen.disk)) this.#toldIds(seen.disk).add(id);
    this.#workMs += threadTime() - began;
    const fresh = this.#fresh(wants);
    // A search that finds nothing is no plan, nor is the start of what was planned for.
    if (fresh.some(({ kind }) => kind === "content")) this.#plans++;
    return fresh;
  }

  #look(): Seen {
    const now = performance.now();
    if (this.#seen === undefined || now > this.#seen.until) {
      const disk = new CachedDisk(this.#options.disk ?? this.#own);
      this.#seen = { disk, known: new Map(), until: now + SEEN_MS };
    }
    return this.#seen;
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
