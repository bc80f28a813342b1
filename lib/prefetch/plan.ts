import { type ByteString, toText } from "../bytes/mod.ts";
import type { Logger } from "../log/mod.ts";
import { CachedDisk } from "./cached_disk.ts";
import type { CommandLine } from "./command_line.ts";
import type { Disk } from "./disk.ts";
import { dirname, join, path } from "./paths.ts";
import { Program } from "./program.ts";
import type { Rule } from "./rule.ts";
import type { Want } from "./want.ts";

/** Wrappers that start wrappers that start …: deeper than this nobody looks. */
const MAX_DEPTH = 12;
/** PATH_MAX, and NAME_MAX in a pattern. */
const MAX_PATH = 4096;
// deno-lint-ignore no-control-regex
const impossible = /[^\x01-\xff]|[^/]{256}/;
/** Trees and files that the command gets from the machine it runs on. */
const remote = /^\/(?:(?:dev|proc|run|sys)(?:\/|$)|etc\/(?:hosts|resolv\.conf)$)/;

/** The plan is as long as it may be, or has taken as long as it may. */
class PlanEnd extends Error {}

export interface PlanOptions {
  readonly disk: Disk;
  readonly rules: readonly Rule[];
  /** Commands that are planned for, as keys: grows. Those in there are left out. */
  readonly planned?: Set<string>;
  /** What was worked out for other plans of the same disk: grows. */
  readonly known?: Map<string, unknown>;
  /** Wants at most. */
  readonly limit: number;
  /** When to stop, by `now`. */
  readonly deadline: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly log: Pick<Logger, "debug">;
}

/** The list of wants in the making, and what is known once for all programs that take part. Paths are absolute here. */
export class Plan {
  readonly disk: CachedDisk;
  /** For what is kept beyond this plan: its time is not what counts then. */
  readonly sharedDisk: CachedDisk;
  readonly #options: PlanOptions;
  readonly #wants: Want[] = [];
  /** Index in #wants. */
  readonly #places = new Map<ByteString, number>();
  readonly #commands: Set<string>;
  readonly #known: Map<string, unknown>;
  #depth = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#commands = options.planned ?? new Set();
    this.#known = options.known ?? new Map();
    this.disk = new CachedDisk(options.disk, () => this.#checkTime());
    this.sharedDisk = options.known !== undefined && options.disk instanceof CachedDisk ? options.disk : this.disk;
  }

  get wants(): Want[] {
    return this.#wants;
  }

  /** Plans for `command`; rules that fail are left out. Returns when the plan is complete or has met a limit. */
  start(command: CommandLine): void {
    this.#untilEnd(() => {
      // Whoever executes it goes there before.
      this.name(command.cwd);
      this.execute(command);
    });
  }

  /** Plans likewise for whoever searches PATH for a program, to execute it with arguments that nobody knows. */
  search(name: ByteString, { env, cwd }: Pick<CommandLine, "env" | "cwd">): void {
    const searcher = new Program({ path: path``, argv: [], env, cwd }, this);
    this.#untilEnd(() => searcher.executeByName([name]));
  }

  /** Applies all rules to a command, unless that has been done. */
  execute(command: CommandLine): void {
    const file = this.#normalize(join(command.cwd, command.path));
    if (file === undefined || !this.content(file)) return;
    const key = [this.disk.realPath(file) ?? file, ...command.argv].join("\0");
    if (this.#commands.has(key) || this.#depth === MAX_DEPTH) return;
    this.#commands.add(key);
    const program = new Program({ ...command, path: file }, this);
    this.#depth++;
    for (const rule of this.#options.rules) this.#apply(rule, program);
    this.#depth--;
  }

  /** Whether there is such a file. */
  name(path: ByteString): boolean {
    const file = this.#normalize(path);
    if (file === undefined) return false;
    const exists = this.disk.stat(file) !== undefined;
    this.#want("name", exists ? file : this.#firstMissing(file));
    return exists;
  }

  /** Whether there is such a regular file. Where it is something else, its name is wanted. */
  content(path: ByteString): boolean {
    const file = this.#normalize(path);
    if (file === undefined || !this.disk.isFile(file)) {
      this.name(path);
      return false;
    }
    this.#want("content", file);
    return true;
  }

  /** The names in there; undefined where there is no such directory, then its name is wanted. */
  listing(path: ByteString): readonly ByteString[] | undefined {
    const file = this.#normalize(path);
    const names = file && this.disk.list(file);
    if (file === undefined || names === undefined) this.name(path);
    else this.#want("listing", file);
    return names;
  }

  /** What `make` returns, made once for each key. It is about files, not about what one program does with them. */
  once<T>(key: string, make: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, make());
    return this.#known.get(key) as T;
  }

  #untilEnd(make: () => void): void {
    try {
      make();
    } catch (error) {
      if (!(error instanceof PlanEnd)) throw error;
      this.#options.log.debug(`prefetch: the plan ends after ${this.#wants.length} wants: ${error.message}`);
    }
  }

  #apply(rule: Rule, program: Program): void {
    try {
      if (rule.applies(program)) rule.plan(program);
    } catch (error) {
      if (error instanceof PlanEnd) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.debug(`prefetch: rule "${rule.name}" failed for "${toText(program.path)}": ${reason}`);
    }
  }

  /** undefined for what no system call takes: rules find names in files of any kind. */
  #normalize(path: ByteString): ByteString | undefined {
    const isPossible = path.startsWith("/") && path.length < MAX_PATH && !impossible.test(path);
    return isPossible ? this.disk.normalize(path) : undefined;
  }

  /** No more than the first name that is missing is ever looked up. A link to nowhere is there itself. */
  #firstMissing(file: ByteString): ByteString {
    let missing = file;
    for (let parent = dirname(file); parent !== "/"; parent = dirname(parent)) {
      if (this.disk.stat(parent) === undefined) missing = parent;
    }
    return missing;
  }

  #want(kind: Want["kind"], file: ByteString): void {
    this.#checkTime();
    if (remote.test(file) || file === path`/`) return;
    const place = this.#places.get(file);
    if (place !== undefined) {
      if (this.#wants[place].kind === "name") this.#wants[place] = { kind, path: file };
      return;
    }
    if (this.#wants.length >= this.#options.limit) throw new PlanEnd(`more than ${this.#options.limit}`);
    this.#places.set(file, this.#wants.length);
    this.#wants.push({ kind, path: file });
  }

  #checkTime(): void {
    if (this.#options.now() > this.#options.deadline) throw new PlanEnd("the time is up");
  }
}
