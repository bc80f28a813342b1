import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import { encodeBind, encodeName, encodeNumber, FileNote, FileOp, ROOT_DIRECTORY } from "../../../lib/protocol/mod.ts";
import { Fixture } from "./fixture.ts";

Deno.test("number 1 stands for the exported root from the start", () => {
  using fixture = new Fixture();
  assert.equal(fixture.directoryErrno(ROOT_DIRECTORY), 0);
});

Deno.test("BIND lets a number stand for a directory in the same flight", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a/b"), { recursive: true });
  Deno.writeTextFileSync(fixture.at("a/b/file"), "12345");
  fixture.bind(2, "a");
  fixture.bind(3, "b", 2);
  assert.equal(fixture.lookup(3, "file").size, 5);
});

Deno.test("a number that was never bound gives EBADF", () => {
  using fixture = new Fixture();
  assert.equal(fixture.directoryErrno(7), Errno.EBADF);
  assert.equal(fixture.directoryErrno(0), Errno.EBADF);
  assert.equal(fixture.directoryErrno(0xffff_ffff), Errno.EBADF);
});

Deno.test("BIND beneath a number that was never bound makes the new number give EBADF", () => {
  using fixture = new Fixture();
  fixture.notify(FileNote.BIND, encodeBind({ id: 5, parent: 4, name: fromText("a"), dev: 1, ino: 1n }));
  assert.equal(fixture.directoryErrno(5), Errno.EBADF);
});

Deno.test("BIND of another inode than meant makes the number ESTALE until it is bound again", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a"));
  Deno.mkdirSync(fixture.at("b"));
  const { dev } = fixture.lookup(ROOT_DIRECTORY, "a");
  const { ino } = fixture.lookup(ROOT_DIRECTORY, "b");
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("a"), dev, ino }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
  fixture.bind(2, "a");
  assert.equal(fixture.directoryErrno(2), 0);
});

Deno.test("BIND of another device than meant makes the number ESTALE", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a"));
  const { dev, ino } = fixture.lookup(ROOT_DIRECTORY, "a");
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("a"), dev: dev + 1, ino }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
});

Deno.test("BIND does not follow a symbolic link put in the directory's place", () => {
  using fixture = new Fixture();
  using outside = new Fixture();
  Deno.writeTextFileSync(outside.at("secret"), "secret");
  Deno.mkdirSync(fixture.at("a"));
  const { dev, ino } = fixture.lookup(ROOT_DIRECTORY, "a");
  Deno.removeSync(fixture.at("a"));
  Deno.symlinkSync(outside.path, fixture.at("a"));
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("a"), dev, ino }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
});

Deno.test("BIND does not follow a symbolic link even to the inode meant", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("real"));
  Deno.symlinkSync("real", fixture.at("link"));
  const { dev, ino } = fixture.lookup(ROOT_DIRECTORY, "real");
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("link"), dev, ino }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
});

Deno.test("BIND of a file makes the number ESTALE, and so are numbers bound beneath it", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  fixture.bind(2, "file");
  fixture.notify(FileNote.BIND, encodeBind({ id: 3, parent: 2, name: fromText("x"), dev: 1, ino: 1n }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
  assert.equal(fixture.directoryErrno(3), Errno.ESTALE);
});

Deno.test("BIND of a name that is gone makes the number ESTALE", () => {
  using fixture = new Fixture();
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("gone"), dev: 1, ino: 1n }));
  assert.equal(fixture.directoryErrno(2), Errno.ESTALE);
});

Deno.test("BIND leaves a number in use, 0 and the root's as they are", () => {
  using fixture = new Fixture();
  for (const name of ["a", "b"]) Deno.mkdirSync(fixture.at(name));
  Deno.writeTextFileSync(fixture.at("a/in a"), "");
  Deno.writeTextFileSync(fixture.at("at the top"), "");
  fixture.bind(2, "a");
  for (const number of [0, ROOT_DIRECTORY, 2]) fixture.bind(number, "b");
  assert.equal(fixture.directoryErrno(0), Errno.EBADF);
  fixture.lookup(ROOT_DIRECTORY, "at the top");
  fixture.lookup(2, "in a");
  assert.equal(fixture.log.length, 3);
});

Deno.test("UNBIND frees the number and its descriptor, but not the root", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a"));
  Deno.mkdirSync(fixture.at("b"));
  const before = fixture.descriptors();
  fixture.bind(2, "a");
  assert.equal(fixture.descriptors(), before + 1);
  for (const number of [2, ROOT_DIRECTORY, 99]) fixture.notify(FileNote.UNBIND, encodeNumber(number));
  assert.equal(fixture.descriptors(), before);
  assert.equal(fixture.directoryErrno(2), Errno.EBADF);
  assert.equal(fixture.directoryErrno(ROOT_DIRECTORY), 0);
  fixture.bind(2, "b");
  assert.equal(fixture.directoryErrno(2), 0);
});

Deno.test("a failed BIND holds no descriptor", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a"));
  const { dev, ino } = fixture.lookup(ROOT_DIRECTORY, "a");
  const before = fixture.descriptors();
  fixture.notify(FileNote.BIND, encodeBind({ id: 2, parent: 1, name: fromText("a"), dev, ino: ino + 1n }));
  assert.equal(fixture.descriptors(), before);
});

Deno.test("a bound directory stays reachable when directories above it are renamed", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a/b/c"), { recursive: true });
  fixture.bind(2, "a");
  fixture.bind(3, "b", 2);
  Deno.renameSync(fixture.at("a"), fixture.at("z"));
  Deno.renameSync(fixture.at("z/b"), fixture.at("elsewhere"));
  Deno.writeTextFileSync(fixture.at("elsewhere/new"), "");
  fixture.lookup(3, "new");
  fixture.bind(4, "c", 3);
  assert.equal(fixture.directoryErrno(4), 0);
});

Deno.test("a bound directory that was removed still has attributes, and takes no new names", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("a"));
  fixture.bind(2, "a");
  Deno.removeSync(fixture.at("a"));
  assert.equal(fixture.directoryErrno(2), 0);
  assert.equal(fixture.errno(FileOp.LOOKUP, encodeName({ dir: 2, name: fromText("x") })), Errno.ENOENT);
});

Deno.test("no more numbers than the limit are bound, failed ones included", () => {
  using fixture = new Fixture({ maxDirectories: 3 });
  for (const name of ["a", "b", "c"]) Deno.mkdirSync(fixture.at(name));
  fixture.bind(2, "a");
  fixture.notify(FileNote.BIND, encodeBind({ id: 3, parent: 1, name: fromText("gone"), dev: 1, ino: 1n }));
  fixture.bind(4, "c");
  assert.deepEqual([2, 3, 4].map((number) => fixture.directoryErrno(number)), [0, Errno.ESTALE, Errno.EBADF]);
  fixture.notify(FileNote.UNBIND, encodeNumber(2));
  fixture.bind(4, "c");
  assert.equal(fixture.directoryErrno(4), 0);
});
