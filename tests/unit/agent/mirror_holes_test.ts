/** Files that were empty are written all over: what nobody has written is zeros, and the local side is not asked. */
import assert from "node:assert/strict";
import type { NodeId } from "../../../lib/fuse/mod.ts";
import {
  F_WRLCK,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";
import { b, bytes, drained, mkdir, ready, unanswered, until, writeCached } from "./write_behind_fixture.ts";

const PAGE = 4096;
const zeros = (length = PAGE) => "\0".repeat(length);

interface Opened {
  readonly node: NodeId;
  readonly fh: number;
}

/** A new file of 100 pages and 10 bytes, of which only the last 10 were written. */
async function sparse(fixture: Fixture, parent = ROOT): Promise<Opened> {
  const file = await fixture.create(parent, "file", O_WRONLY | O_CREAT);
  await writeCached(fixture, file.node, { fh: file.fh, content: "0123456789", offset: 100 * PAGE });
  return file;
}

function page(fixture: Fixture, { node, fh }: Opened, index: number): Promise<string> {
  return fixture.read(node, { fh, offset: index * PAGE, size: PAGE });
}

/** Whether the local side is asked for a page that it alone would know. */
async function isAsked(fixture: Fixture, file: Opened): Promise<boolean> {
  const reads = fixture.count(FileOp.READ);
  await page(fixture, file, 50);
  return fixture.count(FileOp.READ) > reads;
}

Deno.test("what nobody has written is read while nothing comes from the local side", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const file = await sparse(fixture);
    for (const index of [0, 50, 99]) assert.equal(await page(fixture, file, index), zeros());
    await writeCached(fixture, file.node, { fh: file.fh, content: "half a page", offset: 50 * PAGE + 100 });
    assert.equal(await page(fixture, file, 49), zeros());
    assert.equal(await fixture.read(file.node, { fh: file.fh, offset: 50 * PAGE, size: 100 }), zeros(100));
    const other = await fixture.open(file.node, O_RDONLY);
    assert.equal(await page(fixture, { node: file.node, fh: other }, 51), zeros());
  });
  await drained(fixture);
  assert.equal(fixture.count(FileOp.READ), 0);
});

Deno.test("what was written is the local side's", async () => {
  await using fixture = await ready();
  const file = await sparse(fixture);
  assert.equal(await page(fixture, file, 100), "0123456789");
  await writeCached(fixture, file.node, { fh: file.fh, content: "half", offset: 50 * PAGE + 100 });
  const expected = zeros(100) + "half" + zeros(PAGE - 104);
  assert.equal(await page(fixture, file, 50), expected);
  assert.equal(await fixture.read(file.node, { fh: file.fh, offset: 49 * PAGE, size: 2 * PAGE }), zeros() + expected);
});

Deno.test("a read ends where the file ends", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const { node, fh } = await sparse(fixture);
    const read = (offset: number) => fixture.read(node, { fh, offset, size: PAGE });
    assert.equal(await read(100 * PAGE + 10), "");
    assert.equal(await read(200 * PAGE), "");
    await fixture.mirror.setattr(node, { size: 101 * PAGE + 7, fh, killSuidgid: false }, caller);
    assert.equal(await read(101 * PAGE), zeros(7));
    assert.equal(await read(100 * PAGE + 10), zeros(PAGE - 3));
  });
  await drained(fixture);
});

Deno.test("what a file had before it was made shorter is gone when it is made longer again", async () => {
  await using fixture = await ready();
  await unanswered(fixture, async () => {
    const { node, fh } = await fixture.create(ROOT, "file", O_WRONLY | O_CREAT);
    await writeCached(fixture, node, { fh, content: "x".repeat(3 * PAGE) });
    for (const size of [PAGE, 3 * PAGE]) {
      await fixture.mirror.setattr(node, { size, fh, killSuidgid: false }, caller);
    }
    for (const index of [1, 2]) assert.equal(await page(fixture, { node, fh }, index), zeros());
  });
  await drained(fixture);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "x".repeat(PAGE) + zeros(2 * PAGE));
});

Deno.test("a file is empty again when it is opened so, or cut", async () => {
  await using fixture = await ready();
  const first = await sparse(fixture);
  fixture.mirror.release(first.node, first.fh);
  await unanswered(fixture, async () => {
    const fh = await fixture.open(first.node, O_RDWR | O_TRUNC);
    const file = { node: first.node, fh };
    assert.equal(await page(fixture, file, 0), "");
    await writeCached(fixture, file.node, { fh, content: "end", offset: 101 * PAGE });
    assert.equal(await page(fixture, file, 100), zeros());
    await fixture.mirror.setattr(file.node, { size: 0, fh, killSuidgid: false }, caller);
    await writeCached(fixture, file.node, { fh, content: "end", offset: 102 * PAGE });
    assert.equal(await page(fixture, file, 101), zeros());
  });
  await drained(fixture);
});

