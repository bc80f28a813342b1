import * as abi from "../../lib/fuse/abi.ts";
import { type Choices, once, pick } from "./choices.ts";
import { join } from "./mutate.ts";

const { Opcode } = abi;

/** What the kernel has been told. */
export interface KernelKnowledge {
  /** Nodes, the root first; one may be in it several times. */
  readonly nodes: number[];
  readonly files: { readonly nodeId: number; readonly fh: number }[];
  readonly directories: { readonly nodeId: number; readonly fh: number }[];
  readonly cookies: bigint[];
}

/** A request without its `unique`. `most`: bytes, or a number of them, that the answer may have. */
export interface KernelRequest {
  readonly opcode: number;
  readonly nodeId: number;
  readonly body: Uint8Array;
  readonly most: number;
}

const names = ["a", "b", "d", "e", "link", "pipe", "etc", "hosts", "proc", "\xff", "n".repeat(255), "n".repeat(256)];
const offsets = [0n, 0n, 1n, 4096n, 65536n, 262144n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];
const lengths = [0, 1, 100, 4096, 65536, 131072];
const owners = [0n, 1n, 2n ** 64n - 1n];
const xattrs = ["user.a", "security.capability", "system.posix_acl_access"];

/** Fields by their offset: bigints take eight bytes, numbers four. */
function struct(sizeof: number, fields: Record<number, number | bigint>): Uint8Array {
  const bytes = new Uint8Array(sizeof);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of Object.entries(fields)) {
    if (typeof value === "bigint") view.setBigUint64(Number(at), value, true);
    else view.setUint32(Number(at), value, true);
  }
  return bytes;
}

function cText(text: string): Uint8Array {
  return Uint8Array.from(text + "\0", (char) => char.charCodeAt(0));
}

/** Requests that a kernel may make of a file system, from bytes. */
export class KernelRequests {
  readonly #known: KernelKnowledge;

  constructor(known: KernelKnowledge) {
    this.#known = known;
  }

