import { O_ACCMODE, O_RDONLY } from "../linux/mod.ts";
import { encodeNumber, FileNote } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { Node } from "./nodes.ts";
import type { ReadableContent } from "./content.ts";
import { ReadAhead } from "./read_ahead.ts";

/** A file of the local side, open under a handle that we chose. */
export interface OpenFile {
  readonly fh: number;
  readonly node: Node;
  readonly writable: boolean;
  /** Reads and writes go past the page cache. */
  readonly direct: boolean;
  readonly readAhead: ReadAhead;
  /** The node's count of writes for which FLUSH was asked. */
  flushedWrites: number;
  /** What it is read from as long as nobody writes it; undefined: from the local side. */
  content?: ReadableContent;
  /** Has the local side open it: until then the handle means nothing there. Undefined: it was opened. */
  openThere?: () => void;
  /** The local side is opening it, which is not waited for; `opening`: until it has, or has refused. */
  isOpening?: boolean;
  opening?: Promise<void>;
  /** Why the local side has not opened it, which was not waited for: its handle means nothing there. */
  refusal?: unknown;
}

/** Whether the local side has it open, as far as is known: until then its handle may turn out to mean nothing there. */
export function isOpenThere({ openThere, isOpening }: OpenFile): boolean {
  return openThere === undefined && isOpening !== true;
}

/** How a file is opened: flags of open(2), and whether past the page cache. */
export interface Way {
  readonly flags: number;
  readonly direct: boolean;
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

  /** A handle for a request that opens. */
  reserve(): number {
    return this.#free.pop() ?? this.#next++;
  }

  /** The request that opens the handle has been sent; {@link cancel} it when that fails. */
  add(fh: number, node: Node, { flags, direct }: Way): OpenFile {
    const writable = (flags & O_ACCMODE) !== O_RDONLY;
    const readAhead = new ReadAhead(this.#connection, node, fh);
    const file: OpenFile = { fh, node, writable, direct, readAhead, flushedWrites: node.writes };
    this.#files.set(fh, file);
    return file;
  }

  /** The file is open, as it was known: until then, no change of it can be the work of who is going to write there. */
  confirm(file: OpenFile): void {
    file.node.opened(file);
    file.node.mayBeCached = true;
  }

  /** The handle was not opened on the local side. */
  cancel(fh: number): void {
    this.#remove(fh);
    this.#free.push(fh);
  }

  /** Nobody uses the handle any more; the local side is going to close it: then it is {@link free}. */
  close(fh: number): void {
    this.#remove(fh);
  }

  /** The handle may be used again. */
  free(fh: number): void {
    this.#free.push(fh);
  }

  get(fh: number): OpenFile | undefined {
    return this.#files.get(fh);
  }

  /** Closes it on the local side, without waiting. */
  release(fh: number): void {
    if (!this.#remove(fh)) return;
    this.#connection.notify(FileNote.RELEASE, encodeNumber(fh));
    this.#free.push(fh);
  }

  #remove(fh: number): boolean {
    const file = this.#files.get(fh);
    if (file === undefined) return false;
    this.#files.delete(fh);
    file.node.closed(file);
    file.readAhead.drop();
    return true;
  }
}
