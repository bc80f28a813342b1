import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { createFileServer, type FileServer, type FileServerOptions } from "../../../lib/fileserver/mod.ts";
import { bindNow, setUmask } from "../../../lib/linux/mod.ts";
import {
  type CreateIn,
  decodeLookupOut,
  decodeStat,
  encodeBind,
  encodeCreate,
  encodeName,
  encodeOpen,
  encodeRead,
  encodeRef,
  type FileAttr,
  FileNote,
  FileOp,
  type FileRef,
  type LookupOut,
  type NamedRef,
  ROOT_DIRECTORY,
} from "../../../lib/protocol/mod.ts";
import { type BulkSource, type Incoming, NOT_READY } from "../../../lib/rpc/mod.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;

/** A request that remembers how it was answered. */
class FakeIncoming implements Incoming {
  readonly op: number;
  readonly body: Uint8Array;
  readonly signal = new AbortController().signal;
  readonly answered: Promise<void>;
  errno = 0;
  answer: Uint8Array | undefined;
  bulk: { flow: number; source: BulkSource } | undefined;
  #answers = 0;
  #resolve!: () => void;

  constructor(op: number, body: Uint8Array) {
    this.op = op;
    this.body = body;
    this.answered = new Promise((resolve) => this.#resolve = resolve);
  }

  get isAnswered(): boolean {
    return this.#answers > 0;
  }

  reply(body: Uint8Array): void {
    this.#answer();
    this.answer = body.slice();
  }

  replyBulk(flow: number, source: BulkSource): void {
    this.#answer();
    this.bulk = { flow, source };
  }

  fail(errno: number): void {
    this.#answer();
    assert.ok(Number.isInteger(errno) && errno > 0 && errno < 4096, `errno ${errno}`);
    this.errno = errno;
  }

  #answer(): void {
    this.#answers++;
    assert.equal(this.#answers, 1, "a request is answered once");
    this.#resolve();
  }
}

/** A file server that exports a temporary directory, and an agent's way to ask it. */
export class Fixture {
  readonly server: FileServer;
  /** The exported directory. */
  readonly path: string;
  /** What the server noted. */
  readonly log: string[] = [];
  readonly #temporary: boolean;
  #woken = Promise.withResolvers<void>();
  #umask = setUmask(0);

  constructor(options: Partial<FileServerOptions> = {}) {
    this.#temporary = options.root === undefined;
    this.path = options.root ?? Deno.makeTempDirSync({ prefix: "outrun_fileserver_" });
    this.server = createFileServer({
      root: fromText(this.path),
      waitsHere: true,
      log: { debug: (line) => this.log.push(line) },
      wake: () => {
        this.#woken.resolve();
        this.#woken = Promise.withResolvers();
      },
      ...options,
    });
  }

