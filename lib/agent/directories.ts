import { Errno, ErrnoError } from "../linux/mod.ts";
import {
  ANY_INODE,
  decodePage,
  type DirPage,
  encodeBind,
  encodeNumber,
  encodeReadDir,
  encodeRef,
  FileNote,
  FileOp,
  MAX_ENTRY,
  type ReadDirIn,
  ROOT_DIRECTORY,
} from "../protocol/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import type { ChangeLog } from "./change_log.ts";
import { type Node, pathOf } from "./nodes.ts";

const NEAR_MS = 10;

/**
 * Numbers under which the local side knows directories. A number is announced in the same flight as the first request
 * that uses it, so it costs no round trip; the least recently used one is given up when there are too many. A directory
 * that the local side did not find when it was told the number fails every request that uses it, so the numbers are
 * checked when a request fails: what is there by then can be used.
 */
export class Directories {
  readonly #connection: Connection;
  /** In order of last use. */
  readonly #bound = new Map<Node, number>();
  /** Numbers are not used again: what the local side tells of one may still be on its way. */
  readonly #nodes = new Map<number, Node>();
  /** Numbers of directories of which the local side tells every change. */
  readonly #watched = new Set<number>();
  /** Bound, and perhaps not found. */
  readonly #unchecked = new Set<Node>();
  /** The log is going to tell the local side their numbers. */
  readonly #underway = new Set<Node>();
  #late: Promise<void> | undefined;
  /** Made by us, and going to be watched from the begin if that can be. */
  readonly #expected = new Set<Node>();
  readonly #log: ChangeLog;
  readonly #limit: number;
  readonly #onStale: () => void;
  readonly #onUnleased: (node: Node) => void;
  /** Of all answers, in ms. */
  #fastest: number | undefined;
  #next = ROOT_DIRECTORY + 1;

  /**
   * `limit`: most numbers in use, as the local side can hold so many. `onStale` is called when a request fails because a file is not there any more,
   * `onUnleased` when changes in a directory are not told any more.
   */
  constructor(
    connection: Connection,
    options: { log: ChangeLog; limit: number; onStale?: () => void; onUnleased?: (node: Node) => void },
  ) {
    this.#connection = connection;
    this.#log = options.log;
    this.#limit = options.limit;
    this.#onStale = options.onStale ?? (() => {});
    this.#onUnleased = options.onUnleased ?? (() => {});
  }

