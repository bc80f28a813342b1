import { encodeNumber, FileNote } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { Node } from "./nodes.ts";
import { ReadAhead } from "./read_ahead.ts";

/** A file of the local side, open under a handle that we chose. */
export interface OpenFile {
  readonly fh: number;
  readonly node: Node;
  readonly writable: boolean;
  readonly readAhead: ReadAhead;
}

/** The open files. Handles are used again, lowest first, so that they stay within 32 bits. */
export class OpenFiles {
  readonly #connection: Connection;
  readonly #files = new Map<number, OpenFile>();
  readonly #free: number[] = [];
  #next = 1;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A handle for a request that opens; give it back with {@link cancel} when that fails. */
  reserve(): number {
    return this.#free.pop() ?? this.#next++;
  }

  cancel(fh: number): void {
    this.#free.push(fh);
  }

  /** The file is open. */
  add(fh: number, node: Node, writable: boolean): OpenFile {
    const file = { fh, node, writable, readAhead: new ReadAhead(this.#connection, node, fh) };
    this.#files.set(fh, file);
    node.openFiles.add(file);
    return file;
  }

  get(fh: number): OpenFile | undefined {
    return this.#files.get(fh);
  }

  /** Closes it on the local side, without waiting. */
  release(fh: number): void {
    const file = this.#files.get(fh);
    if (file === undefined) return;
    this.#files.delete(fh);
    file.node.openFiles.delete(file);
    file.readAhead.drop();
    this.discard(fh);
  }

  /** Closes a handle that never became an open file here. */
  discard(fh: number): void {
    this.#connection.notify(FileNote.RELEASE, encodeNumber(fh));
    this.#free.push(fh);
  }
}