  next(from: Choices): KernelRequest {
    const makers = [this.#name, this.#name, this.#node, this.#open, this.#io, this.#io, this.#directory, this.#lock];
    const nodeId = once(from, 30) ? 1000 + from.below(5) : pick(from, this.#known.nodes);
    return { nodeId, most: 0, ...pick(from, makers).call(this, from) };
  }

  #name(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const name = cText(pick(from, names));
    const other = cText(pick(from, names));
    const another = BigInt(pick(from, this.#known.nodes));
    switch (from.below(9)) {
      case 0:
        return { opcode: Opcode.FUSE_SYMLINK, body: join(name, other) };
      case 1:
        return { opcode: Opcode.FUSE_MKNOD, body: join(struct(16, { 0: pick(from, [0o100644, 0o10644]) }), name) };
      case 2:
        return { opcode: Opcode.FUSE_MKDIR, body: join(struct(8, { 0: 0o755 }), name) };
      case 3:
        return { opcode: pick(from, [Opcode.FUSE_UNLINK, Opcode.FUSE_RMDIR]), body: name };
      case 4: {
        const head = struct(16, { 0: another, 8: from.below(4) });
        return { opcode: Opcode.FUSE_RENAME2, body: join(join(head, name), other) };
      }
      case 5:
        return { opcode: Opcode.FUSE_LINK, body: join(struct(8, { 0: another }), name) };
      case 6: {
        const opcode = pick(from, [Opcode.FUSE_CREATE, Opcode.FUSE_TMPFILE]);
        return { opcode, body: join(struct(16, { 0: from.below(3), 4: 0o644 }), name) };
      }
      default:
        return { opcode: Opcode.FUSE_LOOKUP, body: name };
    }
  }

  #node(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const fh = BigInt(this.#file(from).fh);
    const [xattr, size] = [cText(pick(from, xattrs)), pick(from, [0, 4, 4096, 65536])];
    switch (from.below(9)) {
      case 0:
        return { opcode: Opcode.FUSE_GETATTR, body: struct(16, { 0: from.below(2), 8: fh }) };
      case 1: {
        const s = abi.fuse_setattr_in;
        const fields = { [s.valid]: from.below(256), [s.fh]: fh, [s.size]: pick(from, offsets), [s.mode]: 0o4755 };
        return { opcode: Opcode.FUSE_SETATTR, body: struct(s.sizeof, fields) };
      }
      case 2:
        return { opcode: Opcode.FUSE_READLINK, body: new Uint8Array(), most: 4095 };
      case 3:
        return { opcode: Opcode.FUSE_STATFS, body: new Uint8Array() };
      case 4:
        return { opcode: Opcode.FUSE_ACCESS, body: struct(8, { 0: from.below(8) }) };
      case 5:
        return { opcode: Opcode.FUSE_GETXATTR, body: join(struct(8, { 0: size }), xattr), most: size || 8 };
      case 6:
        return { opcode: Opcode.FUSE_LISTXATTR, body: struct(8, { 0: size }), most: size || 8 };
      case 7:
        return { opcode: Opcode.FUSE_SETXATTR, body: join(join(struct(16, { 0: 3 }), xattr), new Uint8Array(3)) };
      default:
        return { opcode: Opcode.FUSE_STATX, body: struct(24, { 0: from.below(2), 8: fh }) };
    }
  }

  #open(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const body = struct(8, { 0: pick(from, [0, 0, 1, 2, 0o1002, 0o2001]) });
    return { opcode: once(from, 3) ? Opcode.FUSE_OPENDIR : Opcode.FUSE_OPEN, body };
  }

  #io(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const { nodeId, fh: number } = this.#file(from);
    const [fh, offset, size] = [BigInt(number), pick(from, offsets), pick(from, lengths)];
    switch (from.below(10)) {
      case 0:
      case 1: {
        const head = struct(40, { 0: fh, 8: offset, 16: size, 20: from.below(8) });
        return { nodeId, opcode: Opcode.FUSE_WRITE, body: join(head, new Uint8Array(size)), most: size };
      }
      case 2:
        return { nodeId, opcode: Opcode.FUSE_FLUSH, body: struct(24, { 0: fh, 16: pick(from, owners) }) };
      case 3:
        return { nodeId, opcode: Opcode.FUSE_FSYNC, body: struct(16, { 0: fh }) };
      case 4:
        return { nodeId, opcode: Opcode.FUSE_LSEEK, body: struct(24, { 0: fh, 8: offset, 16: 3 + from.below(2) }) };
      case 5: {
        const to = this.#file(from);
        const fields = { 0: fh, 8: offset, 16: BigInt(to.nodeId), 24: BigInt(to.fh), 40: BigInt(size) };
        return { nodeId, opcode: Opcode.FUSE_COPY_FILE_RANGE, body: struct(56, fields), most: size };
      }
      case 6: {
        const fields = { 0: fh, 8: offset, 16: BigInt(size), 24: from.below(4) };
        return { nodeId, opcode: Opcode.FUSE_FALLOCATE, body: struct(32, fields) };
      }
      default:
        return { nodeId, opcode: Opcode.FUSE_READ, body: struct(40, { 0: fh, 8: offset, 16: size }), most: size };
    }
  }

  #directory(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const { nodeId, fh } = pick(from, [{ nodeId: 1, fh: 1 }, ...this.#known.directories]);
    if (once(from, 6)) return { nodeId, opcode: Opcode.FUSE_FSYNCDIR, body: struct(16, { 0: BigInt(fh) }) };
    const size = pick(from, [0, 200, 4096, 65536]);
    const opcode = pick(from, [Opcode.FUSE_READDIR, Opcode.FUSE_READDIRPLUS]);
    const offset = pick(from, [0n, 0n, ...this.#known.cookies]);
    return { nodeId, opcode, body: struct(40, { 0: BigInt(fh), 8: offset, 16: size }), most: size };
  }

  #lock(from: Choices): Partial<KernelRequest> & { opcode: number; body: Uint8Array } {
    const { nodeId, fh } = this.#file(from);
    const opcode = pick(from, [Opcode.FUSE_GETLK, Opcode.FUSE_SETLK, Opcode.FUSE_SETLKW]);
    const fields = { 0: BigInt(fh), 8: pick(from, owners), 24: 2n ** 63n - 1n, 32: from.below(3), 40: from.below(2) };
    return { nodeId, opcode, body: struct(48, fields) };
  }

  #file(from: Choices): { nodeId: number; fh: number } {
    return pick(from, [{ nodeId: 1, fh: 77 }, ...this.#known.files, ...this.#known.files]);
  }
}
