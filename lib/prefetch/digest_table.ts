import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { fromText, Writer } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  O_CREAT,
  O_NOFOLLOW,
  O_RDWR,
  openAt,
  readAt,
  type Stat,
  truncateFd,
  unwrap,
  writeAt,
} from "../linux/mod.ts";

/** The sets that make up the file. A file (dev, ino) can be in one of them only. */
const SET_BYTES = 4096;
const SLOT_BYTES = 128;
/** Room for 200 000 digests in 26 MB. Sets that nothing was written to are holes. */
const SETS = 6250;

// A slot: what a file is known by, dev and ino first; its digest; u32 check; u32 used; zeros.
const INODE_BYTES = 16;
const IDENTITY_BYTES = 60;
const DIGEST_BYTES = 32;
const CHECK_AT = IDENTITY_BYTES + DIGEST_BYTES;
const USED_AT = CHECK_AT + 4;
/** What the sums start from: slots of another layout are not valid. */
const LAYOUT = crc32("outrun digests 1");

/**
 * A file of digests that sessions share: a hash table in sets of slots. A lookup reads one set; a new digest writes one
 * slot, in place of the same file's older one, or of the set's least recently used. Nothing is locked and there is
 * nothing to repair: a slot counts only if its sum is right. One that two sessions or a power failure mixed up is free.
 */
export class DigestTable {
  #fd: number;
  /** The set that was read last. */
  readonly #set = new Uint8Array(SET_BYTES);
  readonly #fields = new DataView(this.#set.buffer);

  /** Opens the file at `path`, which need not be there; throws when that fails. Its folder is nobody else's. */
  constructor(path: string) {
    const flags = O_RDWR | O_CREAT | O_NOFOLLOW;
    this.#fd = unwrap(openAt(AT_FDCWD, fromText(path), flags, 0o600), `open "${path}"`);
    // Whatever else it may have been.
    truncateFd(this.#fd, SETS * SET_BYTES);
  }

  /** What is found or put after it is nothing. */
  close(): void {
    close(this.#fd);
    this.#fd = -1;
  }

  /** The digest of the file that looks like that. `day` (since 1970) is remembered as that of its last use. */
  find(stat: Stat, day: number): string | undefined {
    const identity = identityOf(stat);
    const offset = this.#read(identity);
    for (let at = 0; at < SET_BYTES; at += SLOT_BYTES) {
      if (!this.#holds(at, identity) || !this.#isValid(at)) continue;
      if (this.#fields.getUint32(at + USED_AT, true) !== day) this.#write(at, { offset, day });
      return Buffer.from(this.#set.buffer, at + IDENTITY_BYTES, DIGEST_BYTES).toString("hex");
    }
    return undefined;
  }

  /** Keeps a digest, if the disk takes it. */
  put(stat: Stat, { digest, day }: { digest: string; day: number }): void {
    const identity = identityOf(stat);
    const offset = this.#read(identity);
    const at = this.#victim(identity.subarray(0, INODE_BYTES));
    this.#set.fill(0, at, at + SLOT_BYTES);
    this.#set.set(identity, at);
    this.#set.set(Buffer.from(digest, "hex"), at + IDENTITY_BYTES);
    this.#fields.setUint32(at + CHECK_AT, this.#sum(at), true);
    this.#write(at, { offset, day });
  }

  /** Reads the set of a file; returns its place. What lies beyond the end of the file, or cannot be read, is free. */
  #read(identity: Uint8Array): number {
    const offset = (crc32(identity.subarray(0, INODE_BYTES)) % SETS) * SET_BYTES;
    const count = readAt(this.#fd, this.#set, offset);
    this.#set.fill(0, Math.max(0, count));
    return offset;
  }

  #write(at: number, { offset, day }: { offset: number; day: number }): void {
    this.#fields.setUint32(at + USED_AT, day, true);
    writeAt(this.#fd, this.#set.subarray(at, at + SLOT_BYTES), offset + at);
  }

  /** The slot of the same file as it was before, or else the one that was used least recently. */
  #victim(inode: Uint8Array): number {
    let victim = 0;
    let least = Infinity;
    for (let at = 0; at < SET_BYTES; at += SLOT_BYTES) {
      if (this.#holds(at, inode)) return at;
      const used = this.#isValid(at) ? this.#fields.getUint32(at + USED_AT, true) : -1;
      if (used < least) [victim, least] = [at, used];
    }
    return victim;
  }

  #holds(at: number, bytes: Uint8Array): boolean {
    return bytes.every((byte, index) => this.#set[at + index] === byte);
  }

  #isValid(at: number): boolean {
    return this.#fields.getUint32(at + CHECK_AT, true) === this.#sum(at);
  }

  #sum(at: number): number {
    return crc32(this.#set.subarray(at, at + CHECK_AT), LAYOUT);
  }
}

/** u64 ino, u64 dev, u64 size, i64 each mtime, ctime, btime, u32 each mtimeNsec, ctimeNsec, btimeNsec. */
function identityOf(stat: Stat): Uint8Array {
  return new Writer(IDENTITY_BYTES).u64(stat.ino).u53(stat.dev).u53(stat.size)
    .i53(stat.mtime).i53(stat.ctime).i53(stat.btime)
    .u32(stat.mtimeNsec).u32(stat.ctimeNsec).u32(stat.btimeNsec).finish();
}
