/**
 * A start, ahead of the command's own:
 *
 * 1. while ssh connects: what is the command going to ask for? What it touched the last time (its trace), or what rules
 *    say of such a program; of contents, the digests
 * 2. the link stands: names, and the digests that are known, go out before the request to run
 * 3. digests that had to be computed follow
 * 4. the command has ended: what it touched is remembered for the next time
 */
import type { ByteString } from "../bytes/mod.ts";
import type { FileServer, StartPack, ToldFile } from "../fileserver/mod.ts";
import type { Stat } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { type CommandLine, Digests, planStart, Traces } from "../prefetch/mod.ts";
import type { Touched } from "../protocol/mod.ts";
import { type DigestedChunk, DigestsAhead } from "./digests_ahead.ts";
import { PackWriter } from "./pack_writer.ts";

/** So many bytes go out before the request to run; what is further ahead can follow it. */
const FIRST_BYTES = 512 * 1024;
/** The rest is told in steps, when the link has taken this much less than what waits. */
const STEP_BYTES = 128 * 1024;
const STEP_MS = 5;

/** How a start is told. */
export interface TellOptions {
  readonly files: FileServer;
  readonly notify: (op: number, body: Uint8Array) => void;
  /** Whether more than a little waits to be sent. */
  readonly isCongested: () => boolean;
}

/** What is told ahead of one command. */
export class Start {
  readonly #command: CommandLine;
  readonly #traces = Traces.open();
  readonly #wants: readonly Touched[];
  readonly #digests: Digests | undefined;
  readonly #contents: DigestsAhead | undefined;
  #closed = false;

  /** `contents`: whether the other machine keeps contents. Begins to compute digests. */
  constructor(command: CommandLine, { contents }: { contents: boolean }) {
    this.#command = command;
    const trace = this.#traces.find(command);
    this.#wants = trace?.wants ?? planStart(command);
    log.debug(`the command is expected to touch ${this.#wants.length} things, by ${trace ? "its trace" : "rules"}`);
    this.#digests = contents ? Digests.open() : undefined;
    this.#contents = this.#digests && new DigestsAhead(this.#wants, this.#digests);
  }

  /** Tells what comes first, as it is at this moment, and the rest from the next turn of the event loop on. */
  tell({ files, notify, isCongested }: TellOptions): void {
    const began = performance.now();
    const writer = new PackWriter(notify);
    const pack = files.startPack((record) => writer.write(record));
    const told = new Map<ByteString, ToldFile>();
    let next = 0;
    const tellUntil = (bytes: number) => {
      while (next < this.#wants.length && writer.bytes < bytes) tellWant(this.#wants[next++], { pack, told });
      writer.flush();
    };
    tellUntil(FIRST_BYTES);
    const ms = Math.round(performance.now() - began);
    log.debug(`told ahead: ${next} of these, in ${writer.bytes} bytes and ${ms} ms`);
    const goOn = () => {
      if (this.#closed) return;
      if (!isCongested()) tellUntil(writer.bytes + STEP_BYTES);
      if (next < this.#wants.length) setTimeout(goOn, STEP_MS);
      else this.#contents?.tell((chunk) => tellChunk(chunk, { told, writer }), () => writer.flush());
    };
    goOn();
  }

  /** The command touched this. */
  remember(touched: readonly Touched[]): void {
    if (touched.length > 0) this.#traces.record(this.#command, touched);
  }

  close(): void {
    this.#closed = true;
    this.#contents?.close();
    this.#digests?.close();
  }
}

function tellWant(
  { kind, path }: Touched,
  { pack, told }: { pack: StartPack; told: Map<ByteString, ToldFile> },
): void {
  if (kind === "listing") return pack.addDirectory(path);
  const file = pack.addPath(path);
  if (kind === "content" && file !== undefined) told.set(path, file);
}

function tellChunk(
  { path, stat, chunk, digest }: DigestedChunk,
  { told, writer }: { told: Map<ByteString, ToldFile>; writer: PackWriter },
): void {
  const file = told.get(path);
  if (file === undefined || !isSame(file.stat, stat)) return;
  writer.write({ kind: "content", dir: file.dir, name: file.name, chunk, digest });
}

/** Whether both are of one file in one state. */
function isSame(one: Stat, other: Stat): boolean {
  return one.ino === other.ino && one.dev === other.dev && one.size === other.size && one.mtime === other.mtime &&
    one.mtimeNsec === other.mtimeNsec && one.ctime === other.ctime && one.ctimeNsec === other.ctimeNsec;
}
