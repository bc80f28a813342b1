import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Caller, type Entry, type FileSystem, InitFlag, Opcode } from "../../../lib/fuse/mod.ts";
import { ErrnoError } from "../../../lib/linux/mod.ts";
import { hex, literal } from "./bytes.ts";
import { FakeDevice } from "./fake_device.ts";
import { MemoryFileSystem, name } from "./memory_file_system.ts";

const initBody = `07000000 2d000000 00000200 ffffff7f 00000000 ${"00000000".repeat(11)}`;
const getattrBody = "00000000 00000000 0000000000000000";
const writeBody = `0100000000000000 0000000000000000 04000000 00000000 0000000000000000 00000000 00000000 "data"`;
const readdirBody = "0100000000000000 0000000000000000 00100000 00000000 0000000000000000 00000000 00000000";

/** The answer to `unique` with an errno only. */
function failure(errno: number, unique = 2): string {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, 16, true);
  view.setInt32(4, -errno, true);
  view.setUint32(8, unique, true);
  return hex(new Uint8Array(view.buffer));
}

/** A file system in memory, with some of its methods replaced. */
function device(methods: Partial<FileSystem> = {}, options = {}): FakeDevice & { fileSystem: MemoryFileSystem } {
  const fileSystem = Object.assign(new MemoryFileSystem({ lifetime: 0 }), methods);
  return Object.assign(new FakeDevice(fileSystem, options), { fileSystem });
}

/** Lets promises settle. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Server answers INIT and shows what was agreed on", () => {
  let seen;
  using fake = device({}, { onInit: (agreed: unknown) => seen = agreed });
  assert.equal(fake.server.negotiated, undefined);
  const [answer] = fake.ask({ opcode: Opcode.FUSE_INIT }, initBody);
  assert.equal(answer.slice(0, 53), "50000000 00000000 02000000 00000000 07000000 2d000000");
  assert.ok(fake.server.negotiated!.flags & InitFlag.FUSE_PARALLEL_DIROPS);
  assert.equal(seen, fake.server.negotiated);
});

Deno.test("Server ends with an error where the kernel is too old", () => {
  using fake = device();
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_INIT }, "07000000 1e000000 00000200 00000000"), [failure(71)]);
  fake.unmount();
  assert.equal(fake.ended.length, 1);
  assert.match(String(fake.ended[0]), /this kernel speaks 7\.30/);
  assert.equal(fake.server.negotiated, undefined);
});

Deno.test("Server answers a result at once, and a promise when it settles", async () => {
  using fake = device();
  assert.equal(fake.ask({ opcode: Opcode.FUSE_GETATTR }, getattrBody)[0].slice(0, 35), answerStart(120));
  fake.fileSystem.getattr = () => Promise.resolve({ attr: fake.fileSystem.root.attr, attrValid: 0 });
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_GETATTR, unique: 4 }, getattrBody), []);
  assert.equal(fake.server.pending, 1);
  await settle();
  assert.equal(fake.answers()[0].slice(0, 35), answerStart(120, 4));
  assert.equal(fake.server.pending, 0);
});

/** The header of an answer without error. */
function answerStart(length: number, unique = 2): string {
  return hex(new Uint8Array(new Uint32Array([length, 0, unique, 0]).buffer));
}

Deno.test("Server answers operations without a result with a bare header", () => {
  using fake = device();
  fake.fileSystem.addFile(name("file"), literal("00"));
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_UNLINK }, `"file" 00`), [answerStart(16)]);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_DESTROY }, ""), [answerStart(16)]);
});

Deno.test("Server gives an error's errno", async () => {
  using fake = device();
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"none" 00`), [failure(2)]);
  fake.fileSystem.lookup = () => Promise.reject(Object.assign(new Error("from afar"), { errno: 122 }));
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"full" 00`), []);
  await settle();
  assert.deepEqual(fake.answers(), [failure(122)]);
  assert.deepEqual(fake.lines, []);
});

