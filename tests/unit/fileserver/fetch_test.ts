import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Blocks } from "../../../lib/agent/blocks.ts";
import { loadLz4 } from "../../../lib/compression/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { CHUNK, encodeFetch, FileOp, maxFetchReply, type NamedRef } from "../../../lib/protocol/mod.ts";
import { type BulkSource, NOT_READY } from "../../../lib/rpc/mod.ts";
import { Fixture } from "./fixture.ts";

const lz4 = await loadLz4();

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => at * 7 + (at >> 11));
}

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

function fixtureWith(content: Uint8Array): { fixture: Fixture; ref: NamedRef } {
  const fixture = new Fixture();
  Deno.writeFileSync(fixture.at("file"), content);
  fixture.server.startPack(() => {});
  return { fixture, ref: fixture.ref("file") };
}

/** The content of a chunk, and how many bytes it was on the link. */
async function fetched(
  fixture: Fixture,
  ref: NamedRef,
  { chunk = 0, piece = 1 << 16 } = {},
): Promise<[Uint8Array, number]> {
  const { flow, source } = fixture.bulk(FileOp.FETCH, encodeFetch({ ref, chunk, flow: 7 }));
  assert.equal(flow, 7);
  const { bytes, errno } = await fixture.drain(source, piece);
  assert.equal(errno, 0);
  const parts: Uint8Array[] = [];
  new Blocks(lz4, (part) => parts.push(part)).take(bytes);
  return [new Uint8Array(Buffer.concat(parts)), bytes.length];
}

Deno.test("FETCH sends a chunk in blocks, packed where that pays, into pieces of any size", async () => {
  const content = pattern(2 * CHUNK + 100_000);
  const { fixture: own, ref } = fixtureWith(content);
  using fixture = own;
  // Packing is loaded by now.
  await new Promise((resolve) => setTimeout(resolve));
  for (const piece of [1 << 16, 1000, 7]) {
    const [bytes, length] = await fetched(fixture, ref, { chunk: 2, piece });
    assert.deepEqual(bytes, content.subarray(2 * CHUNK));
    assert.ok(length < 50_000, `${length} on the link`);
  }
  for (const chunk of [0, 1]) {
    const [bytes] = await fetched(fixture, ref, { chunk });
    assert.deepEqual(bytes, content.subarray(chunk * CHUNK, (chunk + 1) * CHUNK));
  }
});

Deno.test("FETCH sends what gets no shorter as it is, within what maxFetchReply() says", async () => {
  const content = noise(300_000);
  const { fixture: own, ref } = fixtureWith(content);
  using fixture = own;
  const [bytes, length] = await fetched(fixture, ref);
  assert.deepEqual(bytes, content);
  assert.equal(length, maxFetchReply(content.length));
});

Deno.test("FETCH of a chunk beyond the end, or of an empty file, is nothing", async () => {
  const { fixture: own, ref } = fixtureWith(pattern(10));
  using fixture = own;
  assert.deepEqual(await fetched(fixture, ref, { chunk: 1 }), [new Uint8Array(0), 0]);
  assert.deepEqual(await fetched(fixture, ref, { chunk: 0xffff_ffff }), [new Uint8Array(0), 0]);
});

Deno.test("FETCH of a file that becomes shorter ends there", async () => {
  const { fixture: own, ref } = fixtureWith(noise(500_000));
  using fixture = own;
  const { source } = fixture.bulk(FileOp.FETCH, encodeFetch({ ref, chunk: 0, flow: 1 }));
  const first = source.pull(new Uint8Array(100));
  assert.ok(first > 0 || first === NOT_READY);
  Deno.truncateSync(fixture.at("file"), 10);
  const { bytes, errno } = await fixture.drain(source);
  assert.ok(bytes.length < 300_000 && errno === 0);
});

Deno.test("FETCH fails for what is not that file, or no regular one, and says why", () => {
  const { fixture: own, ref } = fixtureWith(pattern(10));
  using fixture = own;
  const errno = (change: Partial<NamedRef>) =>
    fixture.errno(FileOp.FETCH, encodeFetch({ ref: { ...ref, ...change }, chunk: 0, flow: 1 }));
  assert.equal(errno({ ino: ref.ino + 1n }), Errno.ESTALE);
  assert.equal(errno({ dir: 99 }), Errno.EBADF);
  Deno.mkdirSync(fixture.at("dir"));
  Deno.symlinkSync("file", fixture.at("link"));
  for (const name of ["dir", "link"]) {
    const failed = fixture.errno(FileOp.FETCH, encodeFetch({ ref: fixture.ref(name), chunk: 0, flow: 1 }));
    assert.ok(failed > 0, name);
  }
  Deno.removeSync(fixture.at("file"));
  assert.equal(errno({}), Errno.ESTALE);
});

Deno.test("a FETCH that is cancelled lets its file go", () => {
  const { fixture: own, ref } = fixtureWith(noise(500_000));
  using fixture = own;
  const sources: BulkSource[] = [];
  const before = descriptors(fixture);
  for (let i = 0; i < 5; i++) sources.push(fixture.bulk(FileOp.FETCH, encodeFetch({ ref, chunk: 0, flow: i })).source);
  sources[0].pull(new Uint8Array(100));
  assert.equal(descriptors(fixture), before + 5);
  for (const source of sources) source.cancel?.();
  assert.equal(descriptors(fixture), before);
  assert.equal(sources[1].pull(new Uint8Array(100)), 0);
});

/** How many of this process's descriptors are of the fixture's file. */
function descriptors(fixture: Fixture): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === Deno.realPathSync(fixture.at("file"));
    } catch {
      return false;
    }
  }).length;
}
