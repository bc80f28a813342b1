import assert from "node:assert/strict";
import { fromText, toBytes } from "../../../lib/bytes/mod.ts";
import {
  bindNow,
  close,
  Errno,
  makeMemoryFile,
  makeSocketPair,
  readAt,
  receiveMessage,
  sendMessage,
  setNonBlocking,
  statFd,
  unwrap,
  writeAt,
} from "../../../lib/linux/mod.ts";

// The library stays loaded: no test is to be blamed for that.
bindNow();

function withPair(use: (left: number, right: number) => void): void {
  const pair = makeSocketPair();
  assert.ok(typeof pair !== "number");
  try {
    use(pair[0], pair[1]);
  } finally {
    pair.forEach(close);
  }
}

Deno.test("sendMessage() keeps messages apart", () =>
  withPair((left, right) => {
    assert.equal(sendMessage(left, toBytes(fromText("one"))), 3);
    assert.equal(sendMessage(left, toBytes(fromText("three"))), 5);
    const buffer = new Uint8Array(4);
    assert.deepEqual(receiveMessage(right, buffer), { length: 3, descriptors: [] });
    // What does not fit is gone.
    assert.deepEqual(receiveMessage(right, buffer), { length: 4, descriptors: [] });
    unwrap(setNonBlocking(right), "make a socket nonblocking");
    assert.equal(receiveMessage(right, buffer), -Errno.EAGAIN);
  }));

Deno.test("receiveMessage() takes descriptors along, close-on-exec", () =>
  withPair((left, right) => {
    const files = ["a", "b"].map((name) => unwrap(makeMemoryFile(fromText(name)), "make a memory file"));
    files.forEach((file, index) => writeAt(file, toBytes(fromText(`file ${index}`)), 0));
    assert.equal(sendMessage(left, new Uint8Array(1), files), 1);
    files.forEach(close);
    const received = receiveMessage(right, new Uint8Array(1));
    assert.ok(typeof received !== "number");
    const contents = received.descriptors.map((fd) => {
      const flags = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`).match(/flags:\s*(\d+)/)![1];
      assert.ok(Number.parseInt(flags, 8) & 0o2000000);
      const found = statFd(fd);
      assert.ok(typeof found !== "number");
      const bytes = new Uint8Array(found.size);
      readAt(fd, bytes, 0);
      close(fd);
      return new TextDecoder().decode(bytes);
    });
    assert.deepEqual(contents, ["file 0", "file 1"]);
  }));

Deno.test("receiveMessage() returns length 0 at the end; sendMessage() then fails without a signal", () => {
  const pair = makeSocketPair();
  assert.ok(typeof pair !== "number");
  close(pair[0]);
  assert.deepEqual(receiveMessage(pair[1], new Uint8Array(1)), { length: 0, descriptors: [] });
  assert.equal(sendMessage(pair[1], new Uint8Array(1)), -Errno.EPIPE);
  close(pair[1]);
});
