import assert from "node:assert/strict";
import { type ByteString, DecodeError, Writer } from "../../../lib/bytes/mod.ts";
import * as protocol from "../../../lib/protocol/mod.ts";
import { hex, name, samples, stat } from "./messages.ts";

/** Of the samples' targets, with their length. */
const TARGET_BYTES = 6;
/** Of nothing, these make nothing. */
const takesNothing = new Set<unknown>([protocol.decodePack]);
const endsWithTarget = new Set<unknown>([protocol.decodeLookupOut, protocol.decodeChanged]);

for (const [what, { bytes, decode }] of Object.entries(samples)) {
  Deno.test(`${decode.name}() throws DecodeError on ${what} cut short anywhere, and with a byte too many`, () => {
    for (let length = 0; length < bytes.length; length++) {
      // A file that was found is a link that was found, without its target.
      if (endsWithTarget.has(decode) && length === bytes.length - TARGET_BYTES) continue;
      if (takesNothing.has(decode) && length === 0) continue;
      assert.throws(() => decode(bytes.subarray(0, length)), DecodeError, `cut to ${length} bytes`);
    }
    assert.throws(() => decode(Uint8Array.of(...bytes, 0)), DecodeError);
  });
}

Deno.test("every decoder takes any bytes or throws DecodeError", () => {
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fff_ffff) % below;
  for (const { bytes, decode } of Object.values(samples)) {
    for (let i = 0; i < 500; i++) {
      const body = bytes.slice();
      for (let changes = 1 + random(3); changes > 0; changes--) body[random(body.length)] = random(256);
      try {
        decode(body);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }
  }
});

Deno.test("decodeWrite() throws DecodeError without its head, or with more than MAX_TRANSFER", () => {
  for (let length = 0; length < 12; length++) {
    assert.throws(() => protocol.decodeWrite(new Uint8Array(length)), DecodeError);
  }
  assert.equal(protocol.decodeWrite(new Uint8Array(12 + protocol.MAX_TRANSFER)).data.length, protocol.MAX_TRANSFER);
  assert.throws(() => protocol.decodeWrite(new Uint8Array(13 + protocol.MAX_TRANSFER)), DecodeError);
});

/** What takes a name, by what it is told of it. */
const named: Record<string, (name: ByteString) => unknown> = {
  decodeName: (name) => protocol.decodeName(protocol.encodeName({ dir: 1, name })),
  decodeRef: (name) => protocol.decodeRef(protocol.encodeRef({ kind: "name", dir: 1, name, dev: 0, ino: 0n })),
  decodeSymlink: (name) => protocol.decodeSymlink(protocol.encodeSymlink({ dir: 1, name, target: name })),
  decodeMake: (name) => protocol.decodeMake(protocol.encodeMake({ dir: 1, name, mode: 0, umask: 0, rdev: 0 })),
  "decodeRename, old name,": (old) => protocol.decodeRename(rename({ name: old })),
  "decodeRename, new name,": (toName) => protocol.decodeRename(rename({ toName })),
  decodeLink: (toName) =>
    protocol.decodeLink(protocol.encodeLink({ ref: { kind: "handle", fh: 1 }, toDir: 1, toName })),
  decodeCreate: (name) =>
    protocol.decodeCreate(protocol.encodeCreate({ dir: 1, name, fh: 1, flags: 0, mode: 0, umask: 0 })),
  "decodePack, a file,": (name) => protocol.decodePack(protocol.encodePack([{ kind: "entry", dir: 1, name }])),
  "decodePack, a directory,": (name) =>
    protocol.decodePack(protocol.encodePack([{ kind: "directory", dir: 2, parent: 1, name, watched: true }])),
  "decodePack, a chunk,": (name) =>
    protocol.decodePack(protocol.encodePack([{ kind: "content", dir: 1, name, chunk: 0, digest: "00".repeat(32) }])),
  "decodePack, a content,": (name) =>
    protocol.decodePack(
      protocol.encodePack([{ kind: "data", dir: 1, name, stat: { ...stat, size: 1 }, bytes: new Uint8Array(1) }]),
    ),
  decodeFetch: (name) =>
    protocol.decodeFetch(
      protocol.encodeFetch({ ref: { kind: "name", dir: 1, name, dev: 0, ino: 0n }, chunk: 0, flow: 0 }),
    ),
  decodeChanged: (name) => protocol.decodeChanged(protocol.encodeChanged({ dir: 1, name })),
  decodeBind: (name) => protocol.decodeBind(protocol.encodeBind({ id: 2, parent: 1, name, dev: 0, ino: 0n })),
  decodePage: (name) =>
    protocol.decodePage(protocol.encodePage({ entries: [{ name, ino: 1n, type: 8, cookie: 1n }], end: true })),
};