Deno.test("so it is of a file that was there, where the local side has emptied it", async () => {
  await using fixture = await ready();
  const node = await fixture.walk("known/a");
  const file = { node, fh: await fixture.open(node, O_RDWR | O_TRUNC) };
  await writeCached(fixture, node, { fh: file.fh, content: "end", offset: 100 * PAGE });
  assert.equal(await isAsked(fixture, file), false);
});

Deno.test("so it is where the local side decides everything, and of what it has made for us", async () => {
  await using fixture = new Fixture({ leases: true });
  const file = await sparse(fixture);
  assert.equal(await isAsked(fixture, file), false);
  await fixture.applyNews();
  assert.equal(await isAsked(fixture, file), false);
  await fixture.mirror.setattr(file.node, { mtime: { sec: 5, nsec: 6 }, fh: file.fh, killSuidgid: false }, caller);
  await fixture.applyNews();
  assert.equal(await isAsked(fixture, file), false);
});

Deno.test("it may have been there before, and not be empty", async () => {
  await using fixture = new Fixture({ leases: true });
  fixture.make({ file: "x".repeat(100 * PAGE) });
  const file = await fixture.create(ROOT, "file", O_RDWR | O_CREAT);
  assert.equal(await page(fixture, file, 50), "x".repeat(PAGE));
});

Deno.test("echoes of our own changes do not matter, also when they come late", async () => {
  await using fixture = await ready();
  const file = await sparse(fixture);
  for (let i = 0; i < 10; i++) {
    await writeCached(fixture, file.node, { fh: file.fh, content: "more", offset: i * PAGE });
    if (i === 5) await drained(fixture);
    await fixture.applyNews();
  }
  await fixture.mirror.setattr(file.node, { mode: 0o600, fh: file.fh, killSuidgid: false }, caller);
  await drained(fixture);
  await fixture.applyNews();
  assert.equal(await isAsked(fixture, file), false);
});

/** A file that a local process has written to, at page 50, and the news of that. */
async function writtenLocally(
  fixture: Fixture,
): Promise<{ file: Opened; news: Awaited<ReturnType<Fixture["dropNews"]>> }> {
  const file = await sparse(fixture);
  await drained(fixture);
  await fixture.applyNews();
  const local = Deno.openSync(fixture.at("file"), { write: true });
  local.seekSync(50 * PAGE, Deno.SeekMode.Start);
  local.writeSync(bytes("theirs"));
  local.close();
  return { file, news: await fixture.dropNews() };
}

Deno.test("what a local process has written is read when news of it have come, whatever is under way", async () => {
  await using fixture = await ready();
  const { file, news } = await writtenLocally(fixture);
  await writeCached(fixture, file.node, { fh: file.fh, content: "ours", offset: 70 * PAGE });
  assert.equal(await page(fixture, file, 50), zeros());
  fixture.news.push(...news);
  await fixture.applyNews();
  assert.equal(await page(fixture, file, 50), "theirs" + zeros(PAGE - 6));
  assert.equal(await isAsked(fixture, file), true);
});

Deno.test("so it is when the answer to an opening shows it", async () => {
  await using fixture = await ready();
  const { file, news } = await writtenLocally(fixture);
  await fixture.open(file.node, O_RDWR);
  await drained(fixture);
  assert.equal(await page(fixture, file, 50), "theirs" + zeros(PAGE - 6));
  assert.ok(news.length > 0);
});

Deno.test("so it is when somebody took the name just before us", async () => {
  await using fixture = await ready();
  fixture.make({ file: "x".repeat(200 * PAGE) });
  const file = await sparse(fixture);
  await drained(fixture);
  assert.equal(await page(fixture, file, 50), "x".repeat(PAGE));
});

