/** Which changes the agent is told of: local ones, and not those that it has decided itself. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import {
  AgentNote,
  decodeChanged,
  encodeCheck,
  encodeLink,
  encodeMake,
  encodeName,
  encodeRename,
  encodeSymlink,
  type FileAttr,
  FileNote,
  FileOp,
  LOGGED,
  ROOT_DIRECTORY,
} from "../../../lib/protocol/mod.ts";
import { Fixture } from "./fixture.ts";

const dir = ROOT_DIRECTORY;
const b = (name: string) => name as ByteString;

/** A watched directory, and what the agent is told of names in there. */
class Watched implements AsyncDisposable {
  readonly told: string[] = [];
  readonly fixture = new Fixture({
    tell: (op, body) => {
      if (op === AgentNote.CHANGED) this.told.push(decodeChanged(body).name);
    },
  });

  /** Has the agent's change made, as one of its log or one whose answer it waits for. */
  make(op: number, body: Uint8Array, { isLogged = true } = {}): void {
    this.fixture.ask(isLogged ? op | LOGGED : op, body);
  }

  tellNow(): string[] {
    this.fixture.server.tellChanges();
    return this.told.splice(0).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.fixture.server.close();
    this.fixture[Symbol.dispose]();
    await closing;
  }
}

/** All kinds of changes of names. */
function changeNames(watched: Watched, options?: { isLogged: boolean }): void {
  const { fixture } = watched;
  const make = (op: number, body: Uint8Array) => watched.make(op, body, options);
  make(FileOp.MKDIR, encodeMake({ dir, name: b("a"), mode: 0o755, umask: 0, rdev: 0 }));
  make(FileOp.MKDIR, encodeMake({ dir, name: b("b"), mode: 0o755, umask: 0, rdev: 0 }));
  make(FileOp.SYMLINK, encodeSymlink({ dir, name: b("s"), target: b("a") }));
  make(FileOp.RENAME, encodeRename({ dir, name: b("a"), toDir: dir, toName: b("c"), flags: 0 }));
  make(FileOp.RMDIR, encodeName({ dir, name: b("b") }));
  make(FileOp.UNLINK, encodeName({ dir, name: b("s") }));
  make(FileOp.LINK, encodeLink({ ref: fixture.ref("file"), toDir: dir, toName: b("other") }));
}

function watchedFile(): Watched {
  const watched = new Watched();
  Deno.writeTextFileSync(watched.fixture.at("file"), "");
  watched.tellNow();
  return watched;
}

Deno.test("Watches do not tell the agent what it has done in its log", async () => {
  await using watched = watchedFile();
  changeNames(watched);
  assert.deepEqual(watched.tellNow(), []);
});

Deno.test("Watches tell of changes whose outcome the agent could not know", async () => {
  await using watched = watchedFile();
  changeNames(watched, { isLogged: false });
  assert.deepEqual(watched.tellNow(), ["a", "b", "c", "other", "s"]);
});

Deno.test("Watches tell of a local change of what the agent has just changed, before and after", async () => {
  await using watched = watchedFile();
  const { fixture } = watched;
  Deno.mkdirSync(fixture.at("x"));
  watched.make(FileOp.RMDIR, encodeName({ dir, name: b("x") }));
  assert.deepEqual(watched.tellNow(), ["x"]);
  watched.make(FileOp.MKDIR, encodeMake({ dir, name: b("x"), mode: 0o755, umask: 0, rdev: 0 }));
  Deno.removeSync(fixture.at("x"));
  Deno.mkdirSync(fixture.at("x"));
  assert.deepEqual(watched.tellNow(), ["x"]);
  // The same once more, by the other one.
  watched.make(FileOp.RMDIR, encodeName({ dir, name: b("x") }));
  watched.make(FileOp.MKDIR, encodeMake({ dir, name: b("x"), mode: 0o755, umask: 0, rdev: 0 }));
  Deno.removeSync(fixture.at("x"));
  assert.deepEqual(watched.tellNow(), ["x"]);
});

Deno.test("Watches do not wait for an event of what did not happen", async () => {
  await using watched = watchedFile();
  const { fixture } = watched;
  Deno.linkSync(fixture.at("file"), fixture.at("same"));
  watched.tellNow();
  // Two names of one file: rename(2) does nothing, and succeeds.
  watched.make(FileOp.RENAME, encodeRename({ dir, name: b("file"), toDir: dir, toName: b("same"), flags: 0 }));
  assert.deepEqual(watched.tellNow(), []);
  Deno.renameSync(fixture.at("file"), fixture.at("elsewhere"));
  assert.deepEqual(watched.tellNow(), ["elsewhere", "file"]);
});

Deno.test("files that were opened are told when they are not what they were taken for, and only then", async () => {
  await using watched = watchedFile();
  const { fixture, told } = watched;
  const stat = fixture.lookup(dir, "file");
  const check = (change: Partial<FileAttr>, name = "file") => {
    fixture.notify(FileNote.CHECK, encodeCheck([{ dir, name: b(name), stat: { ...stat, ...change } }]));
    return told.splice(0);
  };
  assert.deepEqual(check({}), []);
  assert.deepEqual(check({ atime: 1, nlink: 5 }), [], "what does not tell of its content");
  for (const change of [{ ino: 1n }, { size: 1 }, { mtime: 1 }, { mtimeNsec: 1 }, { ctime: 1 }, { ctimeNsec: 1 }]) {
    assert.deepEqual(check(change), ["file"], JSON.stringify(Object.keys(change)));
  }
  assert.deepEqual(check({}, "none"), [], "that is told when it happens");
  fixture.notify(FileNote.CHECK, encodeCheck([{ dir: 99, name: b("file"), stat }]));
  assert.deepEqual(told, []);
});

Deno.test("Watches tell of changes by themselves, a burst at once", async () => {
  await using watched = watchedFile();
  for (let i = 0; i < 100; i++) Deno.mkdirSync(watched.fixture.at(`d${i}`));
  for (const start = performance.now(); watched.told.length < 100 && performance.now() - start < 60_000;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(new Set(watched.told).size, 100);
});
