import assert from "node:assert/strict";
import { type ByteString, byteString, fromText } from "../../../lib/bytes/mod.ts";
import { Errno, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK } from "../../../lib/linux/mod.ts";
import {
  encodeLink,
  encodeMake,
  encodeName,
  encodeRename,
  encodeSymlink,
  FileOp,
  type FileRef,
} from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY } from "./fixture.ts";

const isRoot = Deno.uid() === 0;

function make(name: string, mode: number, rdev = 0) {
  return encodeMake({ dir: 1, name: fromText(name), mode, umask: 0, rdev });
}

function named(name: string, dir = 1) {
  return encodeName({ dir, name: fromText(name) });
}

function renamed(name: string, toName: string, flags = 0) {
  return encodeRename({ dir: 1, name: fromText(name), toDir: 1, toName: fromText(toName), flags });
}

Deno.test("SYMLINK makes a link with any bytes as its target", () => {
  using fixture = new Fixture();
  const target = byteString(new Uint8Array([0x2f, 0xff, 0x20, 0x0a]));
  const stat = fixture.stat(FileOp.SYMLINK, encodeSymlink({ dir: 1, name: fromText("link"), target }));
  assert.equal(stat.mode, S_IFLNK | 0o777);
  assert.equal(stat.size, 4);
  const again = encodeSymlink({ dir: 1, name: fromText("link"), target });
  assert.equal(fixture.errno(FileOp.SYMLINK, again), Errno.EEXIST);
});

Deno.test("MKNOD makes files, fifos and sockets with the mode as it is", () => {
  using fixture = new Fixture();
  for (const type of [S_IFREG, S_IFIFO, S_IFSOCK]) {
    assert.equal(fixture.stat(FileOp.MKNOD, make(`node ${type}`, type | 0o666)).mode, type | 0o666);
  }
  assert.equal(fixture.stat(FileOp.MKNOD, make("plain", 0o666)).mode, S_IFREG | 0o666);
  assert.equal(fixture.errno(FileOp.MKNOD, make("plain", 0o666)), Errno.EEXIST);
});

Deno.test("MKNOD makes devices where the local user may", { ignore: !isRoot }, () => {
  using fixture = new Fixture();
  const stat = fixture.stat(FileOp.MKNOD, make("null", S_IFCHR | 0o600, 0x103));
  assert.deepEqual([stat.mode, stat.rdev], [S_IFCHR | 0o600, 0x103]);
});

Deno.test("MKNOD refuses to make a directory", () => {
  using fixture = new Fixture();
  assert.equal(fixture.errno(FileOp.MKNOD, make("d", S_IFDIR | 0o755)), Errno.EPERM);
});

Deno.test("MKDIR makes a directory with the mode as it is", () => {
  using fixture = new Fixture();
  assert.equal(fixture.stat(FileOp.MKDIR, make("d", 0o1777)).mode, S_IFDIR | 0o1777);
  assert.equal(fixture.errno(FileOp.MKDIR, make("d", 0o755)), Errno.EEXIST);
});

Deno.test("UNLINK removes files and links, not directories", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  Deno.symlinkSync("file", fixture.at("link"));
  Deno.mkdirSync(fixture.at("d"));
  assert.equal(fixture.errno(FileOp.UNLINK, named("link")), 0);
  assert.equal(fixture.lookup(1, "file").nlink, 1);
  assert.equal(fixture.errno(FileOp.UNLINK, named("file")), 0);
  assert.equal(fixture.errno(FileOp.UNLINK, named("file")), Errno.ENOENT);
  assert.equal(fixture.errno(FileOp.UNLINK, named("d")), Errno.EISDIR);
});

Deno.test("RMDIR removes empty directories, nothing else", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d/e"), { recursive: true });
  Deno.writeTextFileSync(fixture.at("file"), "");
  Deno.symlinkSync("d", fixture.at("link"));
  assert.equal(fixture.errno(FileOp.RMDIR, named("d")), Errno.ENOTEMPTY);
  assert.equal(fixture.errno(FileOp.RMDIR, named("file")), Errno.ENOTDIR);
  assert.equal(fixture.errno(FileOp.RMDIR, named("link")), Errno.ENOTDIR);
  fixture.bind(2, "d");
  assert.equal(fixture.errno(FileOp.RMDIR, named("e", 2)), 0);
  assert.equal(fixture.errno(FileOp.RMDIR, named("d")), 0);
});

