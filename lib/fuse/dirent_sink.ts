import { writeByteString } from "../bytes/mod.ts";
import { fuse_dirent, fuse_entry_out } from "./abi.ts";
import { encodeEntryOut } from "./encode.ts";
import type { DirEntry, DirSink, Entry, NodeId, ShowOwner } from "./file_system.ts";
import { Reply } from "./reply.ts";

/** Collects the entries of one READDIR (fuse_dirent) or READDIRPLUS (fuse_direntplus). */
export class DirentSink implements DirSink {
  readonly plus: boolean;
  readonly #size: number;
  readonly #reply: Reply;
  readonly #lookedUp: NodeId[] = [];
  readonly #start: number;

  /** `size`: bytes the kernel has room for. */
  constructor(plus: boolean, size: number, showOwner?: ShowOwner) {
    this.plus = plus;
    this.#size = size;
    this.#reply = new Reply(size, showOwner);
    this.#start = this.#reply.length;
  }

  /** The encoded entries. */
  get bytes(): Uint8Array {
    return this.#reply.bytes.subarray(this.#start, this.#reply.length);
  }

  /** The nodes that count as looked up once the kernel has these entries; one may be in it twice. */
  get lookedUp(): readonly NodeId[] {
    return this.#lookedUp;
  }

  add(entry: DirEntry, plus?: Entry): boolean {
    const before = this.plus ? fuse_entry_out.sizeof : 0;
    const size = (before + fuse_dirent.sizeof + entry.name.length + 7) & ~7;
    const reply = this.#reply;
    if (reply.length - this.#start + size > this.#size) return false;
    if (this.plus) this.#addEntry(entry, plus);
    const at = reply.take(size - before);
    reply.u64(at + fuse_dirent.ino, entry.ino);
    reply.u64(at + fuse_dirent.off, entry.offset);
    reply.u32(at + fuse_dirent.namelen, entry.name.length);
    reply.u32(at + fuse_dirent.type, entry.type);
    writeByteString(entry.name, reply.bytes, at + fuse_dirent.sizeof);
    return true;
  }

  /** The kernel takes no lookup for "." and "..", so a node id there would never be forgotten. */
  #addEntry(entry: DirEntry, plus: Entry | undefined): void {
    if (plus === undefined || plus.nodeId === 0 || entry.name === "." || entry.name === "..") {
      this.#reply.take(fuse_entry_out.sizeof);
      return;
    }
    encodeEntryOut(this.#reply, plus);
    this.#lookedUp.push(plus.nodeId);
  }
}
