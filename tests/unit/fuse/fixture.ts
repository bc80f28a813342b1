/**
 * Serves a file system in memory on the directory given, for mounted_test.ts: run in a mount namespace of its own, so
 * that nothing stays mounted whatever happens. Ends with its stdin, and says "ready" once it is mounted.
 *
 * Besides what is created in it, the root has
 * - `slow`: every read takes a second, and every write,
 * - as many `late0`, `late1`, … as the settings say: their first lookup takes a second,
 * - names that begin with `hang`: their lookup has no answer until its caller dies, and then one that comes too late,
 * - `state`: a description of what the server holds,
 * - `victim`, and names that are commands about it: see {@link Controls},
 * - `zeros`, if the settings give its length in bytes: a file that costs no memory.
 *
 * @module
 */
import { type ByteString, cString } from "../../../lib/bytes/mod.ts";
import {
  type AttrOut,
  type Caller,
  type Entry,
  FOPEN_DIRECT_IO,
  mountOptions,
  type NodeId,
  type Opened,
  type Result,
  Server,
} from "../../../lib/fuse/mod.ts";
import { AT_FDCWD, libc, O_NONBLOCK, O_RDWR, openAt, Poller, POLLIN, unwrap } from "../../../lib/linux/mod.ts";
import { Controls } from "./controls.ts";
import { MemoryFileSystem, name, type Node } from "./memory_file_system.ts";

const SLOW_MS = 1000;
const TICK_MS = 100;
const MS_NOSUID_NODEV = 2 | 4;

const notifier = Deno.dlopen("libc.so.6", {
  write: { parameters: ["i32", "buffer", "i64"], result: "i64", nonblocking: true },
}).symbols;
const encoder = new TextEncoder();
const deadlines: { time: number; act: () => void }[] = [];

/** The files that behave as no file should. */
class Fixture extends MemoryFileSystem {
  readonly slow = this.addFile(name("slow"), encoder.encode("slow\n"));
  readonly state = this.addFile(name("state"), new Uint8Array(4096));
  readonly #late = new Set<ByteString>();
  /** How often a `hang` was let go. */
  letGo = 0;
  /** Requests to look something up or for attributes. */
  questions = 0;
  readonly #controls = new Controls(this);
  #zeros: Node | undefined;
  readonly #zeroBlock = new Uint8Array(1 << 20);

  addZeros(length: number): void {
    this.#zeros = this.addFile(name("zeros"), new Uint8Array());
    this.#zeros.attr = { ...this.#zeros.attr, size: length };
  }

  override lookup(parent: NodeId, child: ByteString, caller: Caller): Result<Entry> {
    this.questions++;
    const notification = this.#controls.obey(child);
    // By another thread: the caller holds the lock that the kernel wants for some of them, until it is answered.
    if (notification !== undefined) notifier.write(fd, notification, BigInt(notification.length));
    if (child.startsWith("late") && !this.#late.has(child)) {
      this.#late.add(child);
      return this.#afterASecond(() => super.lookup(parent, child, caller));
    }
    if (!child.startsWith("hang")) return super.lookup(parent, child, caller);
    return new Promise((resolve) => {
      caller.signal.addEventListener("abort", () => {
        this.letGo++;
        resolve(this.entry(this.slow));
      });
    });
  }

  override getattr(nodeId: NodeId, fh: number | undefined, caller: Caller): Result<AttrOut> {
    this.questions++;
    return super.getattr(nodeId, fh, caller);
  }

  override open(nodeId: NodeId, flags: number, caller: Caller): Result<Opened> {
    const opened = super.open(nodeId, flags, caller) as Opened;
    const direct = nodeId === this.slow.id || nodeId === this.state.id;
    return direct ? { ...opened, flags: FOPEN_DIRECT_IO } : opened;
  }

  override read(nodeId: NodeId, at: { fh: number; offset: number; size: number }, caller: Caller): Result<Uint8Array> {
    if (nodeId === this.state.id) return this.#describe().subarray(at.offset, at.offset + at.size);
    if (nodeId === this.#zeros?.id) return this.#zeroBlock.subarray(0, at.size);
    const data = super.read(nodeId, at, caller);
    if (nodeId !== this.slow.id) return data;
    return this.#afterASecond(() => data);
  }

  override write(
    nodeId: NodeId,
    at: { fh: number; offset: number; data: Uint8Array; killSuidgid: boolean },
    caller: Caller,
  ): Result<number> {
    const written = super.write(nodeId, at, caller);
    return nodeId === this.slow.id ? this.#afterASecond(() => written) : written;
  }

  #afterASecond<T>(get: () => Result<T>): Promise<T> {
    return new Promise((resolve) => deadlines.push({ time: Date.now() + SLOW_MS, act: () => resolve(get()) }));
  }

  #describe(): Uint8Array {
    const { letGo, questions, slow } = this;
    const removed = new Set(this.nodes.values());
    for (const node of this.#below(this.root)) removed.delete(node);
    const removedLookups = [...removed].reduce((sum, node) => sum + node.lookups, 0);
    const held = { handles: this.handles.size, pending: server.pending };
    return encoder.encode(
      `${JSON.stringify({ letGo, questions, slowLookups: slow.lookups, removedLookups, ...held })}\n`,
    );
  }

  *#below(node: Node): Generator<Node> {
    yield node;
    for (const child of node.children.values()) yield* this.#below(child);
  }
}

/** Bit 8 of SigPnd or ShdPnd. */
function isDying(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const masks = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)];
  return masks.some(([, mask]) => (BigInt(`0x${mask}`) & 0x100n) !== 0n);
}

function mount(path: string): number {
  const fd = unwrap(openAt(AT_FDCWD, name("/dev/fuse"), O_RDWR | O_NONBLOCK), "open /dev/fuse");
  const options = cString(name(mountOptions({ fd, defaultPermissions: true })));
  const [source, type] = [cString(name("outrun-test")), cString(name("fuse"))];
  const result = libc().mount(source, cString(name(path)), type, MS_NOSUID_NODEV, options);
  if (result !== 0) throw new Error(`Cannot mount on "${path}"`);
  return fd;
}

const [path, settings = "{}"] = Deno.args;
const fd = mount(path);
const poller = new Poller();
const fileSystem = new Fixture({ lifetime: 0, ...JSON.parse(settings) });
for (let i = 0; i < (JSON.parse(settings).late ?? 0); i++) fileSystem.addFile(name(`late${i}`), new Uint8Array());
if (JSON.parse(settings).zeros) fileSystem.addZeros(JSON.parse(settings).zeros);
const server = new Server(fd, fileSystem, {
  init: JSON.parse(settings),
  isDying,
  onEnd: () => Deno.exit(0),
  log: (line) => console.error(line),
});
poller.add(fd, POLLIN, () => server.device.readable());
poller.add(0, POLLIN, () => Deno.exit(0));
console.log("ready");
let nextTick = 0;
for (;;) {
  poller.wait(TICK_MS);
  for (const deadline of deadlines.splice(0)) {
    if (deadline.time <= Date.now()) deadline.act();
    else deadlines.push(deadline);
  }
  if (Date.now() >= nextTick) {
    nextTick = Date.now() + TICK_MS;
    server.tick();
  }
  await null;
}