Deno.test("Server makes any other error EIO, and logs it once", () => {
  using fake = device();
  for (const error of [new Error("broken"), { errno: 5000 }, { errno: -2 }, undefined]) {
    fake.fileSystem.lookup = () => {
      throw error;
    };
    assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_LOOKUP, nodeId: 9 }, `"x" 00`), [failure(5)]);
  }
  assert.equal(fake.lines.length, 4);
  assert.equal(fake.lines[0], "Cannot serve FUSE_LOOKUP on node 9: Error: broken");
});

Deno.test("Server refuses what it does not know with ENOSYS, and IOCTL with ENOTTY", () => {
  using fake = device();
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_BMAP }, ""), [failure(38)]);
  assert.deepEqual(fake.ask({ opcode: 999 }, ""), [failure(38)]);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_IOCTL }, ""), [failure(25)]);
});

Deno.test("Server answers what the kernel has room for of extended attributes, their length, or ERANGE", () => {
  using fake = device();
  fake.fileSystem.root.xattrs.set(name("user.a"), literal(`"value"`));
  const get = (size: string) => fake.ask({ opcode: Opcode.FUSE_GETXATTR }, `${size} 00000000 "user.a" 00`)[0];
  const list = (size: string) => fake.ask({ opcode: Opcode.FUSE_LISTXATTR }, `${size} 00000000`)[0];
  assert.equal(get("00000000"), hex(literal("18000000 00000000 0200000000000000 05000000 00000000")));
  assert.equal(get("05000000"), hex(literal(`15000000 00000000 0200000000000000 "value"`)));
  assert.equal(get("04000000"), failure(34));
  assert.equal(list("00000000"), hex(literal("18000000 00000000 0200000000000000 07000000 00000000")));
  assert.equal(list("07000000"), hex(literal(`17000000 00000000 0200000000000000 "user.a" 00`)));
  assert.equal(list("06000000"), failure(34));
});

Deno.test("Server answers extended attributes that come later alike", async () => {
  const value = Promise.resolve(literal(`"value"`));
  using fake = device({ getxattr: () => value, listxattr: () => value });
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_GETXATTR }, `04000000 00000000 "user.a" 00`), []);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_LISTXATTR, unique: 4 }, "05000000 00000000"), []);
  await settle();
  assert.deepEqual(fake.answers(), [failure(34), hex(literal(`15000000 00000000 0400000000000000 "value"`))]);
  assert.deepEqual(fake.lines, []);
});

Deno.test("Server answers a copy with a number of the length that was asked by", () => {
  using fake = device({ copyFileRange: () => 3 });
  const body = "00".repeat(56);
  const [short] = fake.ask({ opcode: Opcode.FUSE_COPY_FILE_RANGE }, body);
  assert.equal(short, hex(literal("18000000 00000000 0200000000000000 03000000 00000000")));
  const [long] = fake.ask({ opcode: Opcode.FUSE_COPY_FILE_RANGE_64 }, body);
  assert.equal(long, hex(literal("18000000 00000000 0200000000000000 0300000000000000")));
});

Deno.test("Server answers malformed requests with EIO and goes on", () => {
  using fake = device();
  const unanswered: readonly number[] = [Opcode.FUSE_FORGET, Opcode.FUSE_INTERRUPT, Opcode.FUSE_BATCH_FORGET];
  for (const opcode of Object.values(Opcode)) {
    assert.equal(fake.ask({ opcode }, "").length, unanswered.includes(opcode) ? 0 : 1, `opcode ${opcode}`);
  }
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_SETATTR }, "00"), [failure(5)]);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_RENAME }, `0100000000000000 "a" 00 "b"`), [failure(5)]);
  assert.equal(fake.ask({ opcode: Opcode.FUSE_GETATTR }, getattrBody).length, 1);
});

