import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Errno } from "../../../lib/linux/mod.ts";
import {
  decodePage,
  encodeAccess,
  encodeBind,
  encodeCreate,
  encodeLink,
  encodeMake,
  encodeName,
  encodeOpen,
  encodeReadDir,
  encodeRef,
  encodeRename,
  encodeSetAttr,
  encodeSymlink,
  FileNote,
  FileOp,
} from "../../../lib/protocol/mod.ts";
import { Fixture } from "./fixture.ts";

const remote = ["dev", "proc", "run", "sys"];

Deno.test("the remote machine's trees are seen at the top, and cannot be entered", () => {
  using fixture = new Fixture();
  for (const name of remote) Deno.mkdirSync(fixture.at(`${name}/inner`), { recursive: true });
  remote.forEach((name, i) => {
    fixture.bind(2 + i, name);
    assert.equal(fixture.directoryErrno(2 + i), Errno.EACCES);
    fixture.notify(FileNote.BIND, encodeBind({ id: 10 + i, parent: 2 + i, name: fromText("inner"), dev: 1, ino: 1n }));
    assert.equal(fixture.directoryErrno(10 + i), Errno.EACCES);
  });
  const listing = fixture.ask(FileOp.READDIR, encodeReadDir({ dir: 1, cookie: 0n, budget: 4096 }));
  assert.deepEqual(decodePage(listing).entries.map((entry) => entry.name as string).sort(), remote);
  assert.match(fixture.log[0], /"\/dev"/);
});

Deno.test("nothing but attributes is to be had of the remote machine's trees", () => {
  using fixture = new Fixture();
  Deno.writeTextFileSync(fixture.at("file"), "");
  const name = fromText("sys");
  const file = fixture.ref("file");
  const absent: [number, Uint8Array][] = [
    [FileOp.SYMLINK, encodeSymlink({ dir: 1, name, target: fromText("x") })],
    [FileOp.MKNOD, encodeMake({ dir: 1, name, mode: 0o644, umask: 0, rdev: 0 })],
    [FileOp.MKDIR, encodeMake({ dir: 1, name, mode: 0o755, umask: 0, rdev: 0 })],
    [FileOp.CREATE, encodeCreate({ dir: 1, name, fh: 1, flags: 2, mode: 0o644, umask: 0 })],
    [FileOp.LINK, encodeLink({ ref: file, toDir: 1, toName: name })],
    [FileOp.RENAME, encodeRename({ dir: 1, name: fromText("file"), toDir: 1, toName: name, flags: 0 })],
  ];
  for (const [op, body] of absent) assert.equal(fixture.errno(op, body), Errno.EACCES, `operation ${op}`);
  Deno.writeTextFileSync(fixture.at("sys"), "");
  const ref = fixture.ref("sys");
  const present: [number, Uint8Array][] = [
    [FileOp.UNLINK, encodeName({ dir: 1, name })],
    [FileOp.RMDIR, encodeName({ dir: 1, name })],
    [FileOp.RENAME, encodeRename({ dir: 1, name, toDir: 1, toName: fromText("x"), flags: 0 })],
    [FileOp.LINK, encodeLink({ ref, toDir: 1, toName: fromText("x") })],
    [FileOp.OPEN, encodeOpen({ ref, fh: 1, flags: 0 })],
    [FileOp.SETATTR, encodeSetAttr({ ref, mode: 0 })],
    [FileOp.READLINK, encodeRef(ref)],
    [FileOp.STATFS, encodeRef(ref)],
    [FileOp.ACCESS, encodeAccess({ ref, mask: 4 })],
  ];
  for (const [op, body] of present) assert.equal(fixture.errno(op, body), Errno.EACCES, `operation ${op}`);
  assert.equal(fixture.errno(FileOp.GETATTR, encodeRef(ref)), 0);
});

Deno.test("names like those of the remote machine's trees are free elsewhere", () => {
  using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("usr/sys"), { recursive: true });
  fixture.bind(2, "usr");
  fixture.bind(3, "sys", 2);
  assert.equal(fixture.directoryErrno(3), 0);
});

Deno.test("another file system may be entered, but none of the kernel's own, wherever it is mounted", () => {
  using fixture = new Fixture({ root: fromText("/dev") });
  fixture.bind(2, "shm");
  assert.equal(fixture.directoryErrno(2), 0);
  fixture.bind(3, "pts");
  assert.equal(fixture.directoryErrno(3), Errno.EACCES);
  assert.match(fixture.log[0], /0x1cd1/);
});

Deno.test("/proc of this machine cannot be reached from the root", () => {
  using fixture = new Fixture({ root: fromText("/") });
  fixture.bind(2, "proc");
  assert.equal(fixture.directoryErrno(2), Errno.EACCES);
  const refused = ["self", "1"].map((name) => encodeName({ dir: 2, name: fromText(name) }));
  for (const body of refused) assert.equal(fixture.errno(FileOp.LOOKUP, body), Errno.EACCES);
});

Deno.test(
  "a single file of the kernel's that is mounted over another cannot be opened",
  { ignore: Deno.uid() !== 0 },
  () => {
    const directory = Deno.makeTempDirSync({ prefix: "outrun_fileserver_" });
    const script = 'touch "$1/plain" "$1/mem" "$1/foreign" && mount --bind /proc/self/mem "$1/mem" && ' +
      'mount -t tmpfs outrun /mnt && echo foreign >/mnt/file && mount --bind /mnt/file "$1/foreign" && ' +
      'shift && exec "$@"';
    const probe = new URL("./mounted_files.ts", import.meta.url).pathname;
    const { stdout, stderr } = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", script, "sh", directory, Deno.execPath(), "run", "-A", "--no-check", probe, directory],
    }).outputSync();
    Deno.removeSync(directory, { recursive: true });
    const output = new TextDecoder().decode(stdout);
    assert.notEqual(output, "", new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(output), { plain: 0, mem: Errno.EACCES, created: Errno.EACCES, foreign: 0 });
  },
);
