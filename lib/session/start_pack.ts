import { type ByteString, Writer } from "../bytes/mod.ts";
import type { FileServer, ToldFile } from "../fileserver/mod.ts";
import { AgentNote, type PackRecord, type Touched, writePackRecord } from "../protocol/mod.ts";

/** Bytes of one note: less than it may have, by more than the largest record. */
const PART = 48 * 1024;

/** A file whose content is wanted. */
export interface WantedFile extends ToldFile {
  readonly path: ByteString;
  /** Which chunks; undefined: all. */
  readonly chunks?: readonly number[];
}

/** What there was to tell. */
export interface Told {
  readonly records: number;
  readonly bytes: number;
  /** Regular files whose contents are wanted, in order. */
  readonly files: readonly WantedFile[];
}

/** Gathers records into PACK notes. */
export class PackWriter {
  readonly #notify: (op: number, body: Uint8Array) => void;
  #part = new Writer(2 * PART);
  records = 0;
  bytes = 0;

  constructor(notify: (op: number, body: Uint8Array) => void) {
    this.#notify = notify;
  }

  write(record: PackRecord): void {
    writePackRecord(this.#part, record);
    this.records++;
    if (this.#part.length >= PART) this.flush();
  }

  flush(): void {
    if (this.#part.length === 0) return;
    this.bytes += this.#part.length;
    this.#notify(AgentNote.PACK, this.#part.finish());
    this.#part = new Writer(2 * PART);
  }
}

/** Tells the agent of everything that is wanted, in that order, as it is at this moment. */
export function tellAhead(
  wants: readonly Touched[],
  { files, notify }: { files: FileServer; notify: (op: number, body: Uint8Array) => void },
): Told {
  const writer = new PackWriter(notify);
  const pack = files.startPack((record) => writer.write(record));
  const contents: WantedFile[] = [];
  for (const { kind, path, chunks } of wants) {
    if (kind === "listing") {
      pack.addDirectory(path);
      continue;
    }
    const file = pack.addPath(path);
    if (kind === "content" && file !== undefined) contents.push({ ...file, path, chunks });
  }
  writer.flush();
  return { records: writer.records, bytes: writer.bytes, files: contents };
}
