import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  Errno,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
  O_TRUNC,
  S_IFREG,
} from "../../../lib/linux/mod.ts";
import { encodeCreate, encodeNumber, encodeOpen, FileNote, FileOp, type FileRef } from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY, O_RDWR, O_WRONLY } from "./fixture.ts";

function openErrno(fixture: Fixture, ref: FileRef, flags = O_RDONLY): number {
  return fixture.errno(FileOp.OPEN, encodeOpen({ ref, fh: 50, flags }));
}

function createErrno(fixture: Fixture, name: string, flags = O_RDWR): number {
  return fixture.errno(
    FileOp.CREATE,
    encodeCreate({ dir: 1, name: fromText(name), fh: 50, flags, mode: 0o644, umask: 0 }),
  );
}

/** The flags of the one descriptor that is open on a file below the exported directory, as fcntl(F_GETFL) gives them. */
function flagsOf(fixture: Fixture, name: string): number {
  for (const { name: fd } of Deno.readDirSync("/proc/self/fd")) {
    let target = "";
    try {
      target = Deno.readLinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue;
    }
    if (target !== fixture.at(name)) continue;
    return parseInt(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`).match(/flags:\s*(\d+)/)![1], 8);
  }
  return -1;
}

Deno.test("OPEN answers attributes, those after O_TRUNC with it", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  assert.equal(fixture.open(1, fixture.ref("file"), O_RDONLY).size, 5);
  assert.equal(fixture.open(2, fixture.ref("file"), O_WRONLY | O_TRUNC).size, 0);
});

Deno.test("OPEN uses the access mode and the flags that mean something, and drops the others", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  const O_SYNC = 0o4010000;
  const O_LARGEFILE_AND_CLOEXEC = 0o100000 | 0o400000 | 0o2000000;
  const wanted = O_RDWR | O_APPEND | O_SYNC | O_NOATIME;
  fixture.open(1, fixture.ref("file"), wanted | O_DIRECT | O_NONBLOCK | O_EXCL | O_CREAT);
  assert.equal(flagsOf(fixture, "file") & ~O_LARGEFILE_AND_CLOEXEC, wanted);
});

Deno.test("OPEN with O_PATH, O_TMPFILE or O_CREAT alone is an ordinary open", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  const O_TMPFILE = 0o20200000;
  fixture.open(1, fixture.ref("file"), O_PATH | O_TMPFILE | O_CREAT);
  assert.equal((await fixture.read(1, 0, 9)).length, 5);
});

Deno.test("OPEN with access mode 3 gives a handle for neither reading nor writing", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  fixture.open(1, fixture.ref("file"), 3);
  await assert.rejects(fixture.read(1, 0, 9));
});

Deno.test("OPEN never opens what is not a regular file", () => {
  using fixture = new Fixture();
  Deno.symlinkSync("target", fixture.at("link"));
  Deno.writeTextFileSync(fixture.at("target"), "");
  Deno.mkdirSync(fixture.at("d"));
  new Deno.Command("mkfifo", { args: [fixture.at("fifo")] }).outputSync();
  using _listener = Deno.listen({ transport: "unix", path: fixture.at("socket") });
  const before = fixture.descriptors();
  assert.equal(openErrno(fixture, fixture.ref("link")), Errno.ELOOP);
  assert.equal(openErrno(fixture, fixture.ref("d")), Errno.EISDIR);
  assert.equal(openErrno(fixture, { kind: "directory", dir: 1 }), Errno.EISDIR);
  // Opening it for reading would wait for a writer, and this test with it.
  assert.equal(openErrno(fixture, fixture.ref("fifo")), Errno.EOPNOTSUPP);
  assert.equal(openErrno(fixture, fixture.ref("socket")), Errno.ENXIO);
  assert.equal(fixture.descriptors(), before);
});

Deno.test("OPEN never opens a device", { ignore: Deno.uid() !== 0 }, () => {
  using fixture = new Fixture();
  new Deno.Command("mknod", { args: [fixture.at("null"), "c", "1", "3"] }).outputSync();
  assert.equal(openErrno(fixture, fixture.ref("null")), Errno.EOPNOTSUPP);
});

Deno.test("OPEN gives ESTALE when the name is another file's by now, and does not truncate that one", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "old");
  Deno.writeTextFileSync(fixture.at("other"), "new");
  const ref = fixture.ref("file");
  Deno.renameSync(fixture.at("other"), fixture.at("file"));
  assert.equal(openErrno(fixture, ref, O_WRONLY | O_TRUNC), Errno.ESTALE);
  assert.equal(Deno.readTextFileSync(fixture.at("file")), "new");
});

Deno.test("OPEN does not follow a link put in the file's place, even one to the inode meant", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  const ref = fixture.ref("file");
  Deno.renameSync(fixture.at("file"), fixture.at("moved"));
  Deno.symlinkSync("moved", fixture.at("file"));
  assert.equal(openErrno(fixture, ref), Errno.ESTALE);
});

Deno.test("OPEN by handle opens a file anew that has no name any more", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  Deno.removeSync(fixture.at("file"));
  fixture.open(2, { kind: "handle", fh: 1 }, O_RDWR | O_TRUNC);
  assert.equal((await fixture.read(1, 0, 9)).length, 0);
});

Deno.test("CREATE makes a file with the mode as it is", () => {
  using fixture = new Fixture();
  assert.equal(fixture.create(1, "a", { mode: 0o666 }).mode, S_IFREG | 0o666);
  assert.equal(fixture.create(2, "b", { mode: 0o444, flags: O_WRONLY | O_EXCL }).mode, S_IFREG | 0o444);
  assert.equal(fixture.create(3, "c", { mode: 0o4711, flags: O_WRONLY | O_TRUNC }).mode, S_IFREG | 0o4711);
});

Deno.test("CREATE without O_EXCL opens the file that is there, and truncates it only if asked to", async () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345", { mode: 0o600 });
  const stat = fixture.create(1, "file", { mode: 0o666 });
  assert.deepEqual([stat.mode & 0o777, stat.size], [0o600, 5]);
  assert.equal((await fixture.read(1, 0, 9)).length, 5);
  assert.equal(fixture.create(2, "file", { flags: O_WRONLY | O_TRUNC }).size, 0);
  assert.equal(fixture.descriptors(), 3);
});

Deno.test("CREATE with O_EXCL refuses the file that is there", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  Deno.symlinkSync("dangling", fixture.at("link"));
  assert.equal(createErrno(fixture, "file", O_WRONLY | O_EXCL), Errno.EEXIST);
  assert.equal(createErrno(fixture, "link", O_WRONLY | O_EXCL), Errno.EEXIST);
});

Deno.test("CREATE never opens or makes a file by way of a link, and never opens a fifo", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("target"), "");
  Deno.symlinkSync("target", fixture.at("link"));
  Deno.symlinkSync("dangling", fixture.at("dangling link"));
  Deno.mkdirSync(fixture.at("d"));
  new Deno.Command("mkfifo", { args: [fixture.at("fifo")] }).outputSync();
  assert.equal(createErrno(fixture, "link"), Errno.ELOOP);
  assert.equal(createErrno(fixture, "dangling link"), Errno.ELOOP);
  assert.throws(() => Deno.statSync(fixture.at("dangling")), Deno.errors.NotFound);
  assert.equal(createErrno(fixture, "d"), Errno.EISDIR);
  assert.equal(createErrno(fixture, "fifo", O_RDONLY), Errno.EOPNOTSUPP);
});

Deno.test("CREATE under a number in use or in an unknown directory makes nothing", () => {
  using fixture = new Fixture();
  fixture.create(50, "a");
  assert.equal(createErrno(fixture, "b"), Errno.EBADF);
  const nowhere = encodeCreate({ dir: 9, name: fromText("b"), fh: 1, flags: O_RDWR, mode: 0o644, umask: 0 });
  assert.equal(fixture.errno(FileOp.CREATE, nowhere), Errno.EBADF);
  assert.deepEqual([...Deno.readDirSync(fixture.path)].map((entry) => entry.name), ["a"]);
});

Deno.test("handles are limited, and their numbers are used once at a time", () => {
  using fixture = new Fixture({ maxHandles: 2 });
  Deno.writeTextFileSync(fixture.at("a"), "");
  const ref = fixture.ref("a");
  const before = fixture.descriptors();
  fixture.open(0, ref);
  fixture.open(0xffff_ffff, ref);
  assert.equal(fixture.errno(FileOp.OPEN, encodeOpen({ ref, fh: 0, flags: 0 })), Errno.EBADF);
  assert.equal(fixture.errno(FileOp.OPEN, encodeOpen({ ref, fh: 5, flags: 0 })), Errno.ENFILE);
  fixture.notify(FileNote.RELEASE, encodeNumber(0));
  fixture.open(5, ref);
  fixture.notify(FileNote.RELEASE, encodeNumber(5));
  fixture.notify(FileNote.RELEASE, encodeNumber(0xffff_ffff));
  fixture.notify(FileNote.RELEASE, encodeNumber(77));
  assert.equal(fixture.descriptors(), before);
});
