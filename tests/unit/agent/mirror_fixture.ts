import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import type { Cache } from "../../../lib/agent/cache.ts";
import { Changes } from "../../../lib/agent/changes.ts";
import { Contents } from "../../../lib/agent/contents.ts";
import { Mirror, type MirrorOptions } from "../../../lib/agent/mirror.ts";
import type { OverlayDirectory } from "../../../lib/agent/root_overlay.ts";
import { createFileServer, type FileServer } from "../../../lib/fileserver/mod.ts";
import type { Caller, Entry, NodeId } from "../../../lib/fuse/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  Errno,
  ErrnoError,
  errnoName,
  O_RDONLY,
  readAtAsync,
  setUmask,
  type Stat,
  statAt,
} from "../../../lib/linux/mod.ts";
import {
  AgentNote,
  type BindIn,
  decodeBind,
  decodeChanged,
  decodeDirectoryChanged,
  decodeNumber,
  decodePack,
  decodeRead,
  encodePack,
  FileNote,
  FileOp,
  type PackRecord,
  type ReadIn,
} from "../../../lib/protocol/mod.ts";
import type { Incoming } from "../../../lib/rpc/mod.ts";
import { Bridge } from "./bridge.ts";

export const ROOT: NodeId = 1;
const never = new AbortController().signal;
export const caller: Caller = { uid: 0, gid: 0, pid: 1, signal: never, interrupted: never };
export const nothingOverlaid: OverlayDirectory = { kind: "directory", children: new Map() };

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** What the local side told, and when that came: performance.now(). */
interface News extends Message {
  readonly time: number;
}

/** A request or a note. */
interface Message {
  readonly op: number;
  readonly body: Uint8Array;
}

/** A mirror of a temporary directory, with the real file server on the other end of its link. */
export class Fixture {
  /** The directory that is mirrored. */
  readonly path = Deno.makeTempDirSync({ prefix: "outrun_mirror_" });
  readonly mirror: Mirror;
  readonly bridge: Bridge;
  /** In the order in which the local side got them. */
  readonly requests: Message[] = [];
  readonly notes: Message[] = [];
  /** What the local side told of changes, in order; {@link applyNews} has the mirror hear of it. */
  news: News[] = [];
  /** What the kernel was told. */
  readonly notifications: Uint8Array[] = [];
  /** Answers those requests itself for which it returns true. */
  intercept: (incoming: Incoming) => boolean = () => false;
  /** Keeps binds from the file server for which it returns true. */
  refuseBind: (bind: BindIn) => boolean = () => false;
  readonly #files: FileServer;
  readonly #changes: Changes;
  readonly #umask = setUmask(0);
  readonly #now = performance.now;
  /** What the kernel remembers of names: node and end of its lifetime, by path. */
  readonly #dentries = new Map<string, { nodeId: NodeId; until: number }>();