function rename(names: { name?: ByteString; toName?: ByteString }): Uint8Array {
  return protocol.encodeRename({ dir: 1, toDir: 1, name, toName: name, flags: 0, ...names });
}

for (const [decode, take] of Object.entries(named)) {
  Deno.test(`${decode} throws DecodeError for what is not the name of one file`, () => {
    const wrong = ["", ".", "..", "/", "a/b", "/a", "a/", "../a", "a\0", "\0", "x".repeat(4096), "x".repeat(0xffff)];
    for (const name of wrong) {
      assert.throws(() => take(name as ByteString), DecodeError, JSON.stringify(name.slice(0, 9)));
    }
    for (const name of ["...", "..a", ".a", "x".repeat(4095), "\x80\xff", "\n", "\\"]) take(name as ByteString);
  });
}

/** What takes a link's target. */
const targeted: Record<string, (target: ByteString) => string | undefined> = {
  decodeSymlink: (target) => protocol.decodeSymlink(protocol.encodeSymlink({ dir: 1, name, target })).target,
  decodeLookupOut: (target) => protocol.decodeLookupOut(protocol.encodeLookupOut({ stat, target })).target,
  decodePage: (target) => {
    const entries = [{ name, ino: 1n, type: 10, cookie: 1n, stat, target }];
    return protocol.decodePage(protocol.encodePage({ entries, end: true })).entries[0].target;
  },
};

for (const [decode, take] of Object.entries(targeted)) {
  Deno.test(`${decode}() throws DecodeError for a target that is empty, has a NUL, or is longer than a path`, () => {
    for (const target of ["", "\0", "a\0b", "x".repeat(4096)]) {
      assert.throws(() => take(target as ByteString), DecodeError);
    }
    for (const target of ["/", "..", "../a", "x".repeat(4095)]) assert.equal(take(target as ByteString), target);
  });
}

Deno.test("decodePage() throws DecodeError for a page without entries that is not the last", () => {
  assert.throws(() => protocol.decodePage(hex("00 00000000")), DecodeError);
});

Deno.test("decoders throw DecodeError for kinds and bits that there are not", () => {
  for (const kind of ["03", "ff"]) {
    assert.throws(() => protocol.decodeRef(hex(`${kind} 01000000`)), DecodeError);
    assert.throws(() => protocol.decodeOpen(hex(`${kind} 01000000 01000000 00000000`)), DecodeError);
  }
  for (const bits of ["40", "80", "c0"]) {
    assert.throws(() => protocol.decodeSetAttr(hex(`01 01000000 ${bits}`)), DecodeError);
  }
  for (const has of ["04", "ff"]) {
    assert.throws(() => protocol.decodePage(hex(`01 01000000 ${"00".repeat(17)} ${has} 0100 61`)), DecodeError);
  }
  for (const kind of ["00", "0b", "ff"]) {
    assert.throws(() => protocol.decodePack(hex(`${kind} 01000000 0100 61`)), DecodeError);
  }
  for (const kind of ["03", "ff"]) {
    assert.throws(() => protocol.decodeTrace(hex(`01000000 ${kind} 0000 0200 2f61 0000`)), DecodeError);
  }
  for (const ref of ["01 01000000", "02 01000000"]) {
    assert.throws(() => protocol.decodeFetch(hex(`00000000 00000000 ${ref}`)), DecodeError);
  }
  for (const kind of ["04", "ff"]) {
    assert.throws(() => protocol.decodeRunOut(hex(`${kind} 00000000 00000000`)), DecodeError);
  }
  for (const signal of ["00", "41", "ff"]) assert.throws(() => protocol.decodeSignal(hex(`${signal} 00`)), DecodeError);
  for (const whence of ["00", "02", "05"]) {
    assert.throws(() => protocol.decodeSeek(hex(`01000000 0000000000000000 ${whence}`)), DecodeError);
  }
  for (const mask of ["08000000", "ffffffff"]) {
    assert.throws(() => protocol.decodeAccess(hex(`01 01000000 ${mask}`)), DecodeError);
  }
});

