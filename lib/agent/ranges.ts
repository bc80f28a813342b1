/** What is done to ranges of open files on the local side, without their bytes crossing the link. */
import { DecodeError } from "../bytes/mod.ts";
import type { FileCopy, FileRange } from "../fuse/mod.ts";
import { Errno, ErrnoError, FALLOC_FL_KEEP_SIZE, SEEK_HOLE } from "../linux/mod.ts";
import {
  decodeCopied,
  decodePosition,
  decodeStat,
  encodeAllocate,
  encodeCopy,
  encodeSeek,
  FileOp,
} from "../protocol/mod.ts";
import type { Node } from "./nodes.ts";
import type { Tree } from "./tree.ts";
import type { WriteBehind } from "./write_behind.ts";
import type { WriteOut } from "./write_out.ts";

/** Operations on ranges of the local side's files. */
export class Ranges {
  readonly #tree: Tree;
  readonly #behind: WriteBehind;
  readonly #writeOut: WriteOut;

  constructor(tree: Tree, behind: WriteBehind, writeOut: WriteOut) {
    this.#tree = tree;
    this.#behind = behind;
    this.#writeOut = writeOut;
  }

  async allocate(range: FileRange): Promise<void> {
    const { node } = this.#tree.file(range.fh);
    // The others change what was there.
    if ((range.mode & ~FALLOC_FL_KEEP_SIZE) !== 0) node.forgetWritten();
    if (node.pending > 0) await this.#tree.log.settled(node);
    const stat = decodeStat(await writing(node, this.#tree.ask(FileOp.FALLOCATE, encodeAllocate(range))));
    node.wasLeft(stat);
    node.update(stat);
  }

  async seek(node: Node, at: { fh: number; offset: number; whence: number }): Promise<number> {
    if (node.overlay?.kind === "file") return seekWithoutHoles(node.overlay.content.length, at);
    const file = this.#tree.file(at.fh);
    // The kernel keeps to itself what it has collected, and what it knows of the size by that.
    if (node.mayHaveUnwritten) await this.#writeOut.request();
    await node.written();
    if (node.pending > 0) await this.#tree.log.settled(node);
    this.#tree.stillOpen(file).openThere?.();
    return decodePosition(await this.#tree.ask(FileOp.SEEK, encodeSeek(at)));
  }

  /** EOPNOTSUPP, which has the kernel read and write itself, where one of the two is the remote machine's. */
  async copy({ fh, offset, to, length }: FileCopy): Promise<number> {
    const source = this.#tree.files.get(fh);
    const target = this.#tree.files.get(to.fh);
    if (source === undefined || target === undefined) {
      throw new ErrnoError(Errno.EOPNOTSUPP, "copy a file of the remote machine");
    }
    const behind = this.#behind.copy(source, target, { fh, offset, to, length });
    if (behind !== undefined) return behind;
    target.node.forgetWritten();
    const settling = this.#tree.log.settled(source.node, target.node);
    if (settling !== undefined) await settling;
    this.#tree.stillOpen(source).openThere?.();
    this.#tree.stillOpen(target);
    const body = encodeCopy({ from: fh, fromOffset: offset, to: to.fh, toOffset: to.offset, length });
    const { copied, stat } = decodeCopied(await writing(target.node, this.#tree.ask(FileOp.COPY, body)));
    if (copied > length) throw new DecodeError(`Cannot have copied ${copied} of ${length} bytes`);
    target.node.update(stat);
    return copied;
  }
}

/** Voids what was read ahead of the file, also while the request is under way. */
async function writing<T>(node: Node, reply: Promise<T>): Promise<T> {
  node.writes++;
  try {
    return await reply;
  } finally {
    node.writes++;
  }
}

function seekWithoutHoles(size: number, { offset, whence }: { offset: number; whence: number }): number {
  if (offset >= size) throw new ErrnoError(Errno.ENXIO, `search a file of ${size} bytes from ${offset} on`);
  return whence === SEEK_HOLE ? size : offset;
}
