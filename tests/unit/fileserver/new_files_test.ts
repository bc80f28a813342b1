import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { AT_FDCWD, close, Errno, O_DIRECT, O_EXCL, O_PATH, openAt, setXattr, unwrap } from "../../../lib/linux/mod.ts";
import {
  encodeLink,
  encodeMake,
  encodeTmpFile,
  encodeWrite,
  FileOp,
  type MakeIn,
  type TmpFileIn,
} from "../../../lib/protocol/mod.ts";
import { acl, GROUP_OBJ, MASK, OTHER, USER, USER_OBJ } from "./acl.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

function making(how: Omit<Partial<MakeIn>, "name"> & { name: string }): Uint8Array {
  return encodeMake({ dir: 1, mode: 0o777, umask: 0o27, rdev: 0, ...how, name: fromText(how.name) });
}

function tmpFile(how: Partial<TmpFileIn> = {}): Uint8Array {
  return encodeTmpFile({ dir: 1, fh: 5, flags: O_RDWR, mode: 0o666, umask: 0o27, ...how });
}

/** The modes of a directory, a fifo, a file and one without a name, all made with the same umask. */
function modes(fixture: Fixture): number[] {
  const made = [
    fixture.stat(FileOp.MKDIR, making({ name: "dir" })),
    fixture.stat(FileOp.MKNOD, making({ name: "fifo", mode: 0o010777 })),
    fixture.create(4, "file", { mode: 0o777, umask: 0o27 }),
    fixture.stat(FileOp.TMPFILE, tmpFile({ mode: 0o777 })),
  ];
  return made.map(({ mode }) => mode & 0o7777);
}

Deno.test("what is made has the mode that is left by the umask", () => {
  using fixture = new Fixture();
  assert.deepEqual(modes(fixture), [0o750, 0o750, 0o750, 0o750]);
});

Deno.test("a default ACL takes the umask's place, and is told of with what is made", () => {
  using fixture = new Fixture();
  const fd = unwrap(openAt(AT_FDCWD, fromText(fixture.path), O_PATH), "open the directory");
  const value = acl([USER_OBJ, 7], [USER, 7, 4321], [GROUP_OBJ, 5], [MASK, 7], [OTHER, 1]);
  unwrap(setXattr(fd, fromText("system.posix_acl_default"), { value, flags: 0 }), "set a default ACL");
  close(fd);
  assert.deepEqual(modes(fixture), [0o771, 0o771, 0o771, 0o771]);
  const names = (name: string) => fixture.lookup(1, name).xattrNames!.split("\0").sort();
  assert.deepEqual(names("file"), ["", "system.posix_acl_access"]);
  assert.deepEqual(names("dir"), ["", "system.posix_acl_access", "system.posix_acl_default"]);
});

Deno.test("TMPFILE opens a file without a name, to which LINK gives one", async () => {
  using fixture = new Fixture();
  const { nlink, xattrNames } = fixture.stat(FileOp.TMPFILE, tmpFile());
  assert.deepEqual([nlink, xattrNames, [...Deno.readDirSync(fixture.path)]], [0, "", []]);
  fixture.ask(FileOp.WRITE, Uint8Array.of(...encodeWrite({ fh: 5, offset: 0 }), 65));
  assert.deepEqual(await fixture.read(5, 0, 10), Uint8Array.of(65));
  const link = (fh: number, name: string) =>
    encodeLink({ ref: { kind: "handle", fh }, toDir: 1, toName: fromText(name) });
  assert.equal(fixture.stat(FileOp.LINK, link(5, "name")).nlink, 1);
  assert.equal(Deno.readTextFileSync(fixture.at("name")), "A");
  assert.equal(fixture.errno(FileOp.LINK, link(5, "name")), Errno.EEXIST);
  fixture.ask(FileOp.TMPFILE, tmpFile({ fh: 6, flags: O_RDWR | O_EXCL }));
  assert.equal(fixture.errno(FileOp.LINK, link(6, "other")), Errno.ENOENT);
});

Deno.test("TMPFILE fails where a file cannot be made or opened", () => {
  using fixture = new Fixture();
  const errno = (how: Partial<TmpFileIn>) => fixture.errno(FileOp.TMPFILE, tmpFile(how));
  assert.equal(errno({ dir: 9 }), Errno.EBADF);
  assert.equal(errno({ flags: O_RDONLY }), Errno.EINVAL);
  assert.equal(errno({}), 0);
  assert.equal(errno({}), Errno.EBADF);
});

Deno.test("a file that is opened with O_DIRECT is read and written wherever its bytes lie", async () => {
  using fixture = new Fixture();
  fixture.create(3, "file", { flags: O_RDWR | O_DIRECT });
  fixture.ask(FileOp.WRITE, Uint8Array.of(...encodeWrite({ fh: 3, offset: 1 }), 1, 2, 3));
  fixture.open(4, fixture.ref("file"), O_RDONLY | O_DIRECT);
  assert.deepEqual(await fixture.read(4, 2, 10), Uint8Array.of(2, 3));
});
