import { type CheckedFile, encodeCheck, FileNote, MAX_CHECKED, MAX_CHECKED_NAMES } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { Node } from "./nodes.ts";
import type { OpenFile } from "./open_files.ts";
import type { Tree } from "./tree.ts";

/** How long files gather until the local side is asked whether they are what they are taken for. */
const GATHER_MS = 50;
/** A file that stays open for longer is opened on the local side as well: it is to stay readable whatever becomes of its name. */
const SHORT_MS = 1000;

/**
 * Files that are open here only. A compiler opens a hundred headers and closes them at once, and all that it reads is here:
 * the local side would open and close each of them for nothing. What it is asked instead, for many at a time, is whether they
 * are still what they are taken for (CHECK): there are changes of which no news come (stores to a mapping). One that is not
 * is told as any other change.
 */
export class DeferredOpenings {
  readonly #connection: Connection;
  readonly #tree: Tree;
  /** The oldest first, and when they were opened: performance.now(). */
  readonly #files = new Map<OpenFile, number>();
  readonly #unchecked = new Set<Node>();
  #since = 0;

  constructor(connection: Connection, tree: Tree) {
    this.#connection = connection;
    this.#tree = tree;
  }

  /** Opens a file here; `openThere` has the local side open it when that turns out to be needed. */
  add(file: OpenFile, openThere: () => void): void {
    const now = performance.now();
    this.#files.set(file, now);
    file.openThere = () => {
      this.#files.delete(file);
      file.openThere = undefined;
      openThere();
    };
    if (this.#unchecked.size === 0) this.#since = now;
    this.#unchecked.add(file.node);
  }

  /** The file is closed; the local side never heard of it. */
  closed(file: OpenFile): void {
    this.#files.delete(file);
    file.openThere = undefined;
  }

  /** Asks about those that have gathered; to be called often. */
  turn(): void {
    if (this.#unchecked.size === 0) return;
    if (this.#unchecked.size >= MAX_CHECKED || performance.now() - this.#since >= GATHER_MS) this.#check();
  }

  /** Asks about all, and opens what has been open for long; to be called about once a second. */
  tick(): void {
    this.#check();
    const now = performance.now();
    for (const [file, since] of this.#files) {
      if (now - since < SHORT_MS) break;
      file.openThere!();
    }
  }

  #check(): void {
    let files: CheckedFile[] = [];
    let bytes = 0;
    const send = () => {
      if (files.length > 0) this.#connection.notify(FileNote.CHECK, encodeCheck(files));
      files = [];
      bytes = 0;
    };
    for (const node of this.#unchecked) {
      const place = node.places[0];
      // What we change, or know to be out of date, is asked for anyway.
      if (place === undefined || node.pending > 0 || !node.attrKnown || !this.#tree.directories.has(place.parent)) {
        continue;
      }
      files.push({ dir: this.#tree.directories.number(place.parent), name: place.name, stat: node.attr });
      bytes += place.name.length;
      if (files.length === MAX_CHECKED || bytes >= MAX_CHECKED_NAMES) send();
    }
    send();
    this.#unchecked.clear();
  }
}