  [Symbol.dispose](): void {
    this.server.close();
    setUmask(this.#umask);
    if (this.#temporary) Deno.removeSync(this.path, { recursive: true });
  }

  /** A path below the exported directory, for Deno's own functions. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Asks, and returns the reply's body; a failure is an assertion error. */
  ask(op: number, body: Uint8Array): Uint8Array {
    const incoming = this.#request(op, body);
    assert.equal(incoming.errno, 0, `operation ${op} failed`);
    assert.ok(incoming.answer, `operation ${op} was not answered at once`);
    return incoming.answer;
  }

  /** Asks, and returns the errno it fails with; 0 when it does not. */
  errno(op: number, body: Uint8Array): number {
    const incoming = this.#request(op, body);
    assert.ok(incoming.isAnswered, `operation ${op} was not answered at once`);
    return incoming.errno;
  }

  /** As {@link errno}, for operations that take their time. */
  async errnoLater(op: number, body: Uint8Array): Promise<number> {
    const incoming = this.#request(op, body);
    await incoming.answered;
    return incoming.errno;
  }

  /** As {@link ask}, for operations that take their time. */
  async askLater(op: number, body: Uint8Array): Promise<Uint8Array> {
    const incoming = this.#request(op, body);
    await incoming.answered;
    assert.equal(incoming.errno, 0, `operation ${op} failed`);
    return incoming.answer!;
  }

  stat(op: number, body: Uint8Array): FileAttr {
    return decodeStat(this.ask(op, body));
  }

  lookup(dir: number, name: string): FileAttr {
    return this.find(dir, fromText(name)).stat;
  }

  find(dir: number, name: ByteString): LookupOut {
    return decodeLookupOut(this.ask(FileOp.LOOKUP, encodeName({ dir, name })));
  }

  /** A reference to what has this name now. */
  ref(name: string, dir = ROOT_DIRECTORY): NamedRef {
    const { dev, ino } = this.lookup(dir, name);
    return { kind: "name", dir, name: fromText(name), dev, ino };
  }

  /** Lets `id` stand for the directory that has this name now. */
  bind(id: number, name: string, parent = ROOT_DIRECTORY): void {
    const { dev, ino } = this.lookup(parent, name);
    this.notify(FileNote.BIND, encodeBind({ id, parent, name: fromText(name), dev, ino }));
  }

  notify(op: number, body: Uint8Array): boolean {
    return this.server.notify(op, body);
  }

  /** What use of the number gives: an errno, 0 when it stands for a directory. */
  directoryErrno(dir: number): number {
    return this.errno(FileOp.GETATTR, encodeRef({ kind: "directory", dir }));
  }

  open(fh: number, ref: FileRef, flags = O_RDWR): FileAttr {
    return this.stat(FileOp.OPEN, encodeOpen({ ref, fh, flags }));
  }

  create(fh: number, name: ByteString | string, how: Partial<CreateIn> = {}): FileAttr {
    const base = { dir: ROOT_DIRECTORY, name: name as ByteString, fh, flags: O_RDWR, mode: 0o644, umask: 0 };
    const message = { ...base, ...how };
    return this.stat(FileOp.CREATE, encodeCreate(message));
  }

  /** The source that answers a READ. */
  source(fh: number, offset: number, size: number): { flow: number; source: BulkSource } {
    return this.bulk(FileOp.READ, encodeRead({ fh, offset, size }));
  }

  /** The source that answers a request. */
  bulk(op: number, body: Uint8Array): { flow: number; source: BulkSource } {
    const { bulk, errno } = this.#request(op, body);
    assert.equal(errno, 0);
    assert.ok(bulk);
    return bulk;
  }

  /** Reads as a connection does, piece by piece. */
  async read(fh: number, offset: number, size: number, piece = 1 << 16): Promise<Uint8Array> {
    const { bytes, errno } = await this.drain(this.source(fh, offset, size).source, piece);
    assert.equal(errno, 0);
    return bytes;
  }

  /** The errno with which a read of one byte at the start fails on its way. */
  async readErrno(fh: number): Promise<number> {
    return (await this.drain(this.source(fh, 0, 1).source)).errno;
  }

  /** What is left in a source, and the errno it ended with. */
  async drain(source: BulkSource, piece = 1 << 16): Promise<{ bytes: Uint8Array; errno: number }> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const into = new Uint8Array(piece);
      const woken = this.#woken.promise;
      const count = source.pull(into);
      if (count === NOT_READY) await woken;
      else if (count > 0) parts.push(into.subarray(0, count));
      else return { bytes: new Uint8Array(Buffer.concat(parts)), errno: Math.abs(count) };
    }
  }

  /** The next time a source becomes ready. */
  get woken(): Promise<void> {
    return this.#woken.promise;
  }

  /** Descriptors of this process that lead below the exported directory. */
  descriptors(): number {
    let count = 0;
    for (const entry of Deno.readDirSync("/proc/self/fd")) {
      try {
        if (Deno.readLinkSync(`/proc/self/fd/${entry.name}`).startsWith(this.path)) count++;
      } catch (error) {
        // The descriptor with which the folder was listed.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return count;
  }

  #request(op: number, body: Uint8Array): FakeIncoming {
    const incoming = new FakeIncoming(op, body);
    this.server.request(incoming);
    return incoming;
  }
}