Deno.test("decoders throw DecodeError for sizes beyond their limits", () => {
  const over = (limit: number) => limit + 1;
  const { MAX_TRANSFER, MAX_PAGE } = protocol;
  const read = { fh: 1, offset: 0, size: over(MAX_TRANSFER) };
  assert.throws(() => protocol.decodeRead(protocol.encodeRead(read)), DecodeError);
  const page = { dir: 1, cookie: 0n, budget: over(MAX_PAGE) };
  assert.throws(() => protocol.decodeReadDir(protocol.encodeReadDir(page)), DecodeError);
  // An offset of 2^63: beyond what a number holds.
  assert.throws(() => protocol.decodeRead(hex("01000000 0000000000000080 00000000")), DecodeError);
  assert.throws(() => protocol.decodeWrite(hex("01000000 0000000000000080")), DecodeError);
  const ref = { kind: "handle", fh: 1 } as const;
  const xattr = { ref, name, flags: 0, killSetgid: false, value: new Uint8Array(over(protocol.MAX_XATTR)) };
  assert.throws(() => protocol.decodeSetXattr(protocol.encodeSetXattr(xattr)), DecodeError);
  for (const text of ["", "x".repeat(256), "a\0b"]) {
    assert.throws(
      () => protocol.decodeXattrRef(protocol.encodeXattrRef({ ref, name: text as ByteString })),
      DecodeError,
    );
  }
});

Deno.test("decoders throw DecodeError for locks that there are not", () => {
  const head = "01000000 0000000000000000 00000000 00000000";
  const wrong = {
    "an unknown type": "03 0000000000000000 0000000000000000",
    "an end before the start": "00 0200000000000000 0100000000000000",
    "an end beyond all files": "00 0000000000000000 0000000000000080",
    "a start beyond all files": "00 ffffffffffffffff ffffffffffffffff",
  };
  for (const [what, lock] of Object.entries(wrong)) {
    assert.throws(() => protocol.decodeRangeLock(hex(`${head} ${lock}`)), DecodeError, what);
    assert.throws(() => protocol.decodeHeldLock(hex(`00000000 ${lock}`)), DecodeError, what);
  }
  assert.throws(() => protocol.decodeFileLock(hex("01000000 00000000 03")), DecodeError);
});

Deno.test("decodeStat() throws DecodeError for names that are too long, empty, or do not end", () => {
  const { MAX_XATTR_NAMES } = protocol;
  const encode = (names: string) => protocol.encodeStat({ ...stat, xattrNames: names as ByteString });
  for (const names of ["a", "\0", "a\0\0", "a\0b", `${"x".repeat(MAX_XATTR_NAMES)}\0`]) {
    assert.throws(() => protocol.decodeStat(encode(names)), DecodeError, JSON.stringify(names.slice(0, 9)));
  }
  for (const names of ["", "a\0", `${"x".repeat(MAX_XATTR_NAMES - 1)}\0`]) {
    assert.equal(protocol.decodeStat(encode(names)).xattrNames, names);
  }
});

Deno.test("decodeStat() throws DecodeError for a billion nanoseconds", () => {
  for (const at of [64, 68, 72, 76]) {
    const body = protocol.encodeStat(stat).slice();
    body.set(hex("ff c9 9a 3b"), at);
    protocol.decodeStat(body);
    body.set(hex("00 ca 9a 3b"), at);
    assert.throws(() => protocol.decodeStat(body), DecodeError);
  }
});

Deno.test("decodeBlockHeader() throws DecodeError for blocks that are empty, too long, or longer packed", () => {
  for (const header of ["00000000 00000000", "01000000 00000000", "01000000 02000000", "01000200 01000000"]) {
    assert.throws(() => protocol.decodeBlockHeader(hex(header)), DecodeError, header);
  }
});

