import type { ByteString } from "../bytes/mod.ts";
import type { CachedDisk } from "./cached_disk.ts";
import type { CommandLine } from "./command_line.ts";
import { type ElfFile, readElf } from "./elf/elf_file.ts";
import type { Libraries } from "./elf/libraries.ts";
import { basename, join, split } from "./paths.ts";
import type { Plan } from "./plan.ts";

/** What execvp(3) searches when PATH is not set. */
const DEFAULT_PATH = "/bin:/usr/bin" as ByteString;

/** One executed file with its arguments: what rules are asked about, and where they put what it wants. */
export class Program implements CommandLine {
  /** Absolute, as it is executed: links are not resolved. */
  readonly path: ByteString;
  readonly argv: readonly ByteString[];
  readonly env: readonly ByteString[];
  readonly cwd: ByteString;
  readonly disk: CachedDisk;
  /** The shared libraries; set by the rule that finds them, undefined for anything not dynamically linked. */
  libraries: Libraries | undefined;
  readonly #plan: Plan;
  readonly #variables = new Map<string, ByteString>();

  constructor(command: CommandLine, plan: Plan) {
    this.path = command.path;
    this.argv = command.argv;
    this.env = command.env;
    this.cwd = command.cwd;
    this.disk = plan.disk;
    this.#plan = plan;
    for (const entry of command.env) {
      const end = entry.indexOf("=");
      const name = entry.slice(0, end);
      if (end > 0 && !this.#variables.has(name)) this.#variables.set(name, entry.slice(end + 1) as ByteString);
    }
  }

  /** The file behind all links. */
  get realPath(): ByteString {
    return this.disk.realPath(this.path) ?? this.path;
  }

  /** The names it goes by, links followed last: "python3", "python3.11". */
  get titles(): ByteString[] {
    return [basename(this.path), basename(this.realPath)];
  }

  /** The executable, taken apart. */
  get elf(): ElfFile | undefined {
    return this.readElf(this.path);
  }

  variable(name: string): ByteString | undefined {
    return this.#variables.get(name);
  }

  /** The variable's value; undefined where it is empty too. */
  nonEmpty(name: string): ByteString | undefined {
    return this.variable(name) || undefined;
  }

  /** The same program in another environment or directory: what it wants goes to the same plan. */
  with(changes: Pick<CommandLine, "env" | "cwd">): Program {
    return new Program({ path: this.path, argv: this.argv, ...changes }, this.#plan);
  }

  /** It will look up `path` (relative ones start at its working directory). Returns whether it will find anything. */
  name(path: ByteString): boolean {
    return this.#plan.name(join(this.cwd, path));
  }

  /** It will read the file. Returns whether it will find a regular file. */
  content(path: ByteString): boolean {
    return this.#plan.content(join(this.cwd, path));
  }

  /** It will list the directory, or search it for many names. Returns the names; undefined where it will find none. */
  listing(path: ByteString): readonly ByteString[] | undefined {
    return this.#plan.listing(join(this.cwd, path));
  }

  /** It will read the file, if that is not larger than `limit` bytes; a larger one it will look up, and read parts of. */
  contentUpTo(path: ByteString, limit: number): boolean {
    const file = this.disk.stat(join(this.cwd, path));
    return file === undefined || file.size <= limit ? this.content(path) : this.name(path);
  }

  /** It will execute this, in its place or as a child, with its own environment and directory unless others are given. */
  execute(command: Pick<CommandLine, "path" | "argv"> & Partial<CommandLine>): void {
    this.#plan.execute({ env: this.env, cwd: this.cwd, ...command });
  }

  /** It will search PATH for an executable as execvp(3) does. Returns where it will find it. */
  search(command: ByteString): ByteString | undefined {
    if (command === "") return undefined;
    if (command.includes("/")) return join(this.cwd, command);
    for (const folder of split(this.variable("PATH") ?? DEFAULT_PATH, ":")) {
      const file = join(join(this.cwd, folder), command);
      const exists = this.name(file);
      if (exists && this.disk.isFile(file) && this.disk.stat(file)?.executable) return file;
    }
    return undefined;
  }

  /** It will execute argv[0], found by PATH, with these arguments. */
  executeByName(argv: readonly ByteString[], env: readonly ByteString[] = this.env): void {
    const file = argv.length > 0 ? this.search(argv[0]) : undefined;
    if (file !== undefined) this.execute({ path: file, argv, env });
  }

  /** An executable or a library, taken apart; undefined where it is neither. */
  readElf(path: ByteString): ElfFile | undefined {
    return this.once(
      `elf ${path}`,
      () => readElf((offset, length) => this.#plan.sharedDisk.read(path, { offset, length })),
    );
  }

  /** What `make` returns, made once for all programs of the plan. */
  once<T>(key: string, make: () => T): T {
    return this.#plan.once(key, make);
  }
}
