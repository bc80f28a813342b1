import { Writer } from "../bytes/mod.ts";
import { AgentNote, type PackRecord, writePackRecord } from "../protocol/mod.ts";

/** Bytes of one note: less than it may have, by more than the largest record. */
const PART = 48 * 1024;
/** How long a record may wait for others, in ms. */
const GATHER_MS = 5;

/** Gathers records into PACK notes. */
export class PackWriter {
  readonly #notify: (op: number, body: Uint8Array) => void;
  #part = new Writer(PART);
  #timer: number | undefined;
  /** What was written. */
  records = 0;
  bytes = 0;

  constructor(notify: (op: number, body: Uint8Array) => void) {
    this.#notify = notify;
  }

  /** Writes a record. It leaves with those that follow soon. */
  write(record: PackRecord): void {
    const before = this.#part.length;
    writePackRecord(this.#part, record);
    this.records++;
    this.bytes += this.#part.length - before;
    if (this.#part.length >= PART) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** What was written leaves now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#part.length === 0) return;
    this.#notify(AgentNote.PACK, this.#part.finish());
    this.#part = new Writer(PART);
  }
}
