import { Errno, ErrnoError } from "../linux/mod.ts";
import { encodeBind, encodeNumber, FileNote, ROOT_DIRECTORY } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { Node } from "./nodes.ts";

/** The local side holds a descriptor for each bound directory: fewer than any usual limit on those. */
const MAX_BOUND = 2048;

/**
 * Numbers under which the local side knows directories. A number is announced in the same flight as the first request
 * that uses it, so it costs no round trip; the least recently used one is given up when there are too many.
 */
export class Directories {
  readonly #connection: Connection;
  /** In order of last use. */
  readonly #bound = new Map<Node, number>();
  #next = ROOT_DIRECTORY + 1;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether a request can use the directory's number without announcing it first. */
  has(node: Node): boolean {
    return node.id === 1 || this.#bound.has(node);
  }

  /** The directory's number, bound now if it was not. ESTALE when it has no name to bind it by. */
  number(node: Node): number {
    if (node.id === 1) return ROOT_DIRECTORY;
    const known = this.#bound.get(node);
    if (known !== undefined) {
      this.#bound.delete(node);
      this.#bound.set(node, known);
      return known;
    }
    return this.#bind(node);
  }

  /** The kernel forgot the directory. */
  release(node: Node): void {
    const number = this.#bound.get(node);
    if (number === undefined) return;
    this.#bound.delete(node);
    this.#connection.notify(FileNote.UNBIND, encodeNumber(number));
  }

  #bind(node: Node): number {
    const place = node.places[0];
    if (place === undefined) throw new ErrnoError(Errno.ESTALE, "name a directory that was removed");
    const parent = this.number(place.parent);
    const id = this.#take();
    const { dev, ino } = node.attr;
    this.#connection.notify(FileNote.BIND, encodeBind({ id, parent, name: place.name, dev, ino }));
    this.#bound.set(node, id);
    return id;
  }

  #take(): number {
    if (this.#bound.size < MAX_BOUND) return this.#next++;
    const [node, number] = this.#bound.entries().next().value!;
    this.#bound.delete(node);
    this.#connection.notify(FileNote.UNBIND, encodeNumber(number));
    return number;
  }
}