Deno.test("RENAME moves between directories, replaces, and does as its flags say", () => {
  using fixture = new Fixture();
  for (const name of ["a", "b", "c"]) Deno.writeTextFileSync(fixture.at(name), name);
  Deno.mkdirSync(fixture.at("d"));
  fixture.bind(2, "d");
  const move = encodeRename({ dir: 1, name: fromText("a"), toDir: 2, toName: fromText("z"), flags: 0 });
  assert.equal(fixture.errno(FileOp.RENAME, move), 0);
  assert.equal(Deno.readTextFileSync(fixture.at("d/z")), "a");
  const NOREPLACE = 1;
  const EXCHANGE = 2;
  assert.equal(fixture.errno(FileOp.RENAME, renamed("b", "c", NOREPLACE)), Errno.EEXIST);
  assert.equal(fixture.errno(FileOp.RENAME, renamed("b", "c", EXCHANGE)), 0);
  assert.equal(Deno.readTextFileSync(fixture.at("b")), "c");
  assert.equal(fixture.errno(FileOp.RENAME, renamed("b", "c")), 0);
  assert.equal(Deno.readTextFileSync(fixture.at("c")), "c");
  assert.equal(fixture.errno(FileOp.RENAME, renamed("b", "c")), Errno.ENOENT);
  assert.equal(fixture.errno(FileOp.RENAME, renamed("c", "b", NOREPLACE | EXCHANGE)), Errno.EINVAL);
  assert.equal(fixture.errno(FileOp.RENAME, renamed("c", "b", 8)), Errno.EINVAL);
  assert.equal(fixture.errno(FileOp.RENAME, renamed("c", "b", 0x8000_0000)), Errno.EINVAL);
});

Deno.test("LINK gives the file meant another name, and answers its new attributes", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  Deno.mkdirSync(fixture.at("d"));
  fixture.bind(2, "d");
  const link = (ref: FileRef, toName: string) => encodeLink({ ref, toDir: 2, toName: fromText(toName) });
  const ref = fixture.ref("file");
  const stat = fixture.stat(FileOp.LINK, link(ref, "second"));
  assert.deepEqual([stat.ino, stat.nlink], [ref.ino, 2]);
  assert.deepEqual(fixture.lookup(2, "second"), stat);
  assert.equal(fixture.errno(FileOp.LINK, link(ref, "second")), Errno.EEXIST);
  assert.equal(fixture.errno(FileOp.LINK, link({ ...ref, ino: ref.ino + 1n }, "x")), Errno.ESTALE);
  assert.equal(fixture.errno(FileOp.LINK, link({ kind: "directory", dir: 2 }, "x")), Errno.EPERM);
});

Deno.test("LINK by handle works as long as the file has a name, whichever", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const { ino } = fixture.open(3, fixture.ref("file"), O_RDONLY);
  Deno.renameSync(fixture.at("file"), fixture.at("moved"));
  const link = (toName: string) => encodeLink({ ref: { kind: "handle", fh: 3 }, toDir: 1, toName: fromText(toName) });
  assert.equal(fixture.stat(FileOp.LINK, link("second")).ino, ino);
  for (const name of ["moved", "second"]) Deno.removeSync(fixture.at(name));
  assert.equal(fixture.errno(FileOp.LINK, link("third")), Errno.ENOENT);
});

Deno.test("LINK of a symbolic link links the link", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("target"), "");
  Deno.symlinkSync("target", fixture.at("link"));
  const ref = fixture.ref("link");
  const stat = fixture.stat(FileOp.LINK, encodeLink({ ref, toDir: 1, toName: fromText("second") }));
  assert.deepEqual([stat.ino, stat.mode & S_IFLNK, stat.nlink], [ref.ino, S_IFLNK, 2]);
});

Deno.test("changes in a directory that is not bound give EBADF", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const name = fromText("x");
  const ref = fixture.ref("file");
  const bodies: [number, Uint8Array][] = [
    [FileOp.SYMLINK, encodeSymlink({ dir: 9, name, target: "t" as ByteString })],
    [FileOp.MKNOD, encodeMake({ dir: 9, name, mode: 0o644, umask: 0, rdev: 0 })],
    [FileOp.MKDIR, encodeMake({ dir: 9, name, mode: 0o755, umask: 0, rdev: 0 })],
    [FileOp.UNLINK, named("x", 9)],
    [FileOp.RMDIR, named("x", 9)],
    [FileOp.RENAME, encodeRename({ dir: 9, name, toDir: 1, toName: name, flags: 0 })],
    [FileOp.RENAME, encodeRename({ dir: 1, name: fromText("file"), toDir: 9, toName: name, flags: 0 })],
    [FileOp.LINK, encodeLink({ ref, toDir: 9, toName: name })],
  ];
  for (const [op, body] of bodies) assert.equal(fixture.errno(op, body), Errno.EBADF, `operation ${op}`);
});
