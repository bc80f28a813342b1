import assert from "node:assert/strict";
import { type ByteString, byteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import type { NewXattr, NodeId } from "../../../lib/fuse/mod.ts";
import { AT_FDCWD, close, Errno, O_PATH, O_RDWR, openAt, setXattr, unwrap } from "../../../lib/linux/mod.ts";
import { decodeSetXattr, FileOp } from "../../../lib/protocol/mod.ts";
import { fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { rootOverlay } from "../../../lib/agent/root_overlay.ts";

const b = (name: string) => name as ByteString;
const ACL = b("system.posix_acl_access");
const CAPABILITY = b("security.capability");

function xattr(value: string, how: Partial<NewXattr> = {}): NewXattr {
  return { value: toBytes(b(value)), flags: 0, killSetgid: false, ...how };
}

function setLocally(fixture: Fixture, file: string, name: string, value = "1"): void {
  const fd = unwrap(openAt(AT_FDCWD, fromText(fixture.at(file)), O_PATH), `open ${file}`);
  unwrap(setXattr(fd, fromText(name), { value: toBytes(b(value)), flags: 0 }), `set ${name}`);
  close(fd);
}

async function get(fixture: Fixture, node: NodeId, name: string): Promise<string> {
  return byteString(await fixture.mirror.getxattr(node, b(name)));
}

async function list(fixture: Fixture, node: NodeId): Promise<string> {
  return byteString(await fixture.mirror.listxattr(node));
}

/** As a failed promise, also where the answer is known at once. */
async function getting(fixture: Fixture, node: NodeId, name: ByteString): Promise<Uint8Array> {
  return await fixture.mirror.getxattr(node, name);
}

const questions = (fixture: Fixture) => fixture.count(FileOp.GETXATTR) + fixture.count(FileOp.LISTXATTR);

Deno.test("setxattr(), getxattr(), listxattr() and removexattr() are what they are locally", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  await fixture.mirror.setxattr(node, b("user.\xff"), xattr("\0\x80"));
  await fixture.mirror.setxattr(node, b("user.b"), xattr(""));
  assert.deepEqual([await get(fixture, node, "user.\xff"), await get(fixture, node, "user.b")], ["\0\x80", ""]);
  assert.deepEqual((await list(fixture, node)).split("\0").sort(), ["", "user.b", "user.\xff"]);
  await fixture.mirror.removexattr(node, b("user.b"));
  assert.equal(await list(fixture, node), "user.\xff\0");
  await fails(Errno.ENODATA, () => getting(fixture, node, b("user.b")));
  await fails(Errno.ENODATA, () => fixture.mirror.removexattr(node, b("user.b")));
  await fails(Errno.EEXIST, () => fixture.mirror.setxattr(node, b("user.\xff"), xattr("", { flags: 1 })));
});

Deno.test("what a file has no extended attribute of costs no question while its attributes are believed", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "", "d/other": "" });
  const node = await fixture.walk("file");
  const other = await fixture.walk("d/other");
  const created = await fixture.create(ROOT, "new", O_RDWR);
  for (const id of [node, other, created.node, ROOT]) {
    if (id === ROOT) await fixture.mirror.getattr(ROOT, undefined);
    await fails(Errno.ENODATA, () => getting(fixture, id, ACL));
    await fails(Errno.ENODATA, () => getting(fixture, id, CAPABILITY));
    assert.equal(await list(fixture, id), "");
  }
  assert.equal(questions(fixture), 0);
  fixture.pass();
  await fails(Errno.ENODATA, () => getting(fixture, node, ACL));
  assert.equal(await list(fixture, node), "");
  assert.equal(questions(fixture), 2);
});

Deno.test("writing to a file keeps what is known of its extended attributes", async () => {
  using fixture = new Fixture();
  const { node, fh } = await fixture.create(ROOT, "new", O_RDWR);
  fixture.pass();
  await fixture.write(node, fh, "text");
  await fails(Errno.ENODATA, () => getting(fixture, node, CAPABILITY));
  assert.equal(questions(fixture), 0);
});

Deno.test("an extended attribute that a file has is asked for, and so is one that file systems do not list", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  setLocally(fixture, "file", "user.a", "value");
  const node = await fixture.walk("file");
  assert.equal(await get(fixture, node, "user.a"), "value");
  await fails(Errno.ENODATA, () => getting(fixture, node, b("user.none")));
  assert.equal(fixture.count(FileOp.GETXATTR), 2);
  await fails(Errno.ENODATA, () => getting(fixture, node, ACL));
  assert.equal(await list(fixture, node), "user.a\0");
  assert.equal(questions(fixture), 2);
});

Deno.test("a name is not taken for a part of another one", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  if (Deno.uid() === 0) setLocally(fixture, "file", "security.capabilityX");
  setLocally(fixture, "file", "user.security.capability");
  const node = await fixture.walk("file");
  await fails(Errno.ENODATA, () => getting(fixture, node, CAPABILITY));
  assert.equal(questions(fixture), 0);
});