  /** The reply to a request that names directories by their numbers. `maxReply`: bytes; a longer one ends the link. */
  async ask(op: number, body: Uint8Array, maxReply?: number): Promise<Uint8Array> {
    while (this.#late !== undefined) {
      const late = this.#late;
      await late;
      if (this.#late === late) this.#late = undefined;
    }
    const before = performance.now();
    try {
      const reply = await this.#connection.call(op, body, { maxReply }).reply;
      this.#fastest = Math.min(this.#fastest ?? Infinity, performance.now() - before);
      return reply;
    } catch (error) {
      const errno = error instanceof RpcError ? error.errno : 0;
      // A directory that is not there is ESTALE: ENOENT is said of what is looked for in one.
      if (errno !== Errno.ENOENT) this.#check();
      if (errno === Errno.ESTALE) this.#onStale();
      throw error;
    }
  }

  /** Whether the local side answers nearly at once, or is not known not to. */
  get isNear(): boolean {
    return this.#fastest === undefined || this.#fastest < NEAR_MS;
  }

  /** A part of a listing. */
  async page(request: ReadDirIn): Promise<DirPage> {
    return decodePage(await this.ask(FileOp.READDIR, encodeReadDir(request), request.budget + MAX_ENTRY));
  }

  /** The directory that the local side means by a number; undefined when the number was given up meanwhile. */
  byNumber(number: number): Node | undefined {
    return this.#nodes.get(number);
  }

  /** The local side tells of every change in there from now on. */
  watched(number: number): void {
    if (number === ROOT_DIRECTORY || this.#nodes.has(number)) this.#watched.add(number);
  }

  /** The local side tells of nothing until it says again that it watches. */
  unwatchAll(): void {
    this.#watched.clear();
  }

  /** Whether what is known of the names in there stays true until the local side says otherwise. */
  isLeased(node: Node): boolean {
    const number = node.id === 1 ? ROOT_DIRECTORY : this.#bound.get(node);
    return number !== undefined && (this.#watched.has(number) || this.#expected.has(node));
  }

  /** Gives a number to a directory that the log is going to make. */
  made(node: Node): void {
    this.#expected.add(node);
    this.#bind(node);
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

  /** Takes over the number that the local side gave to a directory; what it told at `since` or later is news of the watch. */
  adopt(node: Node, { number, watched, since }: { number: number; watched: boolean; since: number }): void {
    this.release(node);
    this.#makeRoom();
    this.#bound.set(node, number);
    this.#nodes.set(number, node);
    if (watched) this.#watched.add(number);
    node.changedAt = Math.max(node.changedAt, since);
    node.watchedAt = since;
  }

  /** The local side's number of a directory is not needed any more. */
  refuse(number: number): void {
    this.#connection.notify(FileNote.UNBIND, encodeNumber(number));
  }

  /** The kernel forgot the directory. */
  release(node: Node): void {
    const number = this.#bound.get(node);
    if (number !== undefined) this.#unbind(node, number);
  }

  #bind(node: Node): number {
    const place = node.places[0];
    if (place === undefined) throw new ErrnoError(Errno.ESTALE, "name a directory that was removed");
    const parent = this.number(place.parent);
    this.#makeRoom();
    const id = this.#next++;
    const { dev } = node.attr;
    const ino = node.isProvisional ? ANY_INODE : node.attr.ino;
    const body = encodeBind({ id, parent, name: place.name, dev, ino });
    this.#bound.set(node, id);
    this.#nodes.set(id, node);
    // A watch tells of nothing that was before it.
    node.changedAt = node.watchedAt = performance.now();
    if (node.pending > 0 || this.#underway.has(place.parent)) {
      const isSettled = node.pending === 0;
      this.#underway.add(node);
      const bound = () => this.#boundByLog(node, id);
      this.#log.append({
        ...{ op: FileOp.BIND, body, nodes: [node, place.parent], path: pathOf(node), onReply: bound, onError: bound },
      });
      // Whoever uses the number at once, without the log, would overtake this.
      if (isSettled) this.#late = this.#log.settled(node);
      return id;
    }
    this.#connection.notify(FileNote.BIND, body);
    this.#unchecked.add(node);
    return id;
  }

  /** The local side has dealt with the number, and has told before whether it watches the directory. */
  #boundByLog(node: Node, id: number): void {
    if (this.#bound.get(node) === id) this.#unchecked.add(node);
    this.#underway.delete(node);
    if (this.#expected.delete(node) && !this.#watched.has(id)) this.#onUnleased(node);
  }

  /** Not one that a change in the log uses. */
  #makeRoom(): void {
    if (this.#bound.size < this.#limit) return;
    for (const node of this.#bound.keys()) if (node.pending === 0) return this.release(node);
  }

  #unbind(node: Node, number: number): void {
    this.#bound.delete(node);
    this.#nodes.delete(number);
    if (this.#watched.delete(number)) this.#onUnleased(node);
    this.#unchecked.delete(node);
    this.#expected.delete(node);
    const body = encodeNumber(number);
    // Changes under way may name files in there.
    if (this.#log.isEmpty) this.#connection.notify(FileNote.UNBIND, body);
    else this.#log.append({ op: FileOp.UNBIND, body, nodes: [], path: pathOf(node), onError: () => {} });
  }

  /** Gives up the numbers of directories that were not found. Their next use binds them anew. */
  #check(): void {
    for (const node of this.#unchecked) {
      const dir = this.#bound.get(node)!;
      this.#connection.call(FileOp.GETATTR, encodeRef({ kind: "directory", dir })).reply.catch(() => {
        if (this.#bound.get(node) === dir) this.#unbind(node, dir);
      });
    }
    this.#unchecked.clear();
  }
}
