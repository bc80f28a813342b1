import { encodeInvalInode, encodeStore } from "../fuse/mod.ts";
import type { Node } from "./nodes.ts";
import type { WriteOut } from "./write_out.ts";

const PAGE = 4096;
/** So many single pages are written while a file is dropped: there are more. */
const MANY_PAGES = 32;

/** What it is made of. */
export interface PageCacheOptions {
  /** Writes a message to the device, off this thread (see notify.ts of lib/fuse), and tells of the end. */
  readonly notify: (message: Uint8Array<ArrayBuffer>) => Promise<void>;
  readonly writeOut: WriteOut;
}

/** What the kernel keeps of the files' content, for those who cannot go on before it is as on the local side. */
export class PageCache {
  readonly #notify: PageCacheOptions["notify"];
  readonly #writeOut: WriteOut;
  /** Nodes that are being dropped, and the pages that came of it. */
  readonly #dropping = new Map<Node, number>();

  constructor({ notify, writeOut }: PageCacheOptions) {
    this.#notify = notify;
    this.#writeOut = writeOut;
  }

  /** Writes what is dirty to the local side, then forgets all of the content. */
  async drop(node: Node): Promise<void> {
    node.writes++;
    this.#dropping.set(node, 0);
    try {
      await this.#notify(encodeInvalInode(node.id, { offset: 0, length: 0 }));
    } finally {
      this.#dropping.delete(node);
    }
  }

  /**
   * A write has come. The kernel writes the dirty pages of a file that it drops one by one, each in a round trip; when
   * there are many, it is asked for all that it has collected, which it gives out at once and in large pieces.
   */
  wrote(node: Node, length: number): void {
    const pages = this.#dropping.get(node);
    if (pages === undefined || length > PAGE) return;
    this.#dropping.set(node, pages + 1);
    if (pages + 1 === MANY_PAGES) this.#writeOut.request();
  }

  /**
   * Makes the file as long as it is on the local side: under write-back the kernel believes its own size of it, which can
   * only be made larger, by putting something behind its end. `last`: the last byte, which is what is put there.
   */
  async grow(node: Node, size: number, last: Uint8Array): Promise<void> {
    await this.#notify(encodeStore(node.id, size - 1, last));
    node.shownSize = size;
  }
}
