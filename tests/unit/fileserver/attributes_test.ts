import assert from "node:assert/strict";
import { type ByteString, byteString, fromText, toText } from "../../../lib/bytes/mod.ts";
import { Errno, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, UTIME_NOW, UTIME_OMIT } from "../../../lib/linux/mod.ts";
import {
  decodeStatFs,
  encodeAccess,
  encodeName,
  encodeRef,
  encodeSetAttr,
  FileOp,
  type FileRef,
  type SetAttrIn,
} from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

const isRoot = Deno.uid() === 0;

function setAttr(fixture: Fixture, ref: FileRef, change: Omit<SetAttrIn, "ref">) {
  return fixture.stat(FileOp.SETATTR, encodeSetAttr({ ref, ...change }));
}

function setAttrErrno(fixture: Fixture, ref: FileRef, change: Omit<SetAttrIn, "ref">) {
  return fixture.errno(FileOp.SETATTR, encodeSetAttr({ ref, ...change }));
}

Deno.test("LOOKUP answers the attributes of a name, and of a symbolic link its own and its target", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345", { mode: 0o640 });
  Deno.symlinkSync("file", fixture.at("link"));
  const file = fixture.lookup(1, "file");
  assert.equal(file.mode, S_IFREG | 0o640);
  assert.equal(file.size, 5);
  assert.equal(Number(file.ino), Deno.lstatSync(fixture.at("file")).ino);
  assert.equal(fixture.find(1, fromText("file")).target, undefined);
  const link = fixture.find(1, fromText("link"));
  assert.equal(link.stat.mode & S_IFMT, S_IFLNK);
  assert.equal(Number(link.stat.ino), Deno.lstatSync(fixture.at("link")).ino);
  assert.equal(link.target, "file");
});

Deno.test("LOOKUP answers ENOENT for a name that is not there", () => {
  using fixture = new Fixture();
  assert.equal(fixture.errno(FileOp.LOOKUP, encodeName({ dir: 1, name: fromText("none") })), Errno.ENOENT);
});

Deno.test("LOOKUP and GETATTR work with names that are not UTF-8", () => {
  using fixture = new Fixture();
  const name = byteString(new Uint8Array([0xff, 0xfe, 0x0a, 0x20, 0xc3]));
  const { ino, dev } = fixture.create(1, name, { mode: 0o600 });
  assert.equal(fixture.find(1, name).stat.ino, ino);
  const ref: FileRef = { kind: "name", dir: 1, name, dev, ino };
  assert.equal(fixture.stat(FileOp.GETATTR, encodeRef(ref)).ino, ino);
  assert.equal(setAttr(fixture, ref, { mode: 0o644 }).mode, S_IFREG | 0o644);
});

Deno.test("GETATTR works by name, by handle and by directory number", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  Deno.mkdirSync(fixture.at("d"), { mode: 0o711 });
  const ref = fixture.ref("file");
  fixture.open(9, ref);
  fixture.bind(2, "d");
  assert.equal(fixture.stat(FileOp.GETATTR, encodeRef(ref)).size, 5);
  Deno.removeSync(fixture.at("file"));
  const open = fixture.stat(FileOp.GETATTR, encodeRef({ kind: "handle", fh: 9 }));
  assert.deepEqual([open.size, open.nlink], [5, 0]);
  assert.equal(fixture.stat(FileOp.GETATTR, encodeRef({ kind: "directory", dir: 2 })).mode, S_IFDIR | 0o711);
});