/** After which the local side is asked again. */
const unclear: Record<string, (fixture: Fixture, file: Opened) => unknown> = {
  "it has another name": ({ mirror }, { node }) => mirror.link(node, ROOT, b("other"), caller),
  "it was removed": ({ mirror }) => mirror.unlink(ROOT, b("file")),
  "it was moved": async (fixture) => {
    const { nodeId } = await mkdir(fixture, ROOT, "d");
    await fixture.mirror.rename(ROOT, b("file"), { parent: nodeId, name: b("moved"), flags: 0 });
  },
  "a local process has taken its name": async (fixture) => {
    fixture.make({ theirs: "theirs" });
    Deno.renameSync(fixture.at("theirs"), fixture.at("file"));
    await fixture.applyNews();
  },
  "a local process has removed it": async (fixture) => {
    Deno.removeSync(fixture.at("file"));
    await fixture.applyNews();
  },
  "a local process has given it another name": async (fixture) => {
    Deno.linkSync(fixture.at("file"), fixture.at("other"));
    await fixture.applyNews();
  },
  "news were lost": (fixture) => fixture.loseNews(),
  "its directory was not watched for a while": ({ mirror: { tree } }) => {
    tree.directories.unwatchAll();
    tree.onUnleased(tree.nodes.root);
    tree.directories.watched(0);
  },
  "a program appends to it": async (fixture, { node }) => {
    const fh = await fixture.open(node, O_WRONLY | O_APPEND);
    await fixture.write(node, fh, "more");
  },
  "a hole was made in it": async ({ mirror }, { node, fh }) => {
    const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
    await mirror.fallocate(node, { fh, offset: 0, length: PAGE, mode });
  },
  "it was locked": async ({ mirror }, { node, fh }) => {
    const lock = { type: F_WRLCK, start: 0n, end: 1n, pid: 1 };
    await mirror.setlk(node, { fh, owner: 1n, lock, wait: false }, caller);
  },
  "it was copied to": async (fixture, { node, fh }) => {
    fixture.make({ "known/source": "y".repeat(3 * PAGE) });
    const source = await fixture.walk("known/a");
    const from = await fixture.open(source, O_RDONLY);
    const to = { nodeId: node, fh, offset: 50 * PAGE };
    assert.equal(await fixture.mirror.copyFileRange(source, { fh: from, offset: 0, to, length: 1 }), 1);
  },
  "it was written all over": async (fixture, { node, fh }) => {
    for (let i = 0; i <= 1024; i++) await writeCached(fixture, node, { fh, content: "x", offset: i * 10 });
  },
  "it was closed": async (fixture, file) => {
    fixture.mirror.release(file.node, file.fh);
    Object.assign(file, { fh: await fixture.open(file.node, O_RDWR) });
  },
  "a change has failed": async (fixture) => {
    fixture.make({ new: "theirs" });
    await mkdir(fixture, ROOT, "new");
    await until(() => fixture.mirror.tree.log.failure !== undefined);
  },
};

for (const [what, action] of Object.entries(unclear)) {
  Deno.test(`the local side is asked for what nobody has written when ${what}`, async () => {
    await using fixture = await ready();
    const file = await sparse(fixture);
    await drained(fixture);
    await fixture.applyNews();
    assert.equal(await isAsked(fixture, file), false);
    await action(fixture, file);
    assert.equal(await isAsked(fixture, file), true);
  });
}

Deno.test("the local side is asked where it does not tell of changes, or did not all the time", async () => {
  using plain = new Fixture();
  assert.equal(await isAsked(plain, await sparse(plain)), true);
  await using fixture = await ready();
  const { directories, nodes } = fixture.mirror.tree;
  const { nodeId } = await mkdir(fixture, ROOT, "d");
  const file = await sparse(fixture, nodeId);
  await drained(fixture);
  assert.equal(await isAsked(fixture, file), false);
  fixture.mirror.tree.onUnleased = () => {};
  const directory = nodes.get(nodeId)!;
  directories.release(directory);
  fixture.pass(1);
  directories.number(directory);
  await until(() => directories.isLeased(directory));
  assert.equal(await isAsked(fixture, file), true);
});

Deno.test("preallocated bytes are zeros as well", async () => {
  await using fixture = await ready();
  const file = await sparse(fixture);
  await fixture.mirror.fallocate(file.node, { fh: file.fh, offset: 0, length: 200 * PAGE, mode: 0 });
  await fixture.applyNews();
  assert.equal(await isAsked(fixture, file), false);
  assert.equal(await page(fixture, file, 199), zeros());
  assert.equal(await page(fixture, file, 200), "");
});

Deno.test("past the page cache, and without write-back, the local side is asked", async () => {
  await using fixture = await ready();
  const { node } = await sparse(fixture);
  assert.equal(await isAsked(fixture, { node, fh: await fixture.open(node, O_RDWR | O_APPEND) }), true);
  await using plain = new Fixture({ leases: true, writeBack: false });
  const file = await plain.create(ROOT, "file", O_RDWR | O_CREAT);
  await plain.write(file.node, file.fh, "end", 100 * PAGE);
  assert.equal(await isAsked(plain, file), true);
});
