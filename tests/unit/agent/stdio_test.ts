/** The command's streams on the agent's side: pipes and a terminal, driven by a poll loop of the test's own. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Inlet, Outlet } from "../../../lib/agent/stdio.ts";
import {
  bindNow,
  close,
  Errno,
  makePipe,
  O_NONBLOCK,
  openTerminal,
  Poller,
  POLLIN,
  POLLOUT,
  read,
  setNonBlocking,
  write,
} from "../../../lib/linux/mod.ts";
import type { Stream } from "../../../lib/rpc/mod.ts";
import { Bridge } from "./bridge.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

const ID = 1;
const WINDOW = 256 * 1024;

/** A pipe whose ends do not block. */
function pipe(): { readEnd: number; writeEnd: number } {
  const ends = makePipe(O_NONBLOCK);
  assert.ok(typeof ends !== "number");
  return ends;
}

function readAll(fd: number): Uint8Array | number {
  const buffer = new Uint8Array(1 << 20);
  const count = read(fd, buffer);
  return count < 0 ? count : buffer.slice(0, count);
}

/** What the local side has of a stream. */
class Local {
  readonly bridge = new Bridge({ local: { request: () => {}, notify: () => {} } });
  readonly poller = new Poller();
  readonly stream: Stream;
  readonly received: Uint8Array[] = [];
  /** Whether what arrives is taken, so that more may come. */
  consumes = true;
  ended = false;

  constructor() {
    this.stream = this.bridge.local.stream(ID, {
      onData: (bytes) => {
        this.received.push(bytes.slice());
        if (this.consumes) this.stream.consumed(bytes.length);
      },
      onEnd: () => this.ended = true,
    });
  }

  get options() {
    return { poller: this.poller, connection: this.bridge.agent, id: ID, interactive: false };
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.received);
  }

  /** Lets the loop and the link run until nothing happens any more. */
  async run(): Promise<void> {
    for (let i = 0; i < 25; i++) {
      this.poller.wait(0);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.bridge.close();
  }
}

Deno.test("Outlet sends what the command writes, byte for byte, and its end", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  const outlet = new Outlet({ ...local.options, fd: readEnd });
  const sent = Uint8Array.from({ length: 60_000 }, (_, i) => (i * 7) & 0xff);
  assert.equal(write(writeEnd, sent), sent.length);
  await local.run();
  assert.equal(Buffer.compare(local.bytes, sent), 0);
  assert.deepEqual([outlet.isDrained, local.ended], [false, false]);
  close(writeEnd);
  await local.run();
  assert.deepEqual([outlet.isDrained, local.ended], [true, true]);
});

Deno.test("Outlet reads no more than the local side has given credit for, and goes on when it has", async () => {
  using local = new Local();
  local.consumes = false;
  const { readEnd, writeEnd } = pipe();
  const outlet = new Outlet({ ...local.options, fd: readEnd });
  // An odd number first, so that the last room is smaller than a usual read.
  let written = write(writeEnd, new Uint8Array(10).fill(7));
  await local.run();
  // The command writes until its pipe is full for good.
  for (let idle = 0; idle < 3;) {
    const count = write(writeEnd, new Uint8Array(65536).fill(7));
    written += Math.max(0, count);
    idle = count === -Errno.EAGAIN ? idle + 1 : 0;
    await local.run();
  }
  assert.equal(local.bytes.length, WINDOW);
  assert.ok(written <= WINDOW + 65536, `${written}`);
  assert.equal(local.ended, false, "no credit is not the end");
  local.consumes = true;
  local.stream.consumed(WINDOW);
  close(writeEnd);
  await local.run();
  assert.equal(local.bytes.length, written);
  assert.deepEqual([outlet.isDrained, local.ended], [true, true]);
});