Deno.test("a reference gives ESTALE when its name is gone or another file's, EBADF without handle or directory", () => {
  using fixture = new Fixture();
  for (const name of ["gone", "changed"]) Deno.writeTextFileSync(fixture.at(name), "");
  const refs = [fixture.ref("gone"), fixture.ref("changed")];
  Deno.writeTextFileSync(fixture.at("other"), "");
  Deno.renameSync(fixture.at("other"), fixture.at("changed"));
  Deno.removeSync(fixture.at("gone"));
  const wrongDevice = { ...fixture.ref("changed"), dev: 1 };
  const operations = [FileOp.GETATTR, FileOp.READLINK, FileOp.STATFS];
  for (const op of operations) {
    for (const ref of [...refs, wrongDevice]) assert.equal(fixture.errno(op, encodeRef(ref)), Errno.ESTALE);
    assert.equal(fixture.errno(op, encodeRef({ kind: "handle", fh: 5 })), Errno.EBADF);
    assert.equal(fixture.errno(op, encodeRef({ kind: "directory", dir: 5 })), Errno.EBADF);
    assert.equal(fixture.errno(op, encodeRef({ ...refs[0], dir: 5 })), Errno.EBADF);
  }
  assert.equal(setAttrErrno(fixture, refs[1], { mode: 0o600 }), Errno.ESTALE);
  assert.equal(fixture.errno(FileOp.ACCESS, encodeAccess({ ref: refs[1], mask: 4 })), Errno.ESTALE);
});

Deno.test("SETATTR changes mode, size and both times at once and answers how it is then", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  const stat = setAttr(fixture, fixture.ref("file"), {
    mode: 0o400,
    size: 3,
    atime: { sec: -5, nsec: 7 },
    mtime: { sec: 1_000_000_000, nsec: 999_999_999 },
  });
  assert.deepEqual([stat.mode & 0o7777, stat.size], [0o400, 3]);
  assert.deepEqual([stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec], [-5, 7, 1_000_000_000, 999_999_999]);
});

Deno.test("SETATTR with owner and setuid mode keeps the setuid bit: the owner comes first", { ignore: !isRoot }, () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "", { mode: 0o755 });
  const stat = setAttr(fixture, fixture.ref("file"), { uid: 12345, gid: 54321, mode: 0o6755 });
  assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [12345, 54321, 0o6755]);
});

Deno.test("SETATTR of the owner alone leaves the group, and of the group the owner", { ignore: !isRoot }, () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const ref = fixture.ref("file");
  setAttr(fixture, ref, { uid: 10, gid: 20 });
  assert.deepEqual(pick(setAttr(fixture, ref, { uid: 11 })), [11, 20]);
  assert.deepEqual(pick(setAttr(fixture, ref, { gid: 21 })), [11, 21]);
});

function pick({ uid, gid }: { uid: number; gid: number }) {
  return [uid, gid];
}

Deno.test("SETATTR changes a symbolic link itself, and its mode never", { ignore: !isRoot }, () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("target"), "");
  Deno.symlinkSync("target", fixture.at("link"));
  const before = fixture.lookup(1, "target");
  const ref = fixture.ref("link");
  const stat = setAttr(fixture, ref, { uid: 7, mtime: { sec: 1, nsec: 2 } });
  assert.deepEqual([stat.uid, stat.mtime, stat.mtimeNsec, stat.mode & S_IFMT], [7, 1, 2, S_IFLNK]);
  assert.equal(setAttrErrno(fixture, ref, { mode: 0o600 }), Errno.EOPNOTSUPP);
  assert.equal(setAttrErrno(fixture, ref, { size: 0 }), Errno.EINVAL);
  assert.deepEqual(fixture.lookup(1, "target"), before);
});

Deno.test("SETATTR stops at the first step that fails", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d"), { mode: 0o755 });
  const ref = fixture.ref("d");
  assert.equal(setAttrErrno(fixture, ref, { mode: 0o700, size: 0, mtime: { sec: 1, nsec: 0 } }), Errno.EISDIR);
  const { mode, mtime } = fixture.lookup(1, "d");
  assert.equal(mode & 0o7777, 0o700, "the mode comes before the size");
  assert.notEqual(mtime, 1, "the times come after the size");
});

Deno.test("SETATTR truncates and extends by name and by handle", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  const ref = fixture.ref("file");
  assert.equal(setAttr(fixture, ref, { size: 2 }).size, 2);
  fixture.open(1, ref, O_RDWR);
  Deno.removeSync(fixture.at("file"));
  const far = 5 * 2 ** 30 + 1;
  assert.equal(setAttr(fixture, { kind: "handle", fh: 1 }, { size: far }).size, far);
});

Deno.test("SETATTR truncates by a handle that was opened for reading", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "12345");
  fixture.open(1, fixture.ref("file"), O_RDONLY);
  assert.equal(setAttr(fixture, { kind: "handle", fh: 1 }, { size: 2 }).size, 2);
});