Deno.test("decodeTrace() throws DecodeError for paths that are not absolute and plain", () => {
  const decode = (path: string) =>
    protocol.decodeTrace(protocol.encodeTrace([{ kind: "name", path: path as ByteString }]));
  for (const path of ["", "/", "a", "//a", "/a/", "/a//b", "/.", "/a/..", "/../a", "/a\0", `/${"x".repeat(4096)}`]) {
    assert.throws(() => decode(path), DecodeError, JSON.stringify(path.slice(0, 9)));
  }
  for (const path of ["/a", "/...", "/.a/..b", "/\n\x80", `/${"x".repeat(4095)}`]) decode(path);
});

Deno.test("decodeTrace() throws DecodeError for more of the path before than there is, and for a file of too many chunks", () => {
  assert.throws(() => protocol.decodeTrace(hex("01000000 00 0100 0200 2f61 0000")), DecodeError);
  const chunks = (length: number) => {
    const path = "/a" as ByteString;
    return protocol.encodeTrace([{ kind: "content", path, chunks: Array.from({ length }, (_, chunk) => chunk) }]);
  };
  protocol.decodeTrace(chunks(1024));
  assert.throws(() => protocol.decodeTrace(chunks(1025)), DecodeError);
});

Deno.test("decodeStarted() throws DecodeError for paths that are not absolute, and for arguments that are none", () => {
  const decode = (path: string, cwd: string, ...argv: string[]) =>
    protocol.decodeStarted(
      protocol.encodeStarted({
        path: path as ByteString,
        running: { argv: argv as ByteString[], cwd: cwd as ByteString },
      }),
    );
  const { MAX_STARTED_ARGUMENTS } = protocol;
  for (const path of ["", "a", "/a\0", `/${"x".repeat(4096)}`]) {
    assert.throws(() => decode(path, "/", "a"), DecodeError);
    assert.throws(() => decode("/a", path, "a"), DecodeError);
  }
  assert.throws(() => decode("/a", "/", "a\0b"), DecodeError);
  assert.throws(() => decode("/a", "/", "x".repeat(MAX_STARTED_ARGUMENTS), "x"), DecodeError);
  decode("/a", "/", "x".repeat(MAX_STARTED_ARGUMENTS));
});

Deno.test("decodeCheck() throws DecodeError for more files than there may be, and fewer than it says", () => {
  const files = (count: number) => Array(count).fill({ dir: 1, name: "a", stat });
  const most = protocol.encodeCheck(files(protocol.MAX_CHECKED));
  assert.equal(protocol.decodeCheck(most).length, protocol.MAX_CHECKED);
  assert.throws(() => protocol.decodeCheck(protocol.encodeCheck(files(protocol.MAX_CHECKED + 1))), DecodeError);
  assert.throws(() => protocol.decodeCheck(most.subarray(0, most.length - 1)), DecodeError);
});

Deno.test("decodeSearched() throws DecodeError for what is not the name of a file", () => {
  const decode = (name: string) => protocol.decodeSearched(protocol.encodeSearched({ name: name as ByteString }));
  for (const name of ["", ".", "..", "a/b", "/", "a\0", "x".repeat(256)]) {
    assert.throws(() => decode(name), DecodeError, JSON.stringify(name.slice(0, 9)));
  }
  for (const name of ["[", "...", "\n\x80", "x".repeat(255)]) decode(name);
  for (const body of ["", "01", "0200 61", "0100 61 00"]) {
    assert.throws(() => protocol.decodeSearched(hex(body)), DecodeError, body);
  }
});

/** Bytes of heap that are gained by `action`, and its duration in ms. */
function cost(action: () => void): { bytes: number; ms: number } {
  const before = Deno.memoryUsage();
  const start = performance.now();
  action();
  const ms = performance.now() - start;
  const after = Deno.memoryUsage();
  return { bytes: after.heapUsed + after.external - before.heapUsed - before.external, ms };
}

const COUNT = 0xffff_ffff;
const empty = "" as ByteString;
const run = { path: empty, argv: [], env: [], cwd: empty, uid: 0, gid: 0, groups: [], umask: 0 };

