import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  close,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  openAt,
  type Stat,
  statFd,
} from "../../../lib/linux/mod.ts";
import { Digests } from "../../../lib/prefetch/mod.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

const MIB = 1024 * 1024;
/** Long enough for what was changed to be remembered. */
const SOON_MS = 100_000;
/** Long enough for it to be told. */
const TOLD_MS = 10_000;

/** Digests in a folder of their own, and a file that is hashed. */
class Fixture {
  readonly top = Deno.makeTempDirSync();
  readonly file = `${this.top}/file`;
  /** What the clock is ahead. */
  ahead = SOON_MS;
  digests = this.open();

  constructor(content: Uint8Array | string = "content") {
    Deno.writeFileSync(this.file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  [Symbol.dispose](): void {
    this.digests.close();
    Deno.removeSync(this.top, { recursive: true });
  }

  open(): Digests {
    return Digests.open(`${this.top}/outrun`, () => Date.now() + this.ahead);
  }

  stat(): Stat {
    return this.with((_, stat) => stat);
  }

  with<T>(action: (fd: number, stat: Stat) => T, flags = O_RDONLY): T {
    const fd = openAt(AT_FDCWD, this.file as ByteString, flags);
    const result = action(fd, statFd(fd) as Stat);
    if (result instanceof Promise) return result.finally(() => close(fd)) as T;
    close(fd);
    return result;
  }

  hash(): Promise<string | undefined> {
    return this.with((fd, stat) => this.digests.hash(fd, { stat, chunk: 0 }));
  }

  /** The digest of a chunk that many others come before. */
  hashMany(): Promise<string | undefined> {
    return this.with(async (fd, stat) => {
      const chunks = Array.from({ length: 20_000 }, (_, chunk) => this.digests.hash(fd, { stat, chunk }));
      return (await Promise.all(chunks)).at(-1);
    });
  }

  /** The digest of the last chunk, when all of them have been hashed. */
  async hashAll(): Promise<string | undefined> {
    const hashAll = (fd: number, stat: Stat) =>
      Promise.all(Array.from({ length: stat.size / MIB }, (_, chunk) => this.digests.hash(fd, { stat, chunk })));
    return (await this.with(hashAll)).at(-1);
  }

  find(): string | undefined {
    return this.digests.find({ stat: this.stat(), chunk: 0 });
  }
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Returns when the event loop has gone round once more. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("hash() is the SHA-256 of a chunk", async () => {
  const bytes = new Uint8Array(3 * MIB + 1).map((_, i) => (i * 7919) >> 3);
  for (const length of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, MIB, bytes.length]) {
    using fixture = new Fixture(bytes.subarray(0, length));
    assert.equal(await fixture.hash(), sha256(bytes.subarray(0, Math.min(length, MIB))), `${length} bytes`);
  }
  using fixture = new Fixture(bytes);
  const hash = (chunk: number) => fixture.with((fd, stat) => fixture.digests.hash(fd, { stat, chunk }));
  assert.deepEqual(
    await Promise.all([3, 1].map(hash)),
    [bytes.subarray(3 * MIB), bytes.subarray(MIB, 2 * MIB)].map(sha256),
  );
});

Deno.test("find() knows what was hashed, in the next session too", async () => {
  using fixture = new Fixture();
  assert.equal(fixture.find(), undefined);
  await fixture.hash();
  assert.equal(fixture.find(), sha256("content"));
  fixture.digests.close();
  fixture.digests = fixture.open();
  assert.equal(fixture.find(), sha256("content"));
});

Deno.test("find() does not know a file that was changed, though its size and time are as before", async () => {
  using fixture = new Fixture();
  await fixture.hash();
  const { mtime, mtimeNsec, size } = fixture.stat();
  Deno.writeTextFileSync(fixture.file, "CONTENT");
  Deno.utimeSync(fixture.file, 0, mtime + mtimeNsec / 1e9);
  assert.equal(fixture.stat().size, size);
  assert.equal(fixture.find(), undefined);
  assert.equal(await fixture.hash(), sha256("CONTENT"));
  assert.equal(fixture.find(), sha256("CONTENT"));
});

Deno.test("hash() does not tell what may change in this tick, nor remember what may without a new time", async () => {
  using fixture = new Fixture();
  fixture.ahead = 0;
  // What could go unnoticed: another content within the same tick of the clock.
  assert.equal(await fixture.hash(), undefined);
  fixture.ahead = TOLD_MS;
  assert.equal(await fixture.hash(), sha256("content"));
  assert.equal(fixture.find(), undefined);
  Deno.writeTextFileSync(fixture.file, "CONTENT");
  fixture.ahead = SOON_MS;
  await fixture.hash();
  assert.equal(fixture.find(), sha256("CONTENT"));
});

Deno.test("hash() goes by the later of both times, and trusts no time to come", async () => {
  using fixture = new Fixture();
  fixture.ahead = 0;
  Deno.utimeSync(fixture.file, 0, 1_000_000);
  await fixture.hash();
  assert.equal(fixture.find(), undefined, "its ctime is recent");
  fixture.ahead = SOON_MS;
  Deno.utimeSync(fixture.file, 0, Date.now() / 1000 + 3600);
  await fixture.hash();
  assert.equal(fixture.find(), undefined, "its mtime is to come");
  fixture.ahead = 3600_000 + SOON_MS;
  await fixture.hash();
  assert.equal(fixture.find(), sha256("content"));
});

/** A file that takes long, without taking space. */
function large(): Fixture {
  const fixture = new Fixture("");
  Deno.truncateSync(fixture.file, 64 * MIB);
  return fixture;
}

Deno.test("hash() is undefined when the file changes meanwhile", async () => {
  const changes: Record<string, (file: string) => void> = {
    written: (file) => {
      using open = Deno.openSync(file, { write: true });
      open.writeSync(new Uint8Array(1));
    },
    appended: (file) => Deno.writeTextFileSync(file, "x", { append: true }),
    cut: (file) => Deno.truncateSync(file, 60 * MIB),
    renamed: (file) => Deno.renameSync(file, `${file}2`),
  };
  for (const [name, change] of Object.entries(changes)) {
    using fixture = large();
    const hashed = fixture.hashAll();
    await turn();
    change(fixture.file);
    assert.equal(await hashed, undefined, name);
  }
  using fixture = large();
  const hashed = fixture.hashAll();
  await turn();
  assert.equal((await hashed)?.length, 64, "nothing did");
});

Deno.test("hash() is undefined when the file is not the one it is said to be", async () => {
  using fixture = new Fixture();
  const stat = fixture.stat();
  for (const change of [{ size: 6 }, { size: 8 }, { mtimeNsec: stat.mtimeNsec ^ 1 }, { ino: 1n }, { btimeNsec: 1 }]) {
    assert.equal(
      await fixture.with((fd) => fixture.digests.hash(fd, { stat: { ...stat, ...change }, chunk: 0 })),
      undefined,
    );
  }
  assert.equal(fixture.find(), undefined);
  await fixture.hash();
  Deno.writeTextFileSync(fixture.file, "CONTENT");
  assert.equal(
    await fixture.with((fd) => fixture.digests.hash(fd, { stat, chunk: 0 })),
    undefined,
    "though it was once, and is known",
  );
});

Deno.test("hash() is undefined for what cannot be read", async () => {
  using fixture = new Fixture();
  for (const flags of [O_PATH, O_WRONLY]) {
    assert.equal(await fixture.with((fd, stat) => fixture.digests.hash(fd, { stat, chunk: 0 }), flags), undefined);
  }
  assert.equal(await fixture.digests.hash(-1, { stat: fixture.stat(), chunk: 0 }), undefined);
  for (const path of [fixture.top, "/dev/null"]) {
    const fd = openAt(AT_FDCWD, path as ByteString, O_RDONLY);
    assert.equal(await fixture.digests.hash(fd, { stat: statFd(fd) as Stat, chunk: 0 }), undefined, path);
    close(fd);
  }
});

Deno.test("hash() gives everything else its turns", async () => {
  using fixture = large();
  let turns = 0;
  let isDone = false;
  const others = (async () => {
    while (!isDone) {
      await turn();
      turns++;
    }
  })();
  assert.notEqual(await fixture.hashAll(), undefined);
  isDone = true;
  await others;
  assert.ok(turns > 10, `${turns} turns of the event loop`);
});

Deno.test("hash() takes many files at once, the same one too", async () => {
  using fixture = new Fixture();
  const files = Array.from({ length: 20 }, (_, i) => `${fixture.top}/${i % 10}`);
  for (const file of files) Deno.writeTextFileSync(file, file.repeat(100_000));
  const fds = files.map((file) => openAt(AT_FDCWD, file as ByteString, O_RDONLY));
  const digests = await Promise.all(fds.map((fd) => fixture.digests.hash(fd, { stat: statFd(fd) as Stat, chunk: 0 })));
  assert.deepEqual(digests, files.map((file) => sha256(file.repeat(100_000).slice(0, MIB))));
  for (const fd of fds) close(fd);
});

Deno.test("close() ends what is being hashed and what waits for it", async () => {
  using fixture = new Fixture("");
  // It would take many minutes.
  Deno.truncateSync(fixture.file, 2 ** 40);
  const waiting = Promise.all([fixture.hashMany(), fixture.hash()]);
  await turn();
  fixture.digests.close();
  let timer = 0;
  const late = new Promise((resolve) => timer = setTimeout(() => resolve("late"), 60_000));
  assert.deepEqual(await Promise.race([waiting, late]), [undefined, undefined]);
  clearTimeout(timer);
  assert.equal(await fixture.hash(), undefined);
  assert.equal(fixture.find(), undefined);
});

Deno.test("Digests.open() makes do without a place for the file", async () => {
  using fixture = new Fixture();
  const other = `${fixture.top}/other`;
  Deno.mkdirSync(`${other}/digests`, { recursive: true });
  Deno.mkdirSync(`${fixture.top}/public`);
  Deno.chmodSync(`${fixture.top}/public`, 0o777);
  for (const folder of ["/proc/outrun", "/dev/null", other, `${fixture.top}/public`]) {
    const digests = Digests.open(folder, () => Date.now() + SOON_MS);
    assert.equal(await fixture.with((fd, stat) => digests.hash(fd, { stat, chunk: 0 })), sha256("content"), folder);
    assert.equal(digests.find({ stat: fixture.stat(), chunk: 0 }), undefined, folder);
    digests.close();
  }
});

Deno.test("Digests.open() keeps its file in the user's cache", async () => {
  const before = Deno.env.get("XDG_CACHE_HOME");
  using fixture = new Fixture();
  Deno.env.set("XDG_CACHE_HOME", fixture.top);
  try {
    const digests = Digests.open(undefined, () => Date.now() + SOON_MS);
    await fixture.with((fd, stat) => digests.hash(fd, { stat, chunk: 0 }));
    digests.close();
  } finally {
    if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
    else Deno.env.set("XDG_CACHE_HOME", before);
  }
  assert.equal(fixture.find(), sha256("content"), "in the folder of the fixture");
});
