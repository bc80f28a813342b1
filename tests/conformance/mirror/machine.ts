import { Changes } from "../../../lib/agent/changes.ts";
import type { Directories } from "../../../lib/agent/directories.ts";
import { Mirror } from "../../../lib/agent/mirror.ts";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { createFileServer, type FileServer } from "../../../lib/fileserver/mod.ts";
import type { Caller, FileSystem } from "../../../lib/fuse/mod.ts";
import { type Stat, statPath } from "../../../lib/linux/mod.ts";
import { AgentNote, decodeChanged, decodeNumber } from "../../../lib/protocol/mod.ts";
import { Bridge } from "../../unit/agent/bridge.ts";

/** Root, who is never interrupted. */
const never = new AbortController().signal;
export const caller: Caller = { uid: 0, gid: 0, pid: 1, signal: never, interrupted: never };

/** An agent without a kernel, and the file server that it asks, joined by memory. */
export class Machine implements Disposable {
  /** The exported folder. */
  readonly root: string;
  readonly files: FileSystem;
  readonly #bridge: Bridge = new Bridge({
    local: {
      request: (incoming) => this.#server.request(incoming),
      notify: (op, body) => void this.#server.notify(op, body),
    },
    agent: { notify: (op, body) => this.#told(op, body) },
  });
  readonly #server: FileServer;
  readonly #changes: Changes;
  readonly #directories: Directories;

  constructor(root: string) {
    this.root = root;
    const connection = this.#bridge.agent;
    const mirror = new Mirror({
      connection,
      root: statPath(root as ByteString) as Stat,
      overlay: { kind: "directory", children: new Map() },
      owner: { uid: 0, gid: 0 },
      // Write-back is the kernel's.
      writeBack: false,
      maxDirectories: 2048,
    });
    this.files = mirror;
    this.#directories = mirror.tree.directories;
    // Nobody remembers names or attributes here: what a kernel would be told goes nowhere.
    this.#changes = new Changes({ connection, tree: mirror.tree, write: () => {} });
    this.#server = createFileServer({
      root: root as ByteString,
      wake: () => this.#bridge.local.wake(),
      tell: (op, body) => this.#bridge.local.notify(op, body),
      log: { debug: () => {} },
    });
  }

  [Symbol.dispose](): void {
    this.#bridge.close();
    this.#server.close();
  }

  #told(op: number, body: Uint8Array): void {
    if (op === AgentNote.CHANGED) this.#changes.apply(decodeChanged(body));
    else if (op === AgentNote.ALL_CHANGED) this.#changes.applyToAll();
    else if (op === AgentNote.WATCHED) this.#directories.watched(decodeNumber(body));
  }
}
