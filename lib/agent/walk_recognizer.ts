import type { Node } from "./nodes.ts";

/** Directories beside each other that are looked into, until that is taken for a walk: after their parent was listed, or not. */
const SIBLINGS_LISTED = 2;
const SIBLINGS = 4;
/** Small files that are opened in one place, until more are expected. */
const FILES_LISTED = 2;
const FILES = 8;
/** So often what was told of a tree may not have been used. */
const MAX_FAILURES = 2;
/** As deep as a walk is told where the program is. */
const MAX_DEPTH = 64;

/** What is expected to be asked for. */
export interface WalkWanted {
  readonly top: Node;
  /** Inode numbers on the way from the top to where the program is. */
  readonly from: readonly bigint[];
  readonly contents: boolean;
  readonly breadth: boolean;
}

/** What programs did in a directory. */
interface Seen {
  isListed: boolean;
  hasMissed: boolean;
  /** Directories in there in which names were looked up that were not known. */
  siblings: number;
  files: number;
  /** Directories in there that were listed. */
  listed: number;
  /** Directories in there that turned out to be looked into one after the other, and in which files were read so. */
  walked: number;
  read: number;
  isRead: boolean;
  /** Walks from here that were not worth it. */
  failures: number;
}

/**
 * Tells from what programs ask for whether they walk through a tree: whoever has listed a directory and then lists one in
 * it goes on so; and whoever looks into one directory after the other, or opens the second file, is going to do the same with
 * the next. The top is the highest directory above that was listed without a gap.
 */
export class WalkRecognizer {
  readonly #seen = new WeakMap<Node, Seen>();

  /** A directory is listed. */
  listed(node: Node, isTold: boolean): WalkWanted | undefined {
    this.#of(node).isListed = true;
    const parent = above(node);
    if (parent === undefined) return undefined;
    const { isListed } = this.#of(parent);
    this.#of(parent).listed++;
    return isTold || !isListed ? undefined : this.#want(node, { contents: false, below: parent });
  }

  /** A name in a directory was not known. */
  missed(node: Node): WalkWanted | undefined {
    const seen = this.#of(node);
    const parent = above(node);
    if (seen.hasMissed || seen.isListed || parent === undefined) return undefined;
    seen.hasMissed = true;
    const { siblings, isListed } = this.#of(parent);
    this.#of(parent).siblings++;
    // What is done with directories in one place is done with those in the next, too: then it is a walk through both.
    const outer = above(parent);
    const isNext = outer !== undefined && !isShallow(outer) && this.#of(outer).walked > 0;
    if (siblings + 1 < (isListed || isNext ? SIBLINGS_LISTED : SIBLINGS)) return undefined;
    if (!isListed && isShallow(parent)) return undefined;
    if (outer !== undefined) this.#of(outer).walked++;
    return this.#want(node, { contents: false, below: isNext ? outer : parent });
  }

  /** A small file is read whose content was not known. */
  opened(node: Node): WalkWanted | undefined {
    const directory = above(node);
    if (directory === undefined) return undefined;
    const top = this.#topOfFiles(directory);
    const seen = this.#of(top);
    seen.files++;
    const { isListed } = this.#of(directory);
    const outer = above(top);
    const isNext = outer !== undefined && !isShallow(outer) && this.#of(outer).read > (seen.isRead ? 1 : 0);
    if (seen.files < (isListed || isNext ? FILES_LISTED : FILES)) return undefined;
    if (!isListed && isShallow(top)) return undefined;
    if (outer !== undefined && !seen.isRead) this.#of(outer).read++;
    seen.isRead = true;
    return this.#want(node, { contents: true, below: isNext ? outer : top });
  }

  /** What was told of a walk was used for the most part, or not. */
  ended({ top }: WalkWanted, { isGood }: { isGood: boolean }): void {
    const seen = this.#of(top);
    seen.failures = isGood ? 0 : seen.failures + 1;
  }

  /** `below`: the directory through which it is a walk, at least. */
  #want(node: Node, { contents, below }: { contents: boolean; below: Node }): WalkWanted | undefined {
    const top = this.#top(below);
    if (top.id === 1) return undefined;
    if (this.#of(top).failures >= MAX_FAILURES) return undefined;
    const from: bigint[] = [];
    for (let at: Node | undefined = node; at !== undefined && at !== top; at = above(at)) from.unshift(at.attr.ino);
    return { top, from: from.slice(0, MAX_DEPTH), contents, breadth: this.#isBreadth(top) };
  }

  /** The highest directory from here on up of which all on the way were listed; not the root. */
  #top(directory: Node): Node {
    let top = directory;
    for (let at = above(top); at !== undefined && at.id !== 1 && this.#of(at).isListed; at = above(at)) top = at;
    return top;
  }

  /** The same for files: those in directories that are looked into one after the other belong together, listed or not. */
  #topOfFiles(directory: Node): Node {
    const parent = above(directory);
    return this.#top(parent !== undefined && this.#of(parent).siblings >= SIBLINGS ? parent : directory);
  }

  /** Several directories in there were listed, and nothing in those. */
  #isBreadth(top: Node): boolean {
    if (this.#of(top).listed < 3) return false;
    for (const child of top.children.values()) {
      if (child.isDirectory && this.#of(child).listed + this.#of(child).siblings > 0) return false;
    }
    return true;
  }

  #of(node: Node): Seen {
    let seen = this.#seen.get(node);
    if (seen === undefined) {
      const counts = { siblings: 0, files: 0, listed: 0, walked: 0, read: 0, failures: 0 };
      seen = { isListed: false, hasMissed: false, isRead: false, ...counts };
      this.#seen.set(node, seen);
    }
    return seen;
  }
}

/** `/usr`, `/etc`: what is in there does not belong together. */
function isShallow(directory: Node): boolean {
  return (above(directory)?.id ?? 1) === 1;
}

function above(node: Node): Node | undefined {
  return node.places[0]?.parent;
}
