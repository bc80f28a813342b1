import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { Content } from "../../../lib/agent/content.ts";
import { Contents } from "../../../lib/agent/contents.ts";
import { Chunk } from "../../../lib/agent/chunk.ts";
import { Node } from "../../../lib/agent/nodes.ts";
import type { BlobCache, NewBlob } from "../../../lib/cache/mod.ts";
import { loadLz4 } from "../../../lib/compression/mod.ts";
import { bindNow, Errno, readAtAsync, type Stat } from "../../../lib/linux/mod.ts";
import { CHUNK, chunkSize, decodeFetch, encodeBlockHeader, FETCH_BLOCK, FileOp } from "../../../lib/protocol/mod.ts";
import { type CallOptions, type Connection, RpcError } from "../../../lib/rpc/mod.ts";
import {
  begin,
  type Bytes,
  content as pattern,
  digestOf,
  Fixture as CacheFixture,
  has,
  store,
} from "../cache/fixture.ts";
import { stat as sample } from "../protocol/messages.ts";

const lz4 = await loadLz4();
// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** Bytes of which no two chunks are the same. */
function content(number: number, size = 1000): Bytes {
  return pattern(number, size).map((byte, at) => byte ^ (at >> 20) * 37);
}

/** A FETCH that was asked for, to be answered by the test. */
class Asked {
  readonly name: string;
  readonly chunk: number;
  readonly flow: number;
  readonly promise = Promise.withResolvers<Uint8Array>();
  cancelled = false;
  readonly #options: CallOptions;
  #sent = 0;

  constructor(body: Uint8Array, options: CallOptions) {
    const { ref, chunk, flow } = decodeFetch(body);
    this.name = ref.name;
    this.chunk = chunk;
    this.flow = flow;
    this.#options = options;
  }

  /** A part of the answer. */
  piece(bytes: Uint8Array): void {
    this.#options.onPiece!(bytes, this.#sent);
    this.#sent += bytes.length;
  }

