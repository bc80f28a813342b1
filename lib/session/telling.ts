import type { ByteString } from "../bytes/mod.ts";
import type { FileServer, StartPack, ToldFile } from "../fileserver/mod.ts";
import { isSameContent, type Stat } from "../linux/mod.ts";
import type { Touched } from "../protocol/mod.ts";
import type { DigestedChunk } from "./digests_ahead.ts";
import { PackWriter } from "./pack_writer.ts";

/** Bytes that one step tells. */
const STEP_BYTES = 128 * 1024;

/** How a start is told. */
export interface TellOptions {
  readonly files: FileServer;
  readonly notify: (op: number, body: Uint8Array) => void;
  /** Whether more than a little waits to be sent. */
  readonly isCongested: () => boolean;
}

/** Wants on their way to the agent, in order: each as it is at the moment when its turn comes. */
export class Telling {
  readonly #wants: readonly Touched[];
  readonly #writer: PackWriter;
  readonly #pack: StartPack;
  /** Files whose contents are wanted, by the path that was wanted. */
  readonly #told = new Map<ByteString, ToldFile>();
  #next = 0;

  /** `watchedOnly`: see FileServer.startPack(). */
  constructor(wants: readonly Touched[], { files, notify, watchedOnly }: TellOptions & { watchedOnly?: boolean }) {
    this.#wants = wants;
    this.#writer = new PackWriter(notify);
    this.#pack = files.startPack((record) => this.#writer.write(record), { watchedOnly });
  }

  get isDone(): boolean {
    return this.#next === this.#wants.length;
  }

  /** Whether something was left out. */
  get isPartial(): boolean {
    return this.#pack.isPartial;
  }

  /** For people. */
  get account(): string {
    const { records, bytes, sent } = this.#writer;
    return `${this.#next} of ${this.#wants.length}, as ${records} records of ${bytes} bytes, ${sent} on the link`;
  }

  /** Tells until so many bytes have been written. */
  until(bytes: number): void {
    while (!this.isDone && this.#writer.bytes < bytes) this.#tell(this.#wants[this.#next++]);
    this.#writer.flush();
  }

  step(): void {
    this.until(this.#writer.bytes + STEP_BYTES);
  }

  /** Tells of these at once, ahead of what is left. */
  now(wants: readonly Touched[]): void {
    for (const want of wants) this.#tell(want);
    this.#writer.flush();
  }

  /** Tells the digest of a chunk, if it is of a file as that was told. It leaves with those that follow soon. */
  chunk({ path, stat, chunk, digest }: DigestedChunk): void {
    const file = this.#told.get(path);
    if (file === undefined || !isSame(file.stat, stat)) return;
    this.#writer.write({ kind: "content", dir: file.dir, name: file.name, chunk, digest });
  }

  flush(): void {
    this.#writer.flush();
  }

  #tell({ kind, path }: Touched): void {
    if (kind === "listing") return this.#pack.addDirectory(path);
    const file = this.#pack.addPath(path);
    if (kind === "content" && file !== undefined) this.#told.set(path, file);
  }
}

/** Whether both are of one file in one state. */
function isSame(one: Stat, other: Stat): boolean {
  return one.ino === other.ino && one.dev === other.dev && isSameContent(one, other);
}