Deno.test("Server takes FORGET and BATCH_FORGET", () => {
  using fake = device();
  const node = fake.fileSystem.addFile(name("file"), literal("00"));
  for (let i = 0; i < 4; i++) fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"file" 00`);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_FORGET, nodeId: node.id }, "0100000000000000"), []);
  const batch = "02000000 00000000 0200000000000000 0200000000000000 0200000000000000 0100000000000000";
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_BATCH_FORGET, nodeId: 0 }, batch), []);
  assert.equal(node.lookups, 0);
});

Deno.test("Server reads 32 requests a turn", () => {
  let count = 0;
  using fake = device({ forget: () => void count++ });
  fake.queue({ opcode: Opcode.FUSE_FORGET }, "0100000000000000", 40);
  fake.server.device.readable();
  assert.equal(count, 32);
  fake.server.device.readable();
  assert.equal(count, 40);
});

Deno.test("Server keeps the data of a WRITE until its result is there", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let kept = new Uint8Array();
  using fake = device({
    write(_nodeId, { data }) {
      kept = data as Uint8Array<ArrayBuffer>;
      return promise;
    },
  });
  fake.ask({ opcode: Opcode.FUSE_WRITE }, writeBody);
  for (let i = 0; i < 3; i++) fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"${"x".repeat(100)}" 00`);
  assert.equal(hex(kept), "64617461");
  resolve(4);
  await settle();
  assert.deepEqual(fake.answers(), [`${answerStart(24)} 04000000 00000000`]);
});

const interrupt = { opcode: Opcode.FUSE_INTERRUPT, unique: 3, nodeId: 0, pid: 0 };
const interruptBody = "0200000000000000";

/** A lookup that the test answers; 7 is the node it brings. */
function slowLookup() {
  const { promise, resolve, reject } = Promise.withResolvers<Entry>();
  const forgotten: [number, number][] = [];
  const callers: Caller[] = [];
  const methods: Partial<FileSystem> = {
    lookup(_parent: number, _name: ByteString, caller: Caller) {
      callers.push(caller);
      return promise;
    },
    forget: (nodeId, lookups) => void forgotten.push([nodeId, lookups]),
  };
  return { methods, resolve, reject, forgotten, callers };
}

function found(fileSystem: MemoryFileSystem): Entry {
  return { nodeId: 7, generation: 0, attr: fileSystem.root.attr, entryValid: 0, attrValid: 0 };
}

Deno.test("Server lets a dying caller go, and takes the late result back", async () => {
  const { methods, resolve, forgotten, callers } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP, pid: 77, uid: 5, gid: 6 }, `"x" 00`);
  const [{ uid, gid, pid, signal }] = callers;
  assert.deepEqual([uid, gid, pid, signal.aborted], [5, 6, 77, false]);
  fake.dying.add(77);
  assert.deepEqual(fake.ask(interrupt, interruptBody), [failure(4)]);
  assert.equal(signal.aborted, true);
  resolve(found(fake.fileSystem));
  await settle();
  assert.deepEqual(fake.answers(), []);
  assert.deepEqual(forgotten, [[7, 1]]);
});

Deno.test("Server makes an aborted signal for who asks for it late", () => {
  const { methods, callers } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`);
  fake.dying.add(77);
  fake.ask(interrupt, interruptBody);
  assert.equal(callers[0].signal.aborted, true);
});

Deno.test("Server does not tell of a failure that comes late", async () => {
  const { methods, reject } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`);
  fake.dying.add(77);
  fake.ask(interrupt, interruptBody);
  reject(new ErrnoError(125, "wait"));
  await settle();
  assert.deepEqual([fake.answers(), fake.lines], [[], []]);
});

Deno.test("Server keeps a caller that was interrupted by a harmless signal", async () => {
  const { methods, resolve, forgotten } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`);
  assert.deepEqual(fake.ask(interrupt, interruptBody), []);
  fake.server.tick();
  resolve(found(fake.fileSystem));
  await settle();
  assert.equal(fake.answers()[0].slice(0, 35), answerStart(144));
  assert.deepEqual(forgotten, []);
});

Deno.test("tick() finds out that an interrupted caller is dying by now", () => {
  const { methods } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`);
  fake.ask(interrupt, interruptBody);
  fake.dying.add(77);
  fake.server.tick();
  assert.deepEqual(fake.answers(), [failure(4)]);
  fake.server.tick();
  assert.deepEqual(fake.answers(), []);
});

Deno.test("Server ignores the interrupt of what was answered", () => {
  using fake = device();
  fake.ask({ opcode: Opcode.FUSE_GETATTR }, getattrBody);
  fake.dying.add(77);
  assert.deepEqual(fake.ask(interrupt, interruptBody), []);
});

