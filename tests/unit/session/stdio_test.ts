import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { receiveOutput, sendInput } from "../../../lib/session/stdio.ts";
import type { Stream } from "../../../lib/rpc/mod.ts";
import { Bridge } from "../agent/bridge.ts";

const ID = 1;
const WINDOW = 256 * 1024;
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The agent's end of the stream. */
class Agent {
  readonly bridge = new Bridge({ local: { request: () => {}, notify: () => {} } });
  readonly stream: Stream;
  readonly received: Uint8Array[] = [];
  consumes = true;
  ended = false;

  constructor() {
    this.stream = this.bridge.agent.stream(ID, {
      onData: (bytes) => {
        this.received.push(bytes.slice());
        if (this.consumes) this.stream.consumed(bytes.length);
      },
      onEnd: () => this.ended = true,
    });
  }

  get options() {
    return { connection: this.bridge.local, id: ID, interactive: false };
  }

  get length(): number {
    return this.received.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  [Symbol.dispose](): void {
    this.bridge.close();
  }
}

/** Gives these pieces, one a read, then the end. */
function source(pieces: Uint8Array[], failure?: Error) {
  const sizes: number[] = [];
  const read = (into: Uint8Array): Promise<number | null> => {
    sizes.push(into.length);
    const piece = pieces.shift();
    if (piece === undefined) return failure ? Promise.reject(failure) : Promise.resolve(null);
    const now = piece.subarray(0, into.length);
    if (now.length < piece.length) pieces.unshift(piece.subarray(now.length));
    into.set(now);
    return Promise.resolve(now.length);
  };
  return { read, sizes };
}

Deno.test("sendInput() sends every byte, and the end behind it", async () => {
  using agent = new Agent();
  const pieces = [[1, 2], [], [3], [0xff, 0x00]].map((bytes) => Uint8Array.from(bytes));
  sendInput({ ...agent.options, source: source(pieces) });
  await turn();
  assert.deepEqual(Buffer.concat(agent.received), Buffer.of(1, 2, 3, 0xff, 0));
  assert.equal(agent.ended, true);
});

Deno.test("sendInput() reads no more than the command has room for", async () => {
  using agent = new Agent();
  agent.consumes = false;
  const input = source([new Uint8Array(10), new Uint8Array(3 * WINDOW - 10)]);
  sendInput({ ...agent.options, source: input });
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(agent.length, WINDOW);
  assert.ok(input.sizes.at(-1)! < 64 * 1024, "the last read is for the room that is left");
  agent.consumes = true;
  agent.stream.consumed(WINDOW);
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(agent.length, 3 * WINDOW);
  assert.equal(agent.ended, true);
});

Deno.test("sendInput() ends where the descriptor cannot be read", async () => {
  using agent = new Agent();
  sendInput({ ...agent.options, source: source([Uint8Array.of(1)], new Error("EISDIR")) });
  await turn();
  assert.deepEqual([agent.length, agent.ended], [1, true]);
});

/** A descriptor that takes `step` bytes at a time, until it breaks after `limit`. */
class Sink {
  readonly bytes: number[] = [];
  readonly #step: number;
  readonly #limit: number;
  /** Holds a write back. */
  gate: Promise<void> = Promise.resolve();

  constructor(step = Infinity, limit = Infinity) {
    this.#step = step;
    this.#limit = limit;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    if (this.bytes.length >= this.#limit) throw new Error("EPIPE");
    const now = bytes.subarray(0, this.#step);
    this.bytes.push(...now);
    return now.length;
  }
}

Deno.test("receiveOutput() writes every byte in order, however little is taken at a time", async () => {
  using agent = new Agent();
  const { promise, resolve } = Promise.withResolvers<void>();
  const sink = new Sink(3);
  sink.gate = promise;
  const done = receiveOutput({ ...agent.options, sink, onBroken: () => assert.fail() });
  const sent = Array.from({ length: 1000 }, (_, i) => i & 0xff);
  for (let at = 0; at < sent.length; at += 70) {
    agent.stream.send(Uint8Array.from(sent.slice(at, at + 70)));
    await turn();
  }
  agent.stream.end();
  resolve();
  await done;
  assert.deepEqual(sink.bytes, sent);
});

Deno.test("receiveOutput() gives credit for what was written, not for what has arrived", async () => {
  using agent = new Agent();
  const { promise, resolve } = Promise.withResolvers<void>();
  const sink = new Sink();
  sink.gate = promise;
  let finished = false;
  const done = receiveOutput({ ...agent.options, sink, onBroken: () => {} }).then(() => finished = true);
  agent.stream.send(new Uint8Array(WINDOW));
  await turn();
  assert.equal(agent.stream.credit, 0);
  agent.stream.end();
  await turn();
  assert.equal(finished, false, "the last byte is not written");
  resolve();
  await done;
  assert.equal(sink.bytes.length, WINDOW);
});

Deno.test("receiveOutput() tells once that nobody reads, and takes the rest without writing it", async () => {
  using agent = new Agent();
  const sink = new Sink(Infinity, 10);
  let broken = 0;
  const done = receiveOutput({ ...agent.options, sink, onBroken: () => broken++ });
  for (let i = 0; i < 10; i++) {
    agent.stream.send(new Uint8Array(agent.stream.credit));
    for (let j = 0; j < 3; j++) await turn();
    assert.equal(agent.stream.credit, WINDOW, "the agent can go on");
  }
  assert.equal(broken, 1);
  assert.ok(sink.bytes.length <= WINDOW);
  agent.stream.end();
  await done;
});

Deno.test("receiveOutput() ends when the link does", async () => {
  using agent = new Agent();
  const sink = new Sink();
  const done = receiveOutput({ ...agent.options, sink, onBroken: () => {} });
  agent.stream.send(Uint8Array.of(1));
  await turn();
  agent.bridge.close();
  await done;
  assert.deepEqual(sink.bytes, [1]);
});
