import assert from "node:assert/strict";
import { type ByteString, byteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import {
  AT_FDCWD,
  close,
  Errno,
  getXattr,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  setXattr,
  unwrap,
} from "../../../lib/linux/mod.ts";
import {
  decodePage,
  decodeStat,
  decodeWritten,
  encodeReadDir,
  encodeRef,
  encodeSetXattr,
  encodeWrite,
  encodeXattrRef,
  FileOp,
  type FileRef,
  MAX_XATTR_NAMES,
  type SetXattrIn,
} from "../../../lib/protocol/mod.ts";
import { acl, GROUP_OBJ, MASK, OTHER, USER, USER_OBJ } from "./acl.ts";
import { Fixture, O_RDONLY } from "./fixture.ts";

const text = (value: string) => fromText(value);
const isRoot = Deno.uid() === 0;

/** Does something with a local file, the attributes of links included. */
function onFile<T>(path: string, action: (fd: number) => T): T {
  const fd = unwrap(openAt(AT_FDCWD, text(path), O_PATH | O_NOFOLLOW), `open ${path}`);
  try {
    return action(fd);
  } finally {
    close(fd);
  }
}

function setLocally(path: string, name: string, value: string): void {
  onFile(path, (fd) => unwrap(setXattr(fd, text(name), { value: toBytes(text(value)), flags: 0 }), `set ${name}`));
}

function locally(path: string, name: string): Uint8Array | number {
  return onFile(path, (fd) => getXattr(fd, text(name)));
}

function get(fixture: Fixture, ref: FileRef, name: string): string {
  return byteString(fixture.ask(FileOp.GETXATTR, encodeXattrRef({ ref, name: text(name) })));
}

function getErrno(fixture: Fixture, ref: FileRef, name: string): number {
  return fixture.errno(FileOp.GETXATTR, encodeXattrRef({ ref, name: text(name) }));
}

function setting(ref: FileRef, name: ByteString | string, value: Uint8Array, how: Partial<SetXattrIn> = {}) {
  return encodeSetXattr({ ref, name: name as ByteString, value, flags: 0, killSetgid: false, ...how });
}

Deno.test("SETXATTR, GETXATTR, LISTXATTR and REMOVEXATTR are what the local ones are", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const ref = fixture.ref("file");
  const value = Uint8Array.of(0, 255, 0);
  const name = "user.\x80\xff" as ByteString;
  const stat = decodeStat(fixture.ask(FileOp.SETXATTR, setting(ref, name, value)));
  assert.equal(stat.xattrNames, "user.\x80\xff\0");
  assert.deepEqual(onFile(fixture.at("file"), (fd) => getXattr(fd, name)), value);
  assert.deepEqual(fixture.ask(FileOp.GETXATTR, encodeXattrRef({ ref, name })), value);
  assert.equal(byteString(fixture.ask(FileOp.LISTXATTR, encodeRef(ref))), "user.\x80\xff\0");
  const removed = decodeStat(fixture.ask(FileOp.REMOVEXATTR, encodeXattrRef({ ref, name })));
  assert.equal(removed.xattrNames, "");
  assert.equal(fixture.errno(FileOp.GETXATTR, encodeXattrRef({ ref, name })), Errno.ENODATA);
  assert.equal(fixture.errno(FileOp.REMOVEXATTR, encodeXattrRef({ ref, name })), Errno.ENODATA);
});

Deno.test("SETXATTR creates and replaces as it is told, and says what the local kernel says", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const ref = fixture.ref("file");
  const errno = (name: string, flags: number, length = 1) =>
    fixture.errno(FileOp.SETXATTR, setting(ref, name, new Uint8Array(length), { flags }));
  assert.equal(errno("user.a", 2), Errno.ENODATA);
  assert.equal(errno("user.a", 1), 0);
  assert.equal(errno("user.a", 1), Errno.EEXIST);
  assert.equal(errno("user.a", 2, 0), 0);
  assert.equal(get(fixture, ref, "user.a"), "");
  assert.equal(errno("nothing.a", 0), Errno.EOPNOTSUPP);
  Deno.symlinkSync("file", fixture.at("link"));
  assert.equal(fixture.errno(FileOp.SETXATTR, setting(fixture.ref("link"), "user.a", new Uint8Array())), Errno.EPERM);
});

Deno.test("extended attributes are those of the file that is meant, and of an open one that was removed", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  setLocally(fixture.at("file"), "user.a", "1");
  const ref = fixture.ref("file");
  fixture.open(7, ref, O_RDONLY);
  Deno.removeSync(fixture.at("file"));
  Deno.writeTextFileSync(fixture.at("file"), "another");
  assert.equal(getErrno(fixture, ref, "user.a"), Errno.ESTALE);
  const handle = { kind: "handle", fh: 7 } as const;
  assert.equal(get(fixture, handle, "user.a"), "1");
  fixture.ask(FileOp.SETXATTR, setting(handle, "user.b", new Uint8Array(2)));
  assert.equal(get(fixture, handle, "user.b"), "\0\0");
  assert.equal(locally(fixture.at("file"), "user.b"), -Errno.ENODATA);
});