/** Each opcode whose late result has to be taken back, a body for it, and how many handles it opens. */
const undone: readonly (readonly [name: keyof typeof Opcode, body: string])[] = [
  ["FUSE_LOOKUP", `"file" 00`],
  ["FUSE_MKNOD", `a4810000 00000000 00000000 00000000 "new" 00`],
  ["FUSE_MKDIR", `ed010000 00000000 "new" 00`],
  ["FUSE_SYMLINK", `"new" 00 "target" 00`],
  ["FUSE_LINK", `0200000000000000 "new" 00`],
  ["FUSE_OPEN", "00000000 00000000"],
  ["FUSE_CREATE", `01000000 a4810000 00000000 00000000 "new" 00`],
  ["FUSE_OPENDIR", "00000000 00000000"],
];

for (const [opcode, body] of undone) {
  Deno.test(`Server takes ${opcode} back when it comes late`, async () => {
    using fake = device();
    const { fileSystem } = fake;
    const file = fileSystem.addFile(name("file"), literal("00"));
    const methods = ["lookup", "mknod", "mkdir", "symlink", "link", "open", "create", "opendir"] as const;
    for (const method of methods) {
      const real = fileSystem[method].bind(fileSystem) as (...parameters: unknown[]) => unknown;
      Object.assign(fileSystem, { [method]: (...parameters: unknown[]) => Promise.resolve(real(...parameters)) });
    }
    const nodeId = opcode === "FUSE_OPEN" ? file.id : 1;
    assert.deepEqual(fake.ask({ opcode: Opcode[opcode], nodeId }, body), []);
    fake.dying.add(77);
    assert.deepEqual(fake.ask(interrupt, interruptBody), [failure(4)]);
    await settle();
    assert.equal(fileSystem.handles.size, 0);
    for (const node of fileSystem.nodes.values()) assert.equal(node.lookups, node.id === 1 ? 1 : 0);
    assert.deepEqual(fake.lines, []);
  });
}

Deno.test("Server takes the lookups of a late READDIRPLUS back", async () => {
  using fake = device();
  const { fileSystem } = fake;
  fileSystem.addFile(name("file"), literal("00"));
  fake.ask({ opcode: Opcode.FUSE_OPENDIR }, "00000000 00000000");
  const readdir = fileSystem.readdir.bind(fileSystem);
  fileSystem.readdir = (...parameters) => Promise.resolve(readdir(...parameters));
  fake.ask({ opcode: Opcode.FUSE_READDIRPLUS }, readdirBody);
  fake.dying.add(77);
  fake.ask(interrupt, interruptBody);
  assert.equal(fileSystem.node(2).lookups, 1);
  await settle();
  assert.equal(fileSystem.node(2).lookups, 0);
});

Deno.test("Server gives the entries that came before a failure of READDIR", async () => {
  const entry = { name: name("file"), ino: 2n, type: 8, offset: 1n };
  using fake = device({
    readdir(_nodeId, _at, sink) {
      sink.add(entry);
      throw new ErrnoError(5, "list");
    },
  });
  assert.equal(fake.ask({ opcode: Opcode.FUSE_READDIR }, readdirBody)[0].slice(0, 35), answerStart(48));
  fake.fileSystem.readdir = (_nodeId, _at, sink) => {
    sink.add(entry);
    return Promise.reject(new ErrnoError(5, "list"));
  };
  fake.ask({ opcode: Opcode.FUSE_READDIR }, readdirBody);
  await settle();
  assert.equal(fake.answers()[0].slice(0, 35), answerStart(48));
  fake.fileSystem.readdir = () => Promise.reject(new ErrnoError(5, "list"));
  fake.ask({ opcode: Opcode.FUSE_READDIR }, readdirBody);
  await settle();
  assert.deepEqual(fake.answers(), [failure(5)]);
});

