import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Recorder } from "../../../lib/agent/recorder.ts";
import { O_RDWR } from "../../../lib/linux/mod.ts";
import { CHUNK } from "../../../lib/protocol/mod.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

/** A mirror that records, and what it says. */
function recorded(): { fixture: Fixture; recorder: Recorder; lines: () => string[] } {
  const recorder = new Recorder();
  const fixture = new Fixture({ recorder });
  const lines = () =>
    recorder.touched().map(({ kind, path, chunks }) => [kind, path, ...(chunks ? [chunks.join()] : [])].join(" "));
  return { fixture, recorder, lines };
}

async function list(fixture: Fixture, node: number): Promise<void> {
  const { fh } = await fixture.mirror.opendir(node, caller);
  const add = (_: unknown, plus?: { nodeId: number }) => plus !== undefined || true;
  await fixture.mirror.readdir(node, { fh, offset: 0n }, { plus: true, add } as never);
}

Deno.test("Recorder has names, contents and listings in the order of their first time, each once", async () => {
  const { fixture: own, recorder, lines } = recorded();
  using fixture = own;
  fixture.make({ "b/file": "content", "b/unread": "", "a/x": "" });
  const file = await fixture.walk("b/file");
  assert.equal((await fixture.lookup(ROOT, "none")).nodeId, 0);
  const a = await fixture.walk("a");
  await list(fixture, a);
  await list(fixture, a);
  await fixture.walk("b/unread");
  await fixture.content(file);
  await fixture.walk("b/file");
  assert.deepEqual(lines(), ["name /b", "content /b/file 0", "name /none", "name /a", "listing /a", "name /b/unread"]);
  assert.equal(recorder.hits + recorder.misses, 5);
});

Deno.test("Recorder has the chunks that were read", async () => {
  const { fixture: own, lines } = recorded();
  using fixture = own;
  fixture.make({ file: new Uint8Array(5 * CHUNK) });
  const node = await fixture.walk("file");
  const fh = await fixture.open(node);
  await fixture.read(node, { fh, offset: 4 * CHUNK });
  await fixture.read(node, { fh, offset: 2 * CHUNK - 1, size: 2 });
  await fixture.read(node, { fh, offset: 5 * CHUNK });
  assert.deepEqual(lines(), ["content /file 1,2,4"]);
});

Deno.test("Recorder wants no content of what was written, or of which hundreds of chunks were read", async () => {
  const { fixture: own, lines } = recorded();
  using fixture = own;
  fixture.make({ written: "old", large: "" });
  Deno.truncateSync(fixture.at("large"), 300 * CHUNK);
  const written = await fixture.walk("written");
  await fixture.content(written);
  await fixture.write(written, await fixture.open(written, O_RDWR), "new");
  const large = await fixture.walk("large");
  const fh = await fixture.open(large);
  for (let chunk = 0; chunk < 257; chunk++) await fixture.read(large, { fh, offset: chunk * CHUNK, size: 1 });
  assert.deepEqual(lines(), ["name /written", "name /large"]);
});

Deno.test("Recorder has a file that is opened without being looked up: a listing told the kernel of it", async () => {
  const { fixture: own, lines } = recorded();
  using fixture = own;
  fixture.make({ "a/file": "content", "a/other": "content" });
  const a = await fixture.walk("a");
  const { fh } = await fixture.mirror.opendir(a, caller);
  const found = new Map<string, number>();
  const add = ({ name }: { name: string }, plus?: { nodeId: number }) => found.set(name, plus?.nodeId ?? 0).size > 0;
  await fixture.mirror.readdir(a, { fh, offset: 0n }, { plus: true, add } as never);
  assert.equal(await fixture.content(found.get("file")!), "content");
  assert.deepEqual(lines(), ["name /a", "listing /a", "content /a/file 0"]);
});

Deno.test("Recorder has no names below what was removed, and no more than 30000", async () => {
  const { fixture: own, recorder } = recorded();
  using fixture = own;
  fixture.make({ "a/file": "" });
  const a = await fixture.walk("a");
  const parent = fixture.mirror.tree.node(a);
  await fixture.mirror.unlink(a, fromText("file"));
  await fixture.mirror.rmdir(ROOT, fromText("a"));
  recorder.lookedUp(parent, fromText("file"), { told: false });
  assert.equal(recorder.touched().length, 1, "/a, from before");
  const root = fixture.mirror.tree.nodes.root;
  for (let i = 0; i < 30_010; i++) recorder.lookedUp(root, fromText(`name${i}`), { told: false });
  assert.equal(recorder.touched().length, 30_000);
});
