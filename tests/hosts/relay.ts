/**
 * A long, perhaps narrow, wire in user space (the kernels of build machines have no netem): a TCP relay on loopback, in
 * a process of its own so that it shares no event loop with what it measures.
 *
 *     relay.ts HOST PORT RTT_MS MBIT        MBIT 0: no limit
 *
 * Says `port N` on stdout, then `ok` after each command from stdin: `cut` drops the connections, `stall` stops the
 * traffic, `resume` lets it go on. End-of-file on stdin ends it.
 *
 * A chunk's way: read → stamped with the time it is due (wire.due) → queue (bounded: then reading stops, and the
 * sender feels it) → slept for, once for all that is due by then → written. What was sent in one burst arrives in one
 * burst, half a round trip later: delay costs no bandwidth.
 */

const CHUNK_BYTES = 64 * 1024;
const SLAB_BYTES = 1024 * 1024;
const QUEUE_BYTES = 64 * 1024 * 1024;
/** What a router in front of a narrow link holds: more would be bufferbloat, less would cost throughput. */
const ROUTER_MS = 50;

// A timer of the runtime is up to 1.3 ms late, this is 0.1 ms, and never early.
const libc = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32", nonblocking: true } });

async function sleepUntil(time: number): Promise<void> {
  const rest = time - performance.now();
  if (rest > 0) await libc.symbols.usleep(Math.ceil(rest * 1000));
}

/** One direction of the link, shared by all connections: delay and rate. Times in ms, sizes in bytes. */
class Wire {
  readonly delay: number;
  readonly #bytesPerMs: number;
  #freeAt = 0;

  constructor(delay: number, mbit: number) {
    this.delay = delay;
    this.#bytesPerMs = mbit > 0 ? mbit * 125 : Infinity;
  }

  /** When bytes that are at the near end now are at the far end. */
  due(bytes: number): number {
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + bytes / this.#bytesPerMs;
    return this.#freeAt + this.delay;
  }

  /** So small that a chunk does not occupy a narrow wire for more than about 1 ms. */
  get chunkBytes(): number {
    return Math.min(CHUNK_BYTES, Math.max(1500, Math.floor(this.#bytesPerMs)));
  }

  /** What is underway at most, in one connection. */
  get capacity(): number {
    return Math.min(QUEUE_BYTES, this.#bytesPerMs * (this.delay + ROUTER_MS));
  }
}

/** Closed while the link is stalled. */
class Gate {
  #opened = Promise.resolve();
  #open = () => {};

  close(): void {
    this.open();
    this.#opened = new Promise((resolve) => this.#open = resolve);
  }

  open(): void {
    this.#open();
  }

  pass(): Promise<void> {
    return this.#opened;
  }
}

/** The chunks underway in one direction of one connection; an empty one is end-of-file. */
class Underway {
  readonly #chunks: { due: number; bytes: Uint8Array }[] = [];
  #bytes = 0;
  #changed = Promise.withResolvers<void>();

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when there is room for more. */
  async put(due: number, bytes: Uint8Array, capacity: number): Promise<void> {
    this.#chunks.push({ due, bytes });
    this.#bytes += bytes.length;
    this.#change();
    while (this.#bytes > capacity) await this.#changed.promise;
  }

  async take(): Promise<{ due: number; bytes: Uint8Array }> {
    while (this.#chunks.length === 0) await this.#changed.promise;
    const chunk = this.#chunks.shift()!;
    this.#bytes -= chunk.bytes.length;
    this.#change();
    return chunk;
  }
}

async function readIn(from: Deno.Conn, wire: Wire, underway: Underway): Promise<void> {
  let slab = new Uint8Array(SLAB_BYTES);
  while (true) {
    if (slab.length < wire.chunkBytes) slab = new Uint8Array(SLAB_BYTES);
    const size = await from.read(slab.subarray(0, wire.chunkBytes)) ?? 0;
    await underway.put(wire.due(size), slab.subarray(0, size), wire.capacity);
    if (size === 0) return;
    slab = slab.subarray(size);
  }
}

async function writeOut(to: Deno.Conn, gate: Gate, underway: Underway): Promise<void> {
  while (true) {
    const { due, bytes } = await underway.take();
    await sleepUntil(due);
    await gate.pass();
    if (bytes.length === 0) return await to.closeWrite();
    for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
  }
}

async function pump(from: Deno.Conn, to: Deno.Conn, { wire, gate }: { wire: Wire; gate: Gate }): Promise<void> {
  const underway = new Underway();
  await Promise.all([readIn(from, wire, underway), writeOut(to, gate, underway)]);
}

class Relay {
  readonly gate = new Gate();
  readonly #target: Deno.ConnectOptions;
  readonly #out: Wire;
  readonly #back: Wire;
  readonly #connections = new Set<Deno.Conn>();

  constructor(target: Deno.ConnectOptions, { rttMs, mbit }: { rttMs: number; mbit: number }) {
    this.#target = target;
    this.#out = new Wire(rttMs / 2, mbit);
    this.#back = new Wire(rttMs / 2, mbit);
  }

  /** Ends when both directions have ended, or on the first error. */
  async carry(near: Deno.TcpConn): Promise<void> {
    this.#connections.add(near);
    let far: Deno.TcpConn | undefined;
    try {
      near.setNoDelay(true);
      // SYN, SYN-ACK and ACK cross the wire before a server sees a connection.
      await sleepUntil(performance.now() + 3 * this.#out.delay);
      await this.gate.pass();
      far = await Deno.connect(this.#target);
      this.#connections.add(far);
      far.setNoDelay(true);
      await Promise.all([
        pump(near, far, { wire: this.#out, gate: this.gate }),
        pump(far, near, { wire: this.#back, gate: this.gate }),
      ]);
    } catch {
      // One end is gone or was cut: the other learns it by the close below.
    } finally {
      this.#close(near);
      if (far) this.#close(far);
    }
  }

  #close(connection: Deno.Conn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  cut(): void {
    for (const connection of this.#connections) this.#close(connection);
  }
}

async function obey(relay: Relay): Promise<void> {
  const commands: Record<string, () => void> = {
    cut: () => relay.cut(),
    stall: () => relay.gate.close(),
    resume: () => relay.gate.open(),
  };
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const word of text.trim().split("\n")) {
      commands[word]();
      console.log("ok");
    }
  }
}

async function main([hostname, port, rttMs, mbit]: string[]): Promise<void> {
  const relay = new Relay({ hostname, port: Number(port) }, { rttMs: Number(rttMs), mbit: Number(mbit) });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(`port ${listener.addr.port}`);
  obey(relay).finally(() => Deno.exit());
  for await (const connection of listener) relay.carry(connection);
}

await main(Deno.args);
