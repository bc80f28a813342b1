import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Errno, O_NOATIME, S_IFCHR } from "../../../lib/linux/mod.ts";
import {
  encodeCreate,
  encodeLink,
  encodeMake,
  encodeNumber,
  encodeOpen,
  encodeSetAttr,
  encodeSymlink,
  FileNote,
  FileOp,
} from "../../../lib/protocol/mod.ts";
import { asUser, USER } from "./as_user.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

/** A directory of root's with files that others may read, and one of the user's own. */
function fixtureForUser(): Fixture {
  const fixture = new Fixture();
  Deno.chmodSync(fixture.path, 0o755);
  Deno.writeTextFileSync(fixture.at("foreign"), "12345", { mode: 0o644 });
  Deno.writeTextFileSync(fixture.at("secret"), "12345", { mode: 0o600 });
  Deno.mkdirSync(fixture.at("own"), { mode: 0o755 });
  Deno.chownSync(fixture.at("own"), USER, USER);
  fixture.bind(2, "own");
  return fixture;
}

const options = { ignore: Deno.uid() !== 0 };

Deno.test("an ordinary user opens, creates and links what is his", options, () => {
  using fixture = fixtureForUser();
  asUser(() => {
    const created = encodeCreate({ dir: 2, name: fromText("file"), fh: 1, flags: O_RDWR, mode: 0o400, umask: 0 });
    assert.equal(fixture.stat(FileOp.CREATE, created).uid, USER);
    const ref = fixture.ref("file", 2);
    fixture.open(2, ref, O_RDONLY | O_NOATIME);
    const link = encodeLink({ ref, toDir: 2, toName: fromText("second") });
    assert.equal(fixture.stat(FileOp.LINK, link).nlink, 2);
    const handle = { kind: "handle", fh: 1 } as const;
    const byHandle = encodeLink({ ref: handle, toDir: 2, toName: fromText("third") });
    assert.equal(fixture.stat(FileOp.LINK, byHandle).nlink, 3);
    fixture.ask(FileOp.SYMLINK, encodeSymlink({ dir: 2, name: fromText("link"), target: fromText("x") }));
    // Open for writing before its mode said otherwise: that stays.
    assert.equal(fixture.stat(FileOp.SETATTR, encodeSetAttr({ ref: handle, size: 9 })).size, 9);
    assert.equal(fixture.errno(FileOp.SETATTR, encodeSetAttr({ ref, size: 0 })), Errno.EACCES);
    const times = encodeSetAttr({ ref, mode: 0o600, mtime: { sec: 5, nsec: 0 } });
    assert.equal(fixture.stat(FileOp.SETATTR, times).mtime, 5);
  });
});

Deno.test("an ordinary user meets the errno of each refusal", options, () => {
  using fixture = fixtureForUser();
  asUser(() => {
    const open = (name: string, flags: number) => encodeOpen({ ref: fixture.ref(name), fh: 1, flags });
    assert.equal(fixture.errno(FileOp.OPEN, open("secret", O_RDONLY)), Errno.EACCES);
    assert.equal(fixture.errno(FileOp.OPEN, open("foreign", O_RDWR)), Errno.EACCES);
    const create = encodeCreate({ dir: 1, name: fromText("new"), fh: 1, flags: O_RDWR, mode: 0o600, umask: 0 });
    assert.equal(fixture.errno(FileOp.CREATE, create), Errno.EACCES);
    const device = encodeMake({ dir: 2, name: fromText("null"), mode: S_IFCHR | 0o600, umask: 0, rdev: 0x103 });
    assert.equal(fixture.errno(FileOp.MKNOD, device), Errno.EPERM);
  });
});

Deno.test("O_NOATIME is dropped for another user's file", options, () => {
  using fixture = fixtureForUser();
  asUser(() => assert.equal(fixture.open(1, fixture.ref("foreign"), O_RDONLY | O_NOATIME).size, 5));
  fixture.notify(FileNote.RELEASE, encodeNumber(1));
});

Deno.test("SETATTR that may not change the owner changes nothing else", options, () => {
  using fixture = fixtureForUser();
  Deno.writeTextFileSync(fixture.at("own/file"), "12345", { mode: 0o600 });
  Deno.chownSync(fixture.at("own/file"), USER, USER);
  asUser(() => {
    const ref = fixture.ref("file", 2);
    const change = encodeSetAttr({ ref, uid: 0, mode: 0o644, size: 0, mtime: { sec: 1, nsec: 0 } });
    const before = fixture.lookup(2, "file");
    assert.equal(fixture.errno(FileOp.SETATTR, change), Errno.EPERM);
    assert.deepEqual(fixture.lookup(2, "file"), before);
  });
});
