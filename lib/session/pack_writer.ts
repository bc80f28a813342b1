import { deflateRawSync } from "node:zlib";
import { Writer } from "../bytes/mod.ts";
import { AgentNote, type PackRecord, writePackRecord } from "../protocol/mod.ts";

/** Bytes of one note: less than it may have, by more than the largest record. */
const PART = 48 * 1024;
/** A longer note is deflated: attributes and names are alike, and become a third. The start of small programs has none. */
const PLAIN = 8 * 1024;
/** The fastest: 1 ms for 100 KB. */
const LEVEL = 1;
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
  /** Bytes of notes. */
  sent = 0;

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
    const body = this.#part.finish();
    const isPlain = body.length <= PLAIN;
    const note = isPlain ? body : deflated(body);
    this.sent += note.length;
    this.#notify(isPlain ? AgentNote.PACK : AgentNote.DEFLATED_PACK, note);
    this.#part = new Writer(PART);
  }
}

function deflated(body: Uint8Array): Uint8Array {
  return new Writer(PLAIN).u32(body.length).bytes(deflateRawSync(body, { level: LEVEL })).finish();
}
