import assert from "node:assert/strict";
import { Pump } from "../../../lib/session/pump.ts";
import { type Connection, createConnection } from "../../../lib/rpc/mod.ts";

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** A pipe that takes what it is given when it is told to. */
class SlowPipe {
  readonly written: Uint8Array[] = [];
  #waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;

  write(bytes: Uint8Array): Promise<void> {
    assert.equal(this.#waiting, undefined, "one write at a time");
    // The pump's buffer is its own again once this write is over.
    this.written.push(bytes.slice());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    return promise;
  }

  get isWriting(): boolean {
    return this.#waiting !== undefined;
  }

  async take(): Promise<void> {
    const { resolve } = this.#waiting!;
    this.#waiting = undefined;
    resolve();
    await turn();
  }

  async breakDown(): Promise<void> {
    this.#waiting!.reject(new Error("EPIPE"));
    this.#waiting = undefined;
    await turn();
  }
}

/** A connection whose bytes a pump moves into a pipe, and one that understands them. */
class Fixture {
  readonly pipe = new SlowPipe();
  readonly connection: Connection;
  readonly pump: Pump;
  /** What the other end was told, in order. */
  readonly notes: number[] = [];
  broken = 0;
  readonly #other = createConnection({
    handler: { request: () => {}, notify: (op) => void this.notes.push(op) },
    onPending: () => {},
  });
  #received = 0;

  constructor() {
    this.connection = createConnection({
      handler: { request: () => {}, notify: () => {} },
      onPending: () => this.pump.start(),
    });
    this.pump = new Pump({
      pipe: this.pipe,
      connection: () => this.connection,
      onBroken: () => this.broken++,
    });
  }

  /** Lets the pipe take everything, and the other end understand it. */
  async drain(): Promise<void> {
    await turn();
    while (this.pipe.isWriting) await this.pipe.take();
    this.understand();
  }

  /** Has the other end take what was written so far. */
  understand(): void {
    for (const bytes of this.pipe.written.slice(this.#received)) this.#other.receive(bytes);
    this.#received = this.pipe.written.length;
  }

  note(op: number): void {
    this.connection.notify(op, new Uint8Array());
  }
}

Deno.test("Pump sends what is pending in one write, in order", async () => {
  const fixture = new Fixture();
  for (let op = 1; op <= 5; op++) fixture.note(op);
  await fixture.drain();
  assert.deepEqual(fixture.notes, [1, 2, 3, 4, 5]);
  assert.equal(fixture.pipe.written.length, 1);
});

Deno.test("Pump sends what becomes pending during a write with the next one", async () => {
  const fixture = new Fixture();
  fixture.note(1);
  await turn();
  fixture.note(2);
  fixture.note(3);
  fixture.pump.start();
  await turn();
  assert.equal(fixture.pipe.written.length, 1);
  await fixture.drain();
  assert.deepEqual(fixture.notes, [1, 2, 3]);
  assert.deepEqual([fixture.pipe.written.length, fixture.broken], [2, 0]);
});

Deno.test("Pump lets what is urgent overtake bulk data between two writes", async () => {
  const fixture = new Fixture();
  const data = new Uint8Array(1 << 20);
  fixture.connection.call(1, new Uint8Array(), { data }).reply.catch(() => {});
  await turn();
  fixture.note(7);
  await fixture.pipe.take();
  assert.ok(fixture.pipe.written[0].length > 64 * 1024, "bulk data is on its way");
  fixture.understand();
  fixture.connection.close();
  await fixture.drain();
  assert.deepEqual(fixture.notes, [7], "told with the write behind the first");
});

Deno.test("Pump misses nothing that becomes pending at any step around its end", async () => {
  for (let steps = 0; steps < 12; steps++) {
    const fixture = new Fixture();
    fixture.note(1);
    await turn();
    const taking = fixture.pipe.take();
    for (let i = 0; i < steps; i++) await null;
    fixture.note(2);
    await taking;
    await fixture.drain();
    assert.deepEqual(fixture.notes, [1, 2], `after ${steps} steps`);
  }
});

Deno.test("Pump says once that the pipe is broken, and does not use it again", async () => {
  const fixture = new Fixture();
  fixture.note(1);
  await turn();
  await fixture.pipe.breakDown();
  assert.equal(fixture.broken, 1);
  fixture.note(2);
  fixture.pump.start();
  await turn();
  assert.equal(fixture.broken, 1);
  assert.equal(fixture.pipe.written.length, 1);
});
