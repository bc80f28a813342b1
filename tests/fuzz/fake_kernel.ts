import assert from "node:assert/strict";
import * as abi from "../../lib/fuse/abi.ts";
import { type FileSystem, Server } from "../../lib/fuse/mod.ts";
import { close, libc, O_NONBLOCK, read, unwrap, write } from "../../lib/linux/mod.ts";
import type { KernelKnowledge, KernelRequest } from "./kernel_requests.ts";

const { Opcode } = abi;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const HEADER = abi.fuse_out_header.sizeof;
/** Bytes of bodies of one length. */
const fixed: Record<number, number> = {
  [Opcode.FUSE_LOOKUP]: 128,
  [Opcode.FUSE_SYMLINK]: 128,
  [Opcode.FUSE_MKNOD]: 128,
  [Opcode.FUSE_MKDIR]: 128,
  [Opcode.FUSE_LINK]: 128,
  [Opcode.FUSE_CREATE]: 144,
  [Opcode.FUSE_TMPFILE]: 144,
  [Opcode.FUSE_GETATTR]: 104,
  [Opcode.FUSE_SETATTR]: 104,
  [Opcode.FUSE_STATX]: 288,
  [Opcode.FUSE_STATFS]: 80,
  [Opcode.FUSE_OPEN]: 16,
  [Opcode.FUSE_OPENDIR]: 16,
  [Opcode.FUSE_WRITE]: 8,
  [Opcode.FUSE_LSEEK]: 8,
  [Opcode.FUSE_COPY_FILE_RANGE]: 8,
  [Opcode.FUSE_GETLK]: 24,
};
/** Longer than any answer may be. */
const buffer = new Uint8Array(1 << 21);
const entryFirst = [128, 144];

/**
 * The kernel's end of a FUSE device that is a socket. Remembers what it is told, counts its references, and checks that
 * each request has one answer, which is an errno or makes sense.
 */
export class FakeKernel {
  readonly known: KernelKnowledge = { nodes: [1], files: [], directories: [], cookies: [] };
  readonly server: Server;
  readonly lines: string[] = [];
  readonly #end: number;
  readonly #served: number;
  readonly #waiting = new Map<number, KernelRequest>();
  #unique = 0;

  constructor(fileSystem: FileSystem) {
    const ends = new Int32Array(2);
    const result = libc().socketpair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK, 0, new Uint8Array(ends.buffer));
    assert.equal(result, 0);
    [this.#end, this.#served] = ends;
    this.server = new Server(this.#served, fileSystem, {
      isDying: () => false,
      onEnd: (error) => assert.fail(`the server ends: ${error}`),
      log: (line) => this.lines.push(line),
    });
  }

  /** Requests without an answer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  send(request: KernelRequest): void {
    const unique = this.#unique += 2;
    this.#waiting.set(unique, request);
    this.#write(unique, request);
  }

  /** For what has no answer. */
  tell(opcode: number, nodeId: number, body: Uint8Array): void {
    this.#write(this.#unique += 2, { opcode, nodeId, body, most: 0 });
  }

  /** Takes the answers that are there. */
  receive(): void {
    for (let length = read(this.#end, buffer); length > 0; length = read(this.#end, buffer)) {
      this.#take(buffer.subarray(0, length));
    }
  }

  close(): void {
    close(this.#end);
    close(this.#served);
  }

  #write(unique: number, { opcode, nodeId, body }: KernelRequest): void {
    const bytes = new Uint8Array(40 + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint32(4, opcode, true);
    view.setBigUint64(8, BigInt(unique), true);
    view.setBigUint64(16, BigInt(nodeId), true);
    view.setUint32(24, 1000, true);
    view.setUint32(32, 77, true);
    bytes.set(body, 40);
    unwrap(write(this.#end, bytes), "send a request");
    this.server.device.readable();
  }

  #take(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, 0, bytes.length);
    const error = view.getInt32(4, true);
    const unique = Number(view.getBigUint64(8, true));
    const request = this.#waiting.get(unique);
    assert.ok(request !== undefined, "an answer to nothing, or a second one");
    this.#waiting.delete(unique);
    assert.equal(view.getUint32(0, true), bytes.length, "an answer of another length than it says");
    assert.ok(error <= 0 && error > -512, `error ${error} for ${abi.opcodeName(request.opcode)}`);
    if (error === 0) this.#learn(request, new DataView(bytes.buffer, HEADER, bytes.length - HEADER));
    else assert.equal(bytes.length, HEADER);
  }

  #learn({ opcode, nodeId, most }: KernelRequest, body: DataView): void {
    const what = abi.opcodeName(opcode);
    const length = fixed[opcode];
    if (length !== undefined) assert.equal(body.byteLength, length, `the length of an answer to ${what}`);
    else assert.ok(body.byteLength <= most, `${body.byteLength} bytes for ${what} where ${most} fit`);
    if (entryFirst.includes(length)) this.#learnNode(body.getBigUint64(0, true));
    const fh = length === 144 ? body.getBigUint64(128, true) : length === 16 ? body.getBigUint64(0, true) : 0n;
    const entry = length === 144 ? Number(body.getBigUint64(0, true)) : nodeId;
    if (opcode === Opcode.FUSE_OPENDIR) this.known.directories.push({ nodeId, fh: Number(fh) });
    else if (length === 144 || length === 16) this.known.files.push({ nodeId: entry, fh: Number(fh) });
    const counts = opcode === Opcode.FUSE_WRITE || opcode === Opcode.FUSE_COPY_FILE_RANGE;
    if (counts) assert.ok(body.getUint32(0, true) <= most, `${body.getUint32(0, true)} bytes of ${most} for ${what}`);
    if (opcode === Opcode.FUSE_READDIR) this.#learnEntries(body, 0);
    if (opcode === Opcode.FUSE_READDIRPLUS) this.#learnEntries(body, 128);
    if (opcode === Opcode.FUSE_READLINK) checkTarget(body);
  }

  #learnNode(nodeId: bigint): void {
    if (nodeId !== 0n) this.known.nodes.push(Number(nodeId));
  }

  /** fuse_direntplus where `before` is a fuse_entry_out, else fuse_dirent. */
  #learnEntries(body: DataView, before: number): void {
    for (let at = 0; at < body.byteLength;) {
      if (before > 0) this.#learnNode(body.getBigUint64(at, true));
      const length = body.getUint32(at + before + 16, true);
      const start = at + before + 24;
      const name = String.fromCharCode(...new Uint8Array(body.buffer, body.byteOffset + start, length));
      assert.ok(length > 0 && !/[/\0]/.test(name), `${JSON.stringify(name)} in a listing`);
      this.known.cookies.push(body.getBigUint64(at + before + 8, true));
      at = (start + length + 7) & ~7;
    }
  }
}

function checkTarget(body: DataView): void {
  const target = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  assert.ok(target.length > 0 && !target.includes(0), "a target that is empty or has a NUL");
}