Deno.test("SETATTR of a fifo's size is EINVAL and does not open it", () => {
  using fixture = new Fixture();
  new Deno.Command("mkfifo", { args: [fixture.at("fifo")] }).outputSync();
  assert.equal(setAttrErrno(fixture, fixture.ref("fifo"), { size: 0 }), Errno.EINVAL);
  assert.equal(setAttr(fixture, fixture.ref("fifo"), { mode: 0o600 }).mode, S_IFIFO | 0o600);
});

Deno.test("SETATTR sets times to now, leaves them, and refuses absurd ones", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const ref = fixture.ref("file");
  setAttr(fixture, ref, { atime: { sec: 1, nsec: 0 }, mtime: { sec: 1, nsec: 0 } });
  const now = Math.floor(Date.now() / 1000);
  const stat = setAttr(fixture, ref, { atime: { sec: 0, nsec: UTIME_NOW }, mtime: { sec: 0, nsec: UTIME_OMIT } });
  assert.equal(stat.mtime, 1);
  assert.ok(stat.atime >= now && stat.atime <= now + 10);
  assert.equal(setAttr(fixture, ref, { mtime: { sec: 2, nsec: 0 } }).atime, stat.atime);
  assert.equal(setAttrErrno(fixture, ref, { mtime: { sec: 0, nsec: 1_000_000_000 } }), Errno.EINVAL);
});

Deno.test("SETATTR answers an errno to a size beyond what the file system has", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const errno = setAttrErrno(fixture, fixture.ref("file"), { size: Number.MAX_SAFE_INTEGER });
  assert.ok(errno === Errno.EFBIG || errno === Errno.EINVAL, `errno ${errno}`);
});

Deno.test("SETATTR of a directory number and of nothing at all", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d"));
  fixture.bind(2, "d");
  assert.equal(setAttr(fixture, { kind: "directory", dir: 2 }, { mode: 0o1777 }).mode, S_IFDIR | 0o1777);
  assert.equal(setAttr(fixture, { kind: "directory", dir: 2 }, {}).mode, S_IFDIR | 0o1777);
});

Deno.test("READLINK answers the target's bytes, and EINVAL for what is no link", () => {
  using fixture = new Fixture();
  Deno.symlinkSync("../../tärget", fixture.at("link"));
  Deno.writeTextFileSync(fixture.at("file"), "");
  const target = byteString(fixture.ask(FileOp.READLINK, encodeRef(fixture.ref("link"))));
  assert.equal(toText(target as ByteString), "../../tärget");
  assert.equal(fixture.errno(FileOp.READLINK, encodeRef(fixture.ref("file"))), Errno.EINVAL);
  assert.equal(fixture.errno(FileOp.READLINK, encodeRef({ kind: "directory", dir: 1 })), Errno.EINVAL);
});

Deno.test("ACCESS answers by the permissions of this process", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "", { mode: 0o644 });
  Deno.symlinkSync("nowhere", fixture.at("link"));
  const access = (ref: FileRef, mask: number) => fixture.errno(FileOp.ACCESS, encodeAccess({ ref, mask }));
  assert.equal(access(fixture.ref("file"), 4), 0);
  assert.equal(access(fixture.ref("file"), 1), Errno.EACCES);
  assert.equal(access(fixture.ref("link"), 7), 0);
  assert.equal(access({ kind: "directory", dir: 1 }, 7), 0);
  fixture.open(1, fixture.ref("file"));
  assert.equal(access({ kind: "handle", fh: 1 }, 6), 0);
});

Deno.test("STATFS answers for the file system of the file", () => {
  using fixture = new Fixture();
  const stat = decodeStatFs(fixture.ask(FileOp.STATFS, encodeRef({ kind: "directory", dir: 1 })));
  const { stdout } = new Deno.Command("stat", { args: ["-f", "-c", "%b %S %l", fixture.path] }).outputSync();
  const [blocks, frsize, namelen] = new TextDecoder().decode(stdout).trim().split(" ").map(Number);
  assert.deepEqual([stat.blocks, stat.frsize, stat.namelen], [blocks, frsize, namelen]);
});
