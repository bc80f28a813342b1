import { type ByteString, byteString } from "../bytes/mod.ts";
import { FMODE_EXEC } from "../fuse/mod.ts";
import { close, O_RDONLY, openAt, readLinkAt } from "../linux/mod.ts";
import { encodeSearched, encodeStarted, FileNote, MAX_SEARCHES, MAX_STARTED_ARGUMENTS } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { ReadAsync } from "./chunk.ts";
import { type Node, pathOf } from "./nodes.ts";

/** So often the start of one program is told of: the same one may be given something else to do. */
const MAX_TIMES = 4;
/** Programs between the opening of their file and their first own one. More are not followed. */
const MAX_STARTING = 256;

/** What programs are seen by. */
export interface ProgramsOptions {
  readonly connection: Connection;
  /** A descriptor of the /proc of the pid namespace in which the kernel's requests are numbered. */
  readonly proc: number;
  readonly readAsync: ReadAsync;
  /** The command's: programs are searched along its PATH. */
  readonly env: readonly ByteString[];
}

/**
 * Programs that the command starts, of which the local side is told so that it can tell ahead what they are going to need:
 *
 * 1. the kernel looks up a name that nobody told of, in a directory of PATH → SEARCHED with the name. Where it is, and what
 *    it takes to start it, is here before the lookup is answered, and with it all directories that are searched next
 * 2. the kernel opens a file to execute it → STARTED with its path. Where the opening itself has to be asked for, that
 *    follows in the same flight, and what the local side tells of the program is here before the answer
 * 3. the same thread opens something else → it runs by now, with arguments that can be seen → STARTED with those
 */
export class Programs {
  readonly #options: ProgramsOptions;
  readonly #times = new WeakMap<Node, number>();
  /** Threads. */
  readonly #starting = new Set<number>();
  /** Directories of PATH. */
  readonly #folders: ReadonlySet<ByteString>;
  /** Names. */
  readonly #searched = new Set<ByteString>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
    this.#folders = foldersOf(options.env);
  }

  /** A name of which nothing is known is looked up. To be told before it is asked for. */
  lookedUp(directory: Node, name: ByteString): void {
    if (this.#searched.size === MAX_SEARCHES || this.#searched.has(name)) return;
    if (!this.#folders.has(pathOf(directory))) return;
    this.#searched.add(name);
    this.#options.connection.notify(FileNote.SEARCHED, encodeSearched({ name }));
  }

  /** A thread opens a file, with flags as the kernel gives them. To be told before the file is asked for. */
  opened(node: Node, flags: number, thread: number): void {
    if ((flags & FMODE_EXEC) !== 0) this.#executes(node, thread);
    else if (this.#starting.delete(thread)) this.#runs(thread).catch(() => {});
  }

  #executes(node: Node, thread: number): void {
    const times = this.#times.get(node) ?? 0;
    if (times === MAX_TIMES) return;
    this.#times.set(node, times + 1);
    if (this.#starting.size < MAX_STARTING) this.#starting.add(thread);
    if (times === 0) this.#tell({ path: pathOf(node) });
  }

  /** Not on this thread, which the owner of the memory that is read may wait for. */
  async #runs(thread: number): Promise<void> {
    const { proc, readAsync } = this.#options;
    const [path, cwd] = ["exe", "cwd"].map((name) => readLinkAt(proc, `${thread}/${name}` as ByteString));
    const fd = openAt(proc, `${thread}/cmdline` as ByteString, O_RDONLY);
    if (fd < 0 || typeof path === "number" || typeof cwd === "number") return;
    try {
      const buffer = new Uint8Array(MAX_STARTED_ARGUMENTS);
      const length = await readAsync(fd, buffer, 0);
      if (length <= 0) return;
      // A NUL after each. Of more than there is room for, the last is cut, and left out.
      const argv = byteString(buffer, 0, length).split("\0").slice(0, -1) as ByteString[];
      if (argv.length > 0) this.#tell({ path: byteString(path), running: { argv, cwd: byteString(cwd) } });
    } finally {
      close(fd);
    }
  }

  #tell(started: Parameters<typeof encodeStarted>[0]): void {
    if (!started.path.startsWith("/")) return;
    this.#options.connection.notify(FileNote.STARTED, encodeStarted(started));
  }
}

/** As {@link pathOf} has them. What is relative is searched in whatever directory a program is in, and not followed. */
function foldersOf(env: readonly ByteString[]): Set<ByteString> {
  const folders = env.find((entry) => entry.startsWith("PATH="))?.slice(5).split(":") ?? [];
  return new Set(folders.filter((it) => it.startsWith("/")).map((it) => it.replace(/\/+$/, "") as ByteString));
}
