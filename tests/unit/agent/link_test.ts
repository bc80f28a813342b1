import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Connection, createConnection } from "../../../lib/rpc/mod.ts";

const program = new URL("link_program.ts", import.meta.url).pathname;

const WAIT_MS = 60_000;

/** The local end of a link whose other one is a process. */
class Process {
  readonly connection: Connection;
  readonly notes: number[] = [];
  /** Lets the process write without being read. */
  paused = Promise.resolve();
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #received: Promise<void>;
  #sending: Promise<void> = Promise.resolve();

  constructor() {
    const args = ["run", "--quiet", "--no-check", "-A", program];
    const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(Deno.execPath(), { args, ...streams }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.connection = createConnection({
      handler: { request: (call) => call.fail(38), notify: (op) => void this.notes.push(op) },
      onPending: () => this.#sending = this.#sending.then(() => this.#send()),
    });
    this.#received = this.#receive();
  }

  /** Bytes that are none of the connection's. */
  async raw(bytes: Uint8Array): Promise<void> {
    await this.#input.write(bytes);
  }

  /** Closes the pipe that the process writes to. */
  async stopReading(): Promise<void> {
    await this.#output.cancel();
  }

  /** Ends the stream. What the process says then. */
  async end(): Promise<string> {
    await this.#input.close();
    return await this.ended();
  }

  /** What the process says when its link has ended. */
  async ended(): Promise<string> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), WAIT_MS);
    const said = await new Response(this.#child.stderr).text();
    assert.equal((await this.#child.status).code, 0, said);
    clearTimeout(timer);
    await this.#received;
    await this.#input.close().catch(() => {});
    return said.trim();
  }

  async #send(): Promise<void> {
    const room = new Uint8Array(1 << 20);
    for (let count = this.connection.fill(room); count > 0; count = this.connection.fill(room)) {
      await this.#input.write(room.slice(0, count));
    }
  }

  async #receive(): Promise<void> {
    for (let read = await this.#output.read(); !read.done; read = await this.#output.read()) {
      await this.paused;
      this.connection.receive(read.value);
    }
    this.connection.close();
  }
}

Deno.test("Link moves requests and replies larger than a pipe holds, many at a time", async () => {
  const process = new Process();
  const data = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  const replies = Array.from({ length: 8 }, (_, i) => {
    const call = process.connection.call(1, Uint8Array.of(i), { data });
    return call.reply;
  });
  for (const [i, reply] of (await Promise.all(replies)).entries()) {
    assert.equal(reply[0], i);
    assert.equal(Buffer.compare(reply.subarray(1), data), 0);
  }
  assert.match(await process.end(), /^ends: 1/);
});

Deno.test("Link goes on when the other end has not read for a while", async () => {
  const process = new Process();
  const { promise, resolve } = Promise.withResolvers<void>();
  process.paused = promise;
  const replies = Array.from({ length: 40 }, () => process.connection.call(1, new Uint8Array(60_000)).reply);
  for (let i = 1; i <= 5; i++) process.connection.notify(i, new Uint8Array());
  await new Promise((resolve) => setTimeout(resolve, 200));
  resolve();
  await Promise.all(replies);
  await process.connection.call(1, new Uint8Array()).reply;
  assert.deepEqual(process.notes, [1, 2, 3, 4, 5]);
  await process.end();
});

Deno.test("Link ends, once, at the end of the stream", async () => {
  const process = new Process();
  await process.connection.call(1, Uint8Array.of(1)).reply;
  assert.match(await process.end(), /^ends: 1/);
});

Deno.test("Link ends at bytes that are no frames", async () => {
  const process = new Process();
  await process.connection.call(1, Uint8Array.of(1)).reply;
  await process.raw(new Uint8Array(64).fill(0xff));
  assert.match(await process.ended(), /^ends: 1/);
});

Deno.test("Link ends when nobody reads what it writes", async () => {
  const process = new Process();
  await process.connection.call(1, Uint8Array.of(1)).reply;
  await process.stopReading();
  let isOver = false;
  const ended = process.ended().finally(() => isOver = true);
  while (!isOver) {
    // A notification (lib/rpc/SPEC.md), which the process answers: our connection has ended with what it read from. The
    // runtime closes the pipe at some time.
    await process.raw(Uint8Array.of(0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.match(await ended, /^ends: 1/);
});
