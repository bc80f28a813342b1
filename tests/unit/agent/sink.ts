import type { DirEntry, DirSink, Entry } from "../../../lib/fuse/mod.ts";

/** Takes as many entries as there is room for. */
export class Sink implements DirSink {
  readonly plus: boolean;
  readonly entries: DirEntry[] = [];
  /** Those of them that count as looked up. */
  readonly plusEntries: Entry[] = [];
  readonly #room: number;

  constructor(options: { room?: number; plus?: boolean } = {}) {
    this.#room = options.room ?? Infinity;
    this.plus = options.plus ?? false;
  }

  add(entry: DirEntry, plus?: Entry): boolean {
    if (this.entries.length >= this.#room) return false;
    this.entries.push(entry);
    if (plus !== undefined && plus.nodeId !== 0) this.plusEntries.push(plus);
    return true;
  }
}