/** Messages that announce four billion things and bring none. */
const boasts: Record<string, [decode: (body: Uint8Array) => unknown, body: Uint8Array]> = {
  "entries of a page": [protocol.decodePage, new Writer().u8(1).u32(COUNT).finish()],
  "bytes of a path": [protocol.decodeRun, new Writer().u32(COUNT).finish()],
  "arguments": [protocol.decodeRun, new Writer().u32(0).u32(COUNT).finish()],
  "bytes of an argument": [protocol.decodeRun, new Writer().u32(0).u32(1).u32(COUNT).finish()],
  "variables": [protocol.decodeRun, new Writer().u32(0).u32(0).u32(COUNT).finish()],
  "groups": [protocol.decodeRun, new Writer().u32(0).u32(0).u32(0).u32(0).u32(0).u32(0).u32(COUNT).finish()],
  "touched paths": [protocol.decodeTrace, new Writer().u32(COUNT).finish()],
  "bytes of a message": [protocol.decodeRunOut, new Writer().u8(3).u32(0).u32(COUNT).finish()],
};

for (const [what, [decode, body]] of Object.entries(boasts)) {
  Deno.test(`${decode.name}() is not impressed by four billion ${what}`, () => {
    const { bytes, ms } = cost(() => assert.throws(() => decode(body), DecodeError));
    assert.ok(bytes < 1 << 20, `${bytes} bytes taken`);
    assert.ok(ms < 100, `${ms} ms taken`);
  });
}

Deno.test("decodeRun() throws DecodeError for more groups, strings or settings than a kernel takes", () => {
  const root = stat;
  const nofile = { soft: 0, hard: 0 };
  const take = (change: Partial<protocol.RunIn>) =>
    protocol.decodeRun(protocol.encodeRun({ ...run, root, directories: 64, nofile, ...change }));
  take({ groups: new Array(65536).fill(1) });
  assert.throws(() => take({ groups: new Array(65537).fill(1) }), DecodeError);
  assert.throws(() => take({ argv: new Array((1 << 20) + 1).fill(empty) }), DecodeError);
  const window = { rows: 1, columns: 1, xPixels: 0, yPixels: 0 };
  take({ terminal: { window, termios: new Uint8Array(256) } });
  assert.throws(() => take({ terminal: { window, termios: new Uint8Array(257) } }), DecodeError);
});

Deno.test("decodeRun() throws DecodeError for a string with a NUL", () => {
  const take = (change: Partial<protocol.RunIn>) =>
    protocol.decodeRun(
      protocol.encodeRun({ ...run, root: stat, directories: 64, nofile: { soft: 0, hard: 0 }, ...change }),
    );
  const cut = "a\0b" as ByteString;
  assert.throws(() => take({ argv: [empty, cut] }), DecodeError);
  assert.throws(() => take({ env: [cut] }), DecodeError);
});

Deno.test("decodeWalk() throws DecodeError for too much at once, flags that there are not, and too deep a place", () => {
  const walk = { walk: 1, dir: 1, budget: 0, breadth: false, contents: false, packed: false, from: [] };
  const deepest = Array.from({ length: 64 }, () => 1n);
  assert.equal(protocol.decodeWalk(protocol.encodeWalk({ ...walk, from: [...deepest, 2n] })).from.length, 64);
  assert.throws(
    () => protocol.decodeWalk(protocol.encodeWalk({ ...walk, budget: protocol.MAX_WALK + 1 })),
    DecodeError,
  );
  assert.throws(() => protocol.decodeWalk(hex("01000000 01000000 00000000 08 00")), DecodeError);
  assert.throws(() => protocol.decodeWalk(hex(`01000000 01000000 00000000 00 41 ${"00".repeat(65 * 8)}`)), DecodeError);
});

Deno.test("decodePack() throws DecodeError for contents that are empty, too large, or longer than the file", () => {
  for (const [size, length] of [[0, 0], [1, 0], [1, 2], [protocol.MAX_DATA + 1, 1]]) {
    const record = { kind: "data", dir: 1, name, stat: { ...stat, size }, bytes: new Uint8Array(length) } as const;
    assert.throws(() => protocol.decodePack(protocol.encodePack([record])), DecodeError, `${length} of ${size}`);
  }
});