  /** Blocks of a content, as they are. */
  send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += FETCH_BLOCK) {
      const block = bytes.subarray(at, at + FETCH_BLOCK);
      this.piece(encodeBlockHeader(block.length, block.length));
      this.piece(block);
    }
  }

  async end(): Promise<void> {
    this.promise.resolve(new Uint8Array(0));
    await turn();
  }

  async fail(errno: number): Promise<void> {
    this.promise.reject(new RpcError(errno));
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

class Fixture implements AsyncDisposable {
  readonly caches = new CacheFixture();
  readonly cache: BlobCache;
  readonly asked: Asked[] = [];
  readonly contents: Contents;
  #nodes = 0;

  constructor({ maxSize = 1 << 30, maxOpen = 1000 } = {}) {
    this.cache = this.caches.open({ maxSize });
    const call = (op: number, body: Uint8Array, options: CallOptions) => {
      assert.equal(op, FileOp.FETCH);
      const asked = new Asked(body, options);
      this.asked.push(asked);
      const cancel = () => {
        asked.cancelled = true;
        asked.promise.reject(new RpcError(Errno.ECANCELED));
      };
      return { reply: asked.promise.promise, cancel };
    };
    const connection = { call, channels: 0 } as unknown as Connection;
    this.contents = new Contents({ cache: this.cache, lz4, connection, readAsync: readAtAsync, maxOpen });
  }

  /** A file of which these chunks are told. */
  know(name: string, bytes: Bytes, chunks = [0]): Node {
    const stat = { ...sample, ino: BigInt(++this.#nodes), size: bytes.length };
    for (const chunk of chunks) this.chunk(name, { stat, bytes, chunk });
    return new Node(100 + this.#nodes, stat, 0);
  }

  chunk(name: string, { stat, bytes, chunk }: { stat: Stat; bytes: Bytes; chunk: number }): void {
    const digest = digestOf(bytes.subarray(chunk * CHUNK, chunk * CHUNK + chunkSize(bytes.length, chunk)));
    this.contents.know({ path: `/${name}` as ByteString, dir: 1, name: fromText(name), stat, chunk, digest });
  }

  names(): string[] {
    return this.asked.map(({ name, chunk }) => `${name} ${chunk}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { promise } of this.asked) promise.reject(new RpcError(Errno.ENOTCONN));
    await turn();
    await this.cache.idle();
    await this.caches[Symbol.asyncDispose]();
  }
}

Deno.test("Contents reads what is in the cache, and asks for nothing", async () => {
  await using fixture = new Fixture();
  const bytes = content(1);
  await store(fixture.cache, bytes);
  const node = fixture.know("file", bytes);
  const read = fixture.contents.of(node)!.read(10, 5);
  assert.ok(read instanceof Uint8Array, "at once");
  assert.deepEqual(read, bytes.subarray(10, 15));
  assert.equal(fixture.asked.length, 0);
  assert.deepEqual(fixture.contents.statistics, { told: 1000, cached: 1000, fetched: 0, wanted: 0 });
});

Deno.test("Contents asks in the order in which it was told, for 4 MiB at most, then for what is next", async () => {
  await using fixture = new Fixture();
  const large = content(1, 3 * CHUNK);
  fixture.know("large", large, [0, 1, 2]);
  fixture.know("a", content(3, CHUNK));
  fixture.know("b", content(2, 100_000));
  fixture.know("c", content(4, 100_000));
  assert.deepEqual(fixture.names(), ["large 0", "large 1", "large 2", "a 0"]);
  assert.equal(new Set(fixture.asked.map(({ flow }) => flow)).size, 1, "one after the other");
  fixture.asked[0].send(large.subarray(0, CHUNK));
  await fixture.asked[0].end();
  assert.deepEqual(fixture.names().slice(4), ["b 0", "c 0"]);
});

Deno.test("Contents asks for small ones beside the large ones, and not for many at once", async () => {
  await using fixture = new Fixture();
  fixture.know("large", content(1, 8 * CHUNK), [0, 1, 2, 3, 4, 5]);
  for (let i = 0; i < 6; i++) fixture.know(`small ${i}`, content(10 + i, 60 * 1024));
  const names = () => fixture.asked.map(({ name }) => name);
  assert.deepEqual(names().slice(4), ["small 0", "small 1", "small 2", "small 3", "small 4"]);
  assert.notEqual(fixture.asked[0].flow, fixture.asked[4].flow);
  await fixture.asked[4].fail(Errno.EIO);
  assert.deepEqual(names().slice(9), ["small 5"]);
});

Deno.test("Contents asks at once for what somebody waits for, in a flow of its own, and once", async () => {
  await using fixture = new Fixture();
  for (let i = 0; i < 5; i++) fixture.know(`ahead${i}`, content(i, CHUNK));
  const bytes = content(9, CHUNK);
  const node = fixture.know("wanted", bytes);
  assert.equal(fixture.asked.length, 4);
  const reads = [fixture.contents.of(node)!.read(0, 5), fixture.contents.of(node)!.read(CHUNK - 5, 9)];
  assert.deepEqual(fixture.names().slice(4), ["wanted 0"]);
  const [ahead, , , , wanted] = fixture.asked;
  assert.notEqual(wanted.flow, ahead.flow);
  wanted.send(bytes.subarray(0, FETCH_BLOCK));
  assert.deepEqual(await reads[0], bytes.subarray(0, 5), "when its bytes are there, not the whole");
  wanted.send(bytes.subarray(FETCH_BLOCK));
  assert.deepEqual(await reads[1], bytes.subarray(CHUNK - 5));
  await wanted.end();
  for (const asked of fixture.asked.slice(0, 4)) await asked.fail(Errno.ESTALE);
  assert.deepEqual(fixture.names().slice(5), ["ahead4 0"], "not a second time");
});

Deno.test("Contents keeps what came, for all sessions", async () => {
  await using fixture = new Fixture();
  const bytes = content(1);
  const node = fixture.know("file", bytes);
  const read = fixture.contents.of(node)!.read(0, 1000);
  fixture.asked[0].send(bytes);
  assert.deepEqual(await read, bytes);
  await fixture.asked[0].end();
  await fixture.cache.idle();
  assert.ok(has(fixture.caches.open(), digestOf(bytes)));
  assert.deepEqual(fixture.contents.of(node)!.read(0, 1000), bytes);
});

const failures: Record<string, (asked: Asked, bytes: Bytes) => Promise<void>> = {
  "is refused": (asked) => asked.fail(Errno.ESTALE),
  "ends early": (asked, bytes) => {
    asked.send(bytes.subarray(0, 500));
    return asked.end();
  },
  "is another content": (asked, bytes) => {
    asked.send(bytes.map((byte) => byte ^ 1));
    return asked.end();
  },
  "is too long": (asked, bytes) => {
    asked.send(bytes);
    asked.send(bytes);
    return asked.end();
  },
  "is no block": (asked) => {
    asked.piece(new Uint8Array(16));
    return turn();
  },
};

for (const [what, happens] of Object.entries(failures)) {
  Deno.test(`a chunk that ${what} is to be read from the local side, and not kept`, async () => {
    await using fixture = new Fixture();
    const bytes = content(1);
    const node = fixture.know("file", bytes);
    const reading = fixture.contents.of(node)!.read(600, 1000);
    await happens(fixture.asked[0], bytes);
    await fixture.cache.idle();
    await turn();
    if (what !== "is another content" && what !== "is too long") assert.equal(await reading, undefined);
    assert.equal(fixture.contents.of(node)!.read(0, 10), undefined);
    assert.equal(fixture.cache.summary().entries, 0);
    assert.deepEqual(fixture.caches.temporaries(), []);
    assert.equal(fixture.cache.find(digestOf(bytes)), undefined);
  });
}

for (const [why, options] of Object.entries({ cache: { maxSize: 10 }, "number of descriptors": { maxOpen: 0 } })) {
  Deno.test(`a chunk for which the ${why} has no room is to be read from the local side`, async () => {
    await using fixture = new Fixture(options);
    const node = fixture.know("file", content(1));
    assert.equal(fixture.asked.length, 0);
    assert.equal(await fixture.contents.of(node)!.read(0, 10), undefined);
  });
}

Deno.test("a file that is told by several names is asked for once", async () => {
  await using fixture = new Fixture();
  const bytes = content(1);
  const stat = { ...sample, ino: 1n, size: bytes.length };
  for (const name of ["one", "two"]) fixture.chunk(name, { stat, bytes, chunk: 0 });
  assert.deepEqual(fixture.names(), ["one 0"]);
});

Deno.test("Contents has nothing of a file in another state, or that was written", async () => {
  await using fixture = new Fixture();
  const node = fixture.know("file", content(1));
  assert.ok(fixture.contents.of(node) !== undefined);
  const changes: Partial<Stat>[] = [
    { size: 999 },
    { mtime: 1 },
    { mtimeNsec: 2 },
    { ctime: 5 },
    { ctimeNsec: 6 },
    { btime: 1 },
    { btimeNsec: 1 },
    { ino: 77n },
    { dev: 1 },
  ];
  for (const change of changes) {
    const other = new Node(7, { ...node.attr, ...change }, 0);
    assert.equal(fixture.contents.of(other), undefined, JSON.stringify(Object.keys(change)));
  }
  node.writes++;
  assert.equal(fixture.contents.of(node), undefined);
});

Deno.test("an empty file, and a chunk beyond the end, are nothing", async () => {
  await using fixture = new Fixture();
  fixture.know("empty", content(1, 0));
  const node = fixture.know("file", content(1), [7]);
  assert.deepEqual([fixture.asked.length, fixture.contents.of(node)], [0, undefined]);
});

Deno.test("Contents that are closed are not in the way of the cache's limits", async () => {
  await using fixture = new Fixture();
  const bytes = content(1);
  await store(fixture.cache, bytes);
  fixture.know("here", bytes);
  fixture.know("coming", content(2));
  assert.deepEqual(fixture.cache.clear(), { entries: 0, bytes: 0, inUse: 1 });
  fixture.contents.close();
  assert.deepEqual(fixture.cache.clear(), { entries: 1, bytes: 1000, inUse: 0 });
  await fixture.asked[0].end();
  assert.equal(fixture.cache.summary().entries, 0);
});

Deno.test("Content reads across the border of chunks, at once or when both are there", async () => {
  await using fixture = new Fixture();
  const bytes = content(1, 2 * CHUNK + 100);
  await store(fixture.cache, bytes.subarray(0, CHUNK));
  const node = fixture.know("file", bytes, [0, 1]);
  const file = fixture.contents.of(node)!;
  const across = file.read(CHUNK - 10, 30) as Promise<Uint8Array>;
  fixture.asked[0].send(bytes.subarray(CHUNK, 2 * CHUNK));
  assert.deepEqual(await across, bytes.subarray(CHUNK - 10, CHUNK + 20));
  assert.equal(file.read(2 * CHUNK - 1, 2), undefined, "nothing is told of the last chunk");
  assert.equal(file.read(2 * CHUNK, 1), undefined);
  assert.deepEqual(file.read(bytes.length, 5), new Uint8Array(0));
  assert.deepEqual(file.read(bytes.length + 5, 5), new Uint8Array(0));
  fixture.chunk("file", { stat: node.attr, bytes, chunk: 2 });
  fixture.asked[1].send(bytes.subarray(2 * CHUNK));
  assert.deepEqual(await file.read(2 * CHUNK + 90, 1000), bytes.subarray(2 * CHUNK + 90));
});

Deno.test("a read across the border is to be asked for whole when one chunk fails", async () => {
  await using fixture = new Fixture();
  const bytes = content(1, CHUNK + 100);
  await store(fixture.cache, bytes.subarray(0, CHUNK));
  const file = fixture.contents.of(fixture.know("file", bytes, [0, 1]))!;
  const across = file.read(CHUNK - 10, 30);
  await fixture.asked[0].fail(Errno.ESTALE);
  assert.equal(await across, undefined);
});

Deno.test("Content has nothing of a chunk that is not of its size", () => {
  const file = new Content(1000);
  file.set(0, new Chunk({ size: 999, readAsync: readAtAsync, onWanted: () => {} }));
  assert.equal(file.read(0, 1), undefined);
});

Deno.test("a chunk that fails while a thread reads from it lets the descriptor go after that", async () => {
  await using caches = new CacheFixture();
  const bytes = content(1);
  const blob = begin(caches.open(), bytes);
  let released = 0;
  const counted = Object.assign(Object.create(blob), { fd: 1_000_000, release: () => released++ }) as NewBlob;
  const reading = Promise.withResolvers<number>();
  // A descriptor that cannot be read without waiting.
  const chunk = new Chunk({ size: 1000, readAsync: () => reading.promise, onWanted: () => {} });
  chunk.begin(counted);
  chunk.arrived(1000);
  const read = chunk.read(0, 10);
  await turn();
  chunk.fail();
  assert.equal(released, 0);
  reading.resolve(10);
  assert.equal(await read, undefined);
  assert.equal(released, 1);
  assert.equal(await chunk.read(0, 10), undefined);
  blob.release();
});