  /**
   * `leases`: the local side tells which directories it watches. What changes there, the mirror hears by
   * {@link Fixture.applyNews}. `cache`: where contents are kept.
   */
  constructor(
    { leases = false, cache, ...options }: Partial<MirrorOptions> & { leases?: boolean; cache?: Cache } = {},
  ) {
    this.bridge = new Bridge({
      agent: {
        notify: (op, body) => {
          if (op === AgentNote.WATCHED) this.mirror.tree.directories.watched(decodeNumber(body));
          else this.news.push({ op, body: body.slice(), time: performance.now() });
        },
      },
      local: {
        request: (incoming) => {
          this.requests.push({ op: incoming.op, body: incoming.body.slice() });
          if (!this.intercept(incoming)) this.#files.request(incoming);
        },
        notify: (op, body) => {
          this.notes.push({ op, body: body.slice() });
          if (op === FileNote.BIND && this.refuseBind(decodeBind(body))) return;
          this.#files.notify(op, body);
        },
      },
    });
    this.#files = createFileServer({
      root: fromText(this.path),
      waitsHere: true,
      wake: () => this.bridge.local.wake(),
      tell: leases ? (op, body) => this.bridge.local.notify(op, body) : undefined,
      log: { debug: () => {} },
    });
    this.mirror = new Mirror({
      maxDirectories: 2048,
      connection: this.bridge.agent,
      root: this.stat("."),
      overlay: nothingOverlaid,
      owner: { uid: 0, gid: 0 },
      writeBack: true,
      contents: cache && new Contents({ ...cache, connection: this.bridge.agent, readAsync: readAtAsync }),
      ...options,
    });
    this.#changes = new Changes({
      connection: this.bridge.agent,
      tree: this.mirror.tree,
      write: (message) => this.notifications.push(message),
    });
  }

  /** For one with leases, as a thread waits for local changes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#files.close();
    this[Symbol.dispose]();
    await closing;
  }

  [Symbol.dispose](): void {
    this.bridge.close();
    this.#files.close();
    performance.now = this.#now;
    setUmask(this.#umask);
    Deno.removeSync(this.path, { recursive: true });
  }

  /** A path below the mirrored directory, for Deno's own functions: what is changed there is a local change. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Makes files locally, and the directories above them. */
  make(files: Record<string, string | Uint8Array>): void {
    for (const [name, content] of Object.entries(files)) {
      Deno.mkdirSync(this.at(name).replace(/[^/]*$/, ""), { recursive: true });
      Deno.writeFileSync(this.at(name), typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
  }

  /** What the local side would tell ahead of these: a directory's names for a path that ends with a slash. */
  pack(...paths: string[]): PackRecord[] {
    const records: PackRecord[] = [];
    const pack = this.#files.startPack((record) => records.push(record));
    for (const path of paths) {
      if (path.endsWith("/")) pack.addDirectory(fromText(path.slice(0, -1)));
      else pack.addPath(fromText(path));
    }
    return decodePack(encodePack(records));
  }

  /** Has the mirror told of these records. */
  tell(records: readonly PackRecord[]): void {
    this.mirror.tree.startPack.receive(records);
  }

  /** Has the mirror hear of all local changes until now. */
  async applyNews(): Promise<void> {
    for (const { op, body, time } of await this.dropNews()) {
      if (op === AgentNote.CHANGED) this.#changes.apply(decodeChanged(body), time);
      if (op === AgentNote.DIRECTORY_CHANGED) this.#changes.applyToDirectory(decodeDirectoryChanged(body), time);
      if (op === AgentNote.ALL_CHANGED) this.loseNews();
    }
  }

  /** Has the mirror hear of no local change until now. */
  async dropNews(): Promise<News[]> {
    this.#files.tellChanges();
    // What the link carries moves in microtasks.
    await new Promise((resolve) => setTimeout(resolve));
    return this.news.splice(0);
  }

  /** The local side has lost events. */
  loseNews(): void {
    this.mirror.tree.directories.unwatchAll();
    this.#changes.applyToAll();
  }

  /** Has the local side answer a request that was intercepted. */
  serve(incoming: Incoming): void {
    this.#files.request(incoming);
  }

  /** The local attributes, no link followed. */
  stat(name: string): Stat {
    const stat = statAt(AT_FDCWD, fromText(this.at(name)));
    assert.ok(typeof stat !== "number", `${name} is not there`);
    return stat;
  }

  async lookup(parent: NodeId, name: string): Promise<Entry> {
    return await this.mirror.lookup(parent, name as ByteString);
  }

  /** The node at the end of a path; the kernel knows all of it from now on. */
  async walk(path: string): Promise<NodeId> {
    let node = ROOT;
    for (const name of path.split("/")) {
      const entry = await this.lookup(node, name);
      assert.notEqual(entry.nodeId, 0, `${path}: there is no ${name}`);
      node = entry.nodeId;
    }
    return node;
  }

  /** Lets time pass: by default, longer than names and attributes are believed. */
  pass(ms = 1001): void {
    const before = performance.now;
    performance.now = () => before.call(performance) + ms;
  }

  /**
   * Does something with a path as the kernel does: names it has looked up are used during their lifetime, and ESTALE has
   * all of them looked up again, once.
   */
  async byPath<T>(path: string, action: (node: NodeId) => T | Promise<T>): Promise<T> {
    try {
      return await action(await this.#resolve(path));
    } catch (error) {
      if ((error as { errno?: number }).errno !== Errno.ESTALE) throw error;
      this.#dentries.clear();
      return await action(await this.#resolve(path));
    }
  }

  /** What a program reads that opens the path. */
  async cat(path: string): Promise<string> {
    return await this.byPath(path, (node) => this.content(node));
  }

  async #resolve(path: string): Promise<NodeId> {
    let nodeId = ROOT;
    let at = "";
    for (const name of path.split("/")) {
      at += `/${name}`;
      const known = this.#dentries.get(at);
      if (known !== undefined && known.until > performance.now()) {
        nodeId = known.nodeId;
      } else {
        const entry = await this.lookup(nodeId, name);
        this.#dentries.set(at, { nodeId: entry.nodeId, until: performance.now() + entry.entryValid });
        nodeId = entry.nodeId;
      }
      if (nodeId === 0) throw new ErrnoError(Errno.ENOENT, `find ${at}`);
    }
    return nodeId;
  }

  async open(node: NodeId, flags = O_RDONLY): Promise<number> {
    return (await this.mirror.open(node, flags, caller)).fh;
  }

  async create(parent: NodeId, name: string, flags: number): Promise<{ node: NodeId; fh: number }> {
    const how = { flags, mode: 0o644, umask: 0 };
    const { entry, opened } = await this.mirror.create(parent, name as ByteString, how, caller);
    return { node: entry.nodeId, fh: opened.fh };
  }

  async read(node: NodeId, at: { fh: number; offset?: number; size?: number }): Promise<string> {
    const data = await this.mirror.read(node, { offset: 0, size: 4096, ...at }, caller);
    return new TextDecoder("latin1").decode(data);
  }

  async write(node: NodeId, fh: number, text: string, offset = 0): Promise<number> {
    return await this.mirror.write(node, { fh, offset, data: new TextEncoder().encode(text) }, caller);
  }

  /** Opens, reads from the start and closes. */
  async content(node: NodeId): Promise<string> {
    const fh = await this.open(node);
    const text = await this.read(node, { fh });
    this.mirror.release(node, fh);
    return text;
  }

  /** How often the local side was asked for this operation. */
  count(op: number): number {
    return this.requests.filter((request) => request.op === op).length;
  }

  reads(): ReadIn[] {
    return this.requests.filter(({ op }) => op === FileOp.READ).map(({ body }) => decodeRead(body));
  }
}

/** Asserts that an operation fails with this errno. */
export async function fails(errno: number, operation: () => unknown): Promise<void> {
  const outcome = (async () => await operation())();
  const error = await outcome.then(() => assert.fail(`done instead of ${errnoName(errno)}`), (error) => error);
  assert.equal(errnoName(error.errno), errnoName(errno), String(error));
}