Deno.test("Server answers EIO where a result does not fit, and takes it back", () => {
  const forgotten: number[] = [];
  using fake = device({
    read: () => new Uint8Array((1 << 20) + 1),
    lookup: () => ({ ...found(new MemoryFileSystem({ lifetime: 0 })), attr: undefined as never }),
    forget: (nodeId) => void forgotten.push(nodeId),
  });
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_READ }, readdirBody), [failure(5)]);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`), [failure(5)]);
  assert.deepEqual(forgotten, [7]);
  assert.equal(fake.lines.length, 2);
});

Deno.test("Server aborts what is under way when the file system is unmounted", async () => {
  const { methods, resolve, forgotten, callers } = slowLookup();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_LOOKUP }, `"x" 00`);
  const { signal } = callers[0];
  fake.unmount();
  fake.server.device.readable();
  assert.deepEqual([fake.ended, signal.aborted, fake.server.pending], [[undefined], true, 0]);
  resolve(found(fake.fileSystem));
  await settle();
  assert.deepEqual(forgotten, [[7, 1]]);
});

/** fuse_lk_in: handle 3, owner 7; `range` is the lock's type and pid, `flags` its lk_flags. */
function lockBody(range: string, flags = "00000000"): string {
  return `0300000000000000 0700000000000000 0100000000000000 0200000000000000 ${range} ${flags} 00000000`;
}

Deno.test("Server tells SETLK, SETLKW and flock(2) apart", () => {
  const calls: unknown[] = [];
  using fake = device({
    setlk: (_nodeId, request) => void calls.push(request),
    flock: (_nodeId, request) => void calls.push(request),
  });
  const lock = { type: 1, start: 1n, end: 2n, pid: 77 };
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_SETLK }, lockBody("01000000 4d000000")), [answerStart(16)]);
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_SETLKW }, lockBody("01000000 4d000000")), [answerStart(16)]);
  fake.ask({ opcode: Opcode.FUSE_SETLK }, lockBody("00000000 4d000000", "01000000"));
  fake.ask({ opcode: Opcode.FUSE_SETLKW }, lockBody("02000000 00000000", "01000000"));
  assert.deepEqual(calls, [
    { fh: 3, owner: 7n, lock, wait: false },
    { fh: 3, owner: 7n, lock, wait: true },
    { fh: 3, type: 0, wait: false },
    { fh: 3, type: 2, wait: true },
  ]);
});

Deno.test("Server answers GETLK with the lock that is in the way", () => {
  using fake = device({ getlk: () => ({ type: 1, start: 0n, end: 9n, pid: 5 }) });
  assert.deepEqual(fake.ask({ opcode: Opcode.FUSE_GETLK }, lockBody("00000000 00000000")), [
    `${answerStart(40)} 00000000 00000000 09000000 00000000 01000000 05000000`,
  ]);
});

/** A lock that the test answers. */
function slowLock() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const callers: Caller[] = [];
  const methods: Partial<FileSystem> = {
    setlk(_nodeId, _request, caller) {
      callers.push(caller);
      return promise;
    },
  };
  return { methods, resolve, reject, callers };
}

Deno.test("Server tells who waits for a lock of a signal, and leaves the answer to them", async () => {
  for (const granted of [false, true]) {
    const { methods, resolve, reject, callers } = slowLock();
    using fake = device(methods);
    fake.ask({ opcode: Opcode.FUSE_SETLKW }, lockBody("01000000 4d000000"));
    const [{ interrupted, signal }] = callers;
    assert.equal(interrupted.aborted, false);
    assert.deepEqual(fake.ask(interrupt, interruptBody), []);
    assert.deepEqual([interrupted.aborted, signal.aborted], [true, false]);
    if (granted) resolve();
    else reject(new ErrnoError(4, "wait for a lock"));
    await settle();
    assert.deepEqual(fake.answers(), [granted ? answerStart(16) : failure(4)]);
  }
});

Deno.test("Server lets a dying caller go who waits for a lock", async () => {
  const { methods, resolve, callers } = slowLock();
  using fake = device(methods);
  fake.ask({ opcode: Opcode.FUSE_SETLKW }, lockBody("01000000 4d000000"));
  fake.dying.add(77);
  assert.deepEqual(fake.ask(interrupt, interruptBody), [failure(4)]);
  assert.equal(callers[0].interrupted.aborted, true, "also for who asks late");
  resolve();
  await settle();
  assert.deepEqual(fake.answers(), []);
});
