import assert from "node:assert/strict";
import { DecodeError } from "../../lib/bytes/mod.ts";
import { Changes } from "../../lib/agent/changes.ts";
import { Mirror } from "../../lib/agent/mirror.ts";
import { heldBytes } from "../../lib/agent/read_ahead.ts";
import { rootOverlay } from "../../lib/agent/root_overlay.ts";
import { Opcode } from "../../lib/fuse/abi.ts";
import { AgentNote, decodeChanged, decodeDirectoryChanged, decodeNumber } from "../../lib/protocol/mod.ts";
import { type Connection, createConnection, ProtocolError } from "../../lib/rpc/mod.ts";
import { type Choices, once, type Random, Script } from "./choices.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { HostileSide, rootStat } from "./hostile_side.ts";
import { KernelRequests } from "./kernel_requests.ts";
import { mutate } from "./mutate.ts";
import type { Input, Target } from "./target.ts";

const MESSAGES = 60;
/** Bytes of decisions of one message: a request of the kernel, and whatever is answered meanwhile. */
const SCRIPT = 400;
const TURNS = 200;
/** Their answers are as large as they ask for: with another size it would not go through the socket (EMSGSIZE). */
const sized = new Set<number>([Opcode.FUSE_READ, Opcode.FUSE_GETXATTR, Opcode.FUSE_LISTXATTR]);
const room = new Uint8Array(1 << 20);
/** What a line of the log may be about: an answer that is none is the local side's fault. */
const theirFault = /DecodeError|RpcError: errno (5[1-9]\d|[6-9]\d\d|\d{4})$/;

/** The mirror with the kernel's requests on one side and a hostile local side on the other. */
export const mirror: Target = {
  name: "mirror",

  generate: (random: Random) => Array.from({ length: MESSAGES }, () => random.bytes(SCRIPT)),

  async run(input) {
    const before = performance.now;
    const rig = new Rig(new Script(input[0] ?? new Uint8Array()));
    try {
      await rig.run(input);
    } finally {
      performance.now = before;
      rig.kernel.close();
    }
  },
};

class Rig {
  readonly kernel: FakeKernel;
  readonly #side = new HostileSide();
  readonly #agent: Connection;
  readonly #mirror: Mirror;
  readonly #changes: Changes;
  readonly #errors: unknown[] = [];
  #news: (() => void)[] = [];
  #broken = false;

  constructor(from: Choices) {
    this.#agent = createConnection({
      handler: { request: (call) => call.fail(38), notify: (op, body) => this.#notified(op, body) },
      onPending: () => {},
      onError: (error) => this.#errors.push(error),
    });
    this.#mirror = new Mirror({
      connection: this.#agent,
      root: rootStat,
      overlay: rootOverlay(),
      owner: { uid: 0, gid: 0 },
      writeBack: !once(from, 3),
      maxDirectories: 3,
      notify: (message) => Promise.resolve(checkMessage(message)),
    });
    this.#changes = new Changes({ connection: this.#agent, tree: this.#mirror.tree, write: checkMessage });
    this.kernel = new FakeKernel(this.#mirror);
  }

  async run(input: Input): Promise<void> {
    const requests = new KernelRequests(this.kernel.known);
    for (const script of input) {
      const from = this.#side.from = new Script(script);
      if (once(from, 12)) pass(1001);
      if (once(from, 5)) this.#side.tell();
      if (once(from, 8)) this.#side.letGo();
      const request = requests.next(from);
      const body = !sized.has(request.opcode) && once(from, 30)
        ? mutate(request.body, request.body, from)
        : request.body;
      // A request that is malformed may be answered with whatever it asked for by that.
      this.kernel.send({ ...request, body, most: body === request.body ? request.most : 1 << 20 });
      await this.#settle();
    }
    await this.#end();
  }

  /** As the agent does: see lib/agent/agent.ts. */
  #notified(op: number, body: Uint8Array): void {
    if (op === AgentNote.WATCHED) return this.#mirror.tree.directories.watched(decodeNumber(body));
    if (op === AgentNote.ALL_CHANGED) {
      this.#mirror.tree.directories.unwatchAll();
      this.#news.push(() => this.#changes.applyToAll());
    } else if (op === AgentNote.DIRECTORY_CHANGED) {
      const note = decodeDirectoryChanged(body);
      this.#news.push(() => this.#changes.applyToDirectory(note));
    } else {
      const note = decodeChanged(body);
      this.#news.push(() => this.#changes.apply(note));
    }
  }

  /** Until nothing moves any more. */
  async #settle(): Promise<void> {
    for (let turns = 0, idle = 0; idle < 8; turns++) {
      assert.ok(turns < TURNS, "the agent asks on and on");
      idle = this.#move() ? 0 : idle + 1;
      const news = this.#news;
      this.#news = [];
      for (const apply of news) apply();
      await null;
      this.kernel.receive();
    }
    for (const line of this.kernel.lines.splice(0)) assert.match(line, theirFault);
    for (const error of this.#errors.splice(0)) {
      assert.ok(error instanceof DecodeError, `a fault of this side: ${error}`);
    }
  }

  #move(): boolean {
    const asked = this.#agent.fill(room);
    this.#side.connection.receive(room.subarray(0, asked));
    const answered = this.#side.connection.fill(room);
    try {
      if (!this.#broken) this.#agent.receive(room.subarray(0, answered));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // The agent ends the link, and with it all that waits.
      this.#broken = true;
      this.#agent.close();
    }
    return asked + answered > 0;
  }

  /** Everything is answered, and nothing is kept of what the kernel gives back. */
  async #end(): Promise<void> {
    for (let i = 0; i < 20 && this.kernel.waiting > 0; i++) {
      this.#side.letGo();
      await this.#settle();
    }
    this.#agent.close();
    await this.#settle();
    assert.equal(this.kernel.waiting, 0, "requests are not answered");
    const { files, directories, nodes } = this.kernel.known;
    const release = (opcode: number, { nodeId, fh }: { nodeId: number; fh: number }) =>
      this.kernel.send({ opcode, nodeId, body: number(fh, 24), most: 0 });
    for (const file of files) release(Opcode.FUSE_RELEASE, file);
    for (const directory of directories) release(Opcode.FUSE_RELEASEDIR, directory);
    this.kernel.receive();
    for (const nodeId of nodes.slice(1)) this.kernel.tell(Opcode.FUSE_FORGET, nodeId, number(1, 8));
    assert.equal(this.#mirror.tree.nodes.size, 1, "nodes are kept that nobody knows");
    for (let ino = 2n; ino < 9n; ino++) assert.equal(this.#mirror.tree.nodes.ofFile({ ...rootStat, ino }), undefined);
    assert.equal(heldBytes(), 0, "blocks are kept of files that are closed");
  }
}

function number(value: number, sizeof: number): Uint8Array {
  const bytes = new Uint8Array(sizeof);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Lets time pass for whoever looks at the clock. */
function pass(ms: number): void {
  const before = performance.now;
  performance.now = () => before.call(performance) + ms;
}

/** A message to the kernel says its own length, and is no longer than one that it takes. */
function checkMessage(message: Uint8Array): void {
  assert.equal(new DataView(message.buffer, message.byteOffset).getUint32(0, true), message.length);
  assert.ok(message.length <= 1 << 17, `a message of ${message.length} bytes to the kernel`);
}