Deno.test("our own change of an extended attribute is known at once", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  await fails(Errno.ENODATA, () => getting(fixture, node, ACL));
  const acl = "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\x39\x30\0\0\x04\0\x04\0\xff\xff\xff\xff" +
    "\x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
  await fixture.mirror.setxattr(node, ACL, xattr(acl));
  assert.equal(await get(fixture, node, ACL), acl);
  const { attr } = await fixture.mirror.getattr(node, undefined);
  assert.equal(attr.mode & 0o777, 0o660);
  await fixture.mirror.removexattr(node, ACL);
  await fails(Errno.ENODATA, () => getting(fixture, node, ACL));
  assert.equal(fixture.count(FileOp.GETXATTR), 1);
});

/** An ACL that lets user `id` write, and user 1 read. */
function aclFor(id: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, id, true);
  return "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\x01\0\0\0\x02\0\x06\0" + byteString(bytes) +
    "\x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
}

Deno.test("an ACL is shown without those whom the other machine cannot know, and not set in its place", async () => {
  using fixture = new Fixture({ hasId: (id) => id < 1000 });
  fixture.make({ file: "", other: "" });
  setLocally(fixture, "file", ACL, aclFor(3_000_000_000));
  setLocally(fixture, "other", ACL, aclFor(999));
  const [node, other] = [await fixture.walk("file"), await fixture.walk("other")];
  assert.equal(await get(fixture, other, ACL), aclFor(999));
  const shown = await get(fixture, node, ACL);
  assert.equal(shown, aclFor(3_000_000_000).replace("\x02\0\x06\0\x00\x5e\xd0\xb2", ""));
  assert.equal(shown.length, aclFor(1).length - 8);
  await fails(Errno.EOPNOTSUPP, () => fixture.mirror.setxattr(node, ACL, xattr(shown)));
  await fixture.mirror.setxattr(other, ACL, xattr(aclFor(998)));
  await fixture.mirror.removexattr(node, ACL);
  await fixture.mirror.setxattr(node, ACL, xattr(aclFor(5)));
  assert.equal(await get(fixture, node, ACL), aclFor(5));
});

Deno.test("what was told before our own change is not believed after it", async () => {
  using fixture = new Fixture();
  fixture.make({ "d/file": "" });
  const node = await fixture.walk("d/file");
  const change = fixture.mirror.setxattr(node, b("user.a"), xattr("1"));
  assert.equal(await list(fixture, node), "user.a\0");
  await change;
  assert.equal(await list(fixture, node), "user.a\0");
});

Deno.test("setxattr() passes on that the setgid bit goes, and survives a change of the content", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "old" });
  const node = await fixture.walk("file");
  fixture.make({ file: "changed locally" });
  await fixture.mirror.setxattr(node, b("user.a"), xattr("1", { killSetgid: true, flags: 1 }));
  const request = fixture.requests.find(({ op }) => op === FileOp.SETXATTR)!;
  const { killSetgid, flags } = decodeSetXattr(request.body);
  assert.deepEqual([killSetgid, flags], [true, 1]);
  assert.notEqual(await fixture.walk("file"), node);
  assert.equal(await fixture.content(await fixture.walk("file")), "changed locally");
});

Deno.test(
  "root's attributes are not listed, as the command cannot read them",
  { ignore: Deno.uid() !== 0 },
  async () => {
    using fixture = new Fixture();
    fixture.make({ file: "" });
    for (const name of ["trusted.a", "user.trusted.b", "trusted.c"]) setLocally(fixture, "file", name);
    const node = await fixture.walk("file");
    assert.equal(await list(fixture, node), "user.trusted.b\0");
    fixture.pass();
    assert.equal(await list(fixture, node), "user.trusted.b\0");
    assert.equal(fixture.count(FileOp.LISTXATTR), 1);
  },
);

Deno.test("a file system without ACLs is to the kernel one with none", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  fixture.pass();
  fixture.intercept = (incoming) => {
    if (incoming.op !== FileOp.GETXATTR) return false;
    incoming.fail(Errno.EOPNOTSUPP);
    return true;
  };
  await fails(Errno.ENODATA, () => getting(fixture, node, ACL));
  await fails(Errno.EOPNOTSUPP, () => getting(fixture, node, CAPABILITY));
});

Deno.test("the remote machine's own files have no extended attributes, and get none", async () => {
  using fixture = new Fixture({ overlay: rootOverlay() });
  const { nodeId } = await fixture.lookup(ROOT, "proc");
  await fails(Errno.ENODATA, () => getting(fixture, nodeId, b("user.a")));
  assert.equal(await list(fixture, nodeId), "");
  await fails(Errno.EROFS, () => fixture.mirror.setxattr(nodeId, b("user.a"), xattr("")));
  await fails(Errno.EROFS, () => fixture.mirror.removexattr(nodeId, b("user.a")));
});

Deno.test("extended attributes of an open file that was removed are still to be had", async () => {
  using fixture = new Fixture();
  fixture.make({ file: "" });
  const node = await fixture.walk("file");
  await fixture.mirror.setxattr(node, b("user.a"), xattr("1"));
  await fixture.open(node);
  await fixture.mirror.unlink(ROOT, b("file"));
  assert.equal(await get(fixture, node, "user.a"), "1");
  await fixture.mirror.setxattr(node, b("user.a"), xattr("2"));
  assert.equal(await get(fixture, node, "user.a"), "2");
});
