import { isSameContent } from "../linux/mod.ts";
import { encodeRead, FileOp, type LockedOut } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import type { Node, Nodes } from "./nodes.ts";
import type { OpenFile } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";

/** What it is made of. */
export interface LockedContentOptions {
  readonly connection: Connection;
  readonly nodes: Nodes;
  readonly cache: PageCache;
  /** The kernel believes its own size and times of a file. */
  readonly writeBack: boolean;
}

/** What was last seen of a node under a lock, and whether the kernel has come to know of it. */
interface Sight {
  last: LockedOut | undefined;
  told: Promise<void>;
}

/**
 * The content that locks protect crosses the link when they are had and let go of; the kernel here does nothing about it.
 * All nodes of a file take part: a program may lock it by one descriptor and read it by another.
 */
export class LockedContent {
  readonly #connection: Connection;
  readonly #nodes: Nodes;
  readonly #cache: PageCache;
  readonly #writeBack: boolean;
  readonly #sights = new WeakMap<Node, Sight>();

  constructor(options: LockedContentOptions) {
    this.#connection = options.connection;
    this.#nodes = options.nodes;
    this.#cache = options.cache;
    this.#writeBack = options.writeBack;
  }

  /** What was written here is on the local side after this. */
  async flush(node: Node): Promise<void> {
    const dirty = this.#nodes.sameFile(node).filter(({ mayHaveUnwritten }) => mayHaveUnwritten);
    await Promise.all(dirty.map((node) => this.#cache.drop(node)));
  }

  /** What is read from here on is what the file had when it was locked. */
  async renew(file: OpenFile, locked: LockedOut): Promise<void> {
    const open = this.#nodes.sameFile(file.node).filter(({ openFiles }) => openFiles.size > 0);
    await Promise.all(open.map((node) => {
      node.forgetWritten();
      const sight = this.#sights.get(node) ?? { last: undefined, told: Promise.resolve() };
      this.#sights.set(node, sight);
      const tell = async () => {
        const { last } = sight;
        sight.last = locked;
        if (!isUnwritten(last, locked) && mayKeep(node, locked)) await this.#tell(node, { file, locked });
      };
      return sight.told = sight.told.then(tell, tell);
    }));
  }

  async #tell(node: Node, { file, locked }: { file: OpenFile; locked: LockedOut }): Promise<void> {
    await this.#cache.drop(node);
    const { settled: _, ...content } = locked;
    if (!this.#writeBack) return node.update({ ...node.attr, ...content });
    // The times stay as the kernel has them, so that the next lookup finds a change and makes a new node.
    node.attr = { ...node.attr, size: Math.max(locked.size, node.attr.size) };
    if (locked.size > node.shownSize) await this.lengthen(node, { file, size: locked.size });
  }

  /** Lets the kernel know that a node has become longer on the local side. `file`: open, on any node of the file. */
  async lengthen(node: Node, { file, size }: { file: OpenFile; size: number }): Promise<void> {
    const last = await this.#lastByte(file, size);
    if (last.length === 1) await this.#cache.grow(node, size, last);
  }

  async #lastByte({ fh }: OpenFile, size: number): Promise<Uint8Array> {
    try {
      const body = encodeRead({ fh, offset: size - 1, size: 1 });
      return await this.#connection.call(FileOp.READ, body, { maxReply: 1 }).reply;
    } catch {
      // Open for writing only: nobody is going to read it.
      return new Uint8Array(1);
    }
  }
}

/** Whether nobody, not even we, has written in between. */
function isUnwritten(last: LockedOut | undefined, locked: LockedOut): boolean {
  return last !== undefined && last.settled && isSameContent(last, locked);
}

/** Whether the kernel may have something of the file; not of one that only serves as a lock. */
function mayKeep(node: Node, locked: LockedOut): boolean {
  return locked.size > 0 || node.shownSize > 0 || node.writes > 0;
}