Deno.test({
  name: "extended attributes of a symbolic link are its own",
  ignore: !isRoot,
  fn() {
    using fixture = new Fixture();
    Deno.writeTextFileSync(fixture.at("file"), "");
    Deno.symlinkSync("file", fixture.at("link"));
    setLocally(fixture.at("link"), "security.own", "link");
    const ref = fixture.ref("link");
    assert.equal(get(fixture, ref, "security.own"), "link");
    fixture.ask(FileOp.SETXATTR, setting(ref, "security.own", toBytes(text("new"))));
    assert.deepEqual(locally(fixture.at("link"), "security.own"), toBytes(text("new")));
    assert.equal(locally(fixture.at("file"), "security.own"), -Errno.ENODATA);
    assert.equal(fixture.find(1, text("link")).stat.xattrNames, "security.own\0");
  },
});

Deno.test("answers with attributes tell the names of the extended ones", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("d"));
  Deno.writeTextFileSync(fixture.at("d/plain"), "");
  Deno.writeTextFileSync(fixture.at("d/rich"), "");
  setLocally(fixture.at("d/rich"), "user.a", "1");
  setLocally(fixture.at("d/rich"), "user.b", "2");
  fixture.bind(2, "d");
  const names = "user.a\0user.b\0";
  assert.equal(fixture.find(2, text("rich")).stat.xattrNames, names);
  assert.equal(fixture.find(2, text("plain")).stat.xattrNames, "");
  const page = decodePage(fixture.ask(FileOp.READDIR, encodeReadDir({ dir: 2, cookie: 0n, budget: 4096 })));
  assert.deepEqual(page.entries.map(({ name, stat }) => [name, stat?.xattrNames]).sort(), [["plain", ""], [
    "rich",
    names,
  ]]);
  for (const ref of [fixture.ref("rich", 2), { kind: "directory", dir: 2 } as const]) {
    const expected = ref.kind === "directory" ? "" : names;
    assert.equal(decodeStat(fixture.ask(FileOp.GETATTR, encodeRef(ref))).xattrNames, expected);
  }
  const opened = fixture.open(3, fixture.ref("rich", 2));
  assert.equal(opened.xattrNames, names);
  const write = Uint8Array.of(...encodeWrite({ fh: 3, offset: 0 }), 1);
  assert.equal(decodeWritten(fixture.ask(FileOp.WRITE, write)).stat.xattrNames, names);
});

Deno.test("more names than are told unasked are not told at all", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const long = (digit: number) => `user.${String(digit).repeat(249)}`;
  for (let digit = 0; digit < 4; digit++) setLocally(fixture.at("file"), long(digit), "");
  const names = fixture.find(1, text("file")).stat.xattrNames!;
  assert.equal(names.length, 4 * 255);
  assert.ok(names.length <= MAX_XATTR_NAMES);
  setLocally(fixture.at("file"), long(4), "");
  assert.equal(fixture.find(1, text("file")).stat.xattrNames, undefined);
  assert.equal(fixture.ask(FileOp.LISTXATTR, encodeRef(fixture.ref("file"))).length, 5 * 255);
});

Deno.test("an access ACL changes the mode, and takes the setgid bit along if it is told to", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  Deno.chmodSync(fixture.at("file"), 0o2755);
  const ref = fixture.ref("file");
  const value = acl([USER_OBJ, 6], [USER, 6, 4321], [GROUP_OBJ, 4], [MASK, 6], [OTHER, 0]);
  const mode = (killSetgid: boolean) => {
    const body = setting(ref, "system.posix_acl_access", value, { killSetgid });
    return decodeStat(fixture.ask(FileOp.SETXATTR, body)).mode & 0o7777;
  };
  assert.equal(mode(false), 0o2660);
  assert.equal(mode(true), 0o660);
  assert.deepEqual(locally(fixture.at("file"), "system.posix_acl_access"), value);
});

Deno.test("operations on extended attributes of what is not there fail with EBADF or ESTALE", () => {
  using fixture = new Fixture();
  const handle = { kind: "handle", fh: 9 } as const;
  const directory = { kind: "directory", dir: 9 } as const;
  for (const ref of [handle, directory]) {
    assert.equal(getErrno(fixture, ref, "user.a"), Errno.EBADF);
    assert.equal(fixture.errno(FileOp.LISTXATTR, encodeRef(ref)), Errno.EBADF);
    assert.equal(fixture.errno(FileOp.SETXATTR, setting(ref, "user.a", new Uint8Array())), Errno.EBADF);
    assert.equal(fixture.errno(FileOp.REMOVEXATTR, encodeXattrRef({ ref, name: text("user.a") })), Errno.EBADF);
  }
});