Deno.test("Outlet sends what waits for changes to be made before the end, also when there is room again meanwhile", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  const log: { reached?: Promise<void> } = {};
  const outlet = new Outlet({ ...local.options, fd: readEnd, made: () => log.reached });
  // What says that there is room again comes later.
  local.bridge.throttle(0);
  for (let i = 0; i < 3; i++) {
    assert.equal(write(writeEnd, new Uint8Array(60_000)), 60_000);
    await local.run();
  }
  const making = Promise.withResolvers<void>();
  log.reached = making.promise;
  write(writeEnd, Uint8Array.of(2));
  await local.run();
  // Now, and the command ends.
  local.bridge.throttle(Infinity);
  close(writeEnd);
  await local.run();
  assert.equal(local.bytes.length, 180_000);
  assert.deepEqual([outlet.isDrained, local.ended], [false, false]);
  making.resolve();
  await local.run();
  assert.deepEqual([...local.bytes.subarray(180_000)], [2]);
  assert.deepEqual([outlet.isDrained, local.ended], [true, true]);
});

Deno.test("Outlet.close() lets the command meet EPIPE, and tells the local side of the end", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  const outlet = new Outlet({ ...local.options, fd: readEnd });
  outlet.close();
  outlet.close();
  assert.equal(write(writeEnd, Uint8Array.of(1)), -Errno.EPIPE);
  await local.run();
  assert.deepEqual([outlet.isDrained, local.ended], [true, true]);
  close(writeEnd);
});

Deno.test("Outlet takes the end of a terminal for the end of the output", async () => {
  using local = new Local();
  const terminal = openTerminal();
  assert.ok(typeof terminal !== "number");
  setNonBlocking(terminal.master);
  const outlet = new Outlet({ ...local.options, fd: terminal.master });
  write(terminal.slave, new TextEncoder().encode("out"));
  await local.run();
  assert.equal(Buffer.from(local.bytes).toString(), "out");
  close(terminal.slave);
  await local.run();
  assert.deepEqual([outlet.isDrained, local.ended], [true, true]);
});

Deno.test("Inlet gives the command what arrives, and its end", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  new Inlet({ ...local.options, fd: writeEnd });
  local.stream.send(new TextEncoder().encode("one "));
  local.stream.send(new TextEncoder().encode("two"));
  await local.run();
  assert.equal(Buffer.from(readAll(readEnd) as Uint8Array).toString(), "one two");
  assert.equal(readAll(readEnd), -Errno.EAGAIN);
  local.stream.end();
  await local.run();
  assert.deepEqual(readAll(readEnd), new Uint8Array(0));
  close(readEnd);
});

Deno.test("Inlet gives credit only for what the command's pipe has taken", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  new Inlet({ ...local.options, fd: writeEnd });
  const sent = Uint8Array.from({ length: WINDOW }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  local.stream.send(sent);
  await local.run();
  assert.equal(local.stream.credit, 65536);
  local.stream.end();
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = readAll(readEnd);
    if (typeof part === "number") {
      await local.run();
      continue;
    }
    if (part.length === 0) break;
    parts.push(part);
    await local.run();
  }
  assert.equal(Buffer.compare(Buffer.concat(parts), sent), 0);
  close(readEnd);
});

Deno.test("Inlet throws away what arrives for a command that has closed its input", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  new Inlet({ ...local.options, fd: writeEnd });
  close(readEnd);
  for (let i = 0; i < 8; i++) {
    local.stream.send(new Uint8Array(Math.min(WINDOW, local.stream.credit)));
    await local.run();
    assert.equal(local.stream.credit, WINDOW, "the local side can go on");
  }
});

Deno.test("Inlet leaves a descriptor alone that has its former number", async () => {
  using local = new Local();
  const { readEnd, writeEnd } = pipe();
  new Inlet({ ...local.options, fd: writeEnd });
  close(readEnd);
  local.stream.send(Uint8Array.of(1));
  await local.run();
  // The pipe is broken, so its number is free: the next descriptor that is opened may have it.
  const other = pipe();
  assert.ok([other.readEnd, other.writeEnd].includes(writeEnd), "the number is used again");
  let called = 0;
  local.poller.add(other.readEnd, POLLIN, () => called++);
  local.poller.add(other.writeEnd, POLLOUT, () => called++);
  write(other.writeEnd, Uint8Array.of(1));
  local.stream.send(Uint8Array.of(2));
  local.stream.end();
  await local.run();
  called = 0;
  local.poller.wait(0);
  assert.equal(called, 2, "both owners are still told");
  close(other.readEnd);
  close(other.writeEnd);
});
