/** What the remote machine shows in the mirrored root instead of the local side. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type OverlayDirectory, rootOverlay } from "../../../lib/agent/root_overlay.ts";
import { Errno, O_WRONLY, S_IFDIR, S_IFMT, S_IFREG } from "../../../lib/linux/mod.ts";
import { caller, fails, Fixture, ROOT } from "./mirror_fixture.ts";
import { Sink } from "./sink.ts";

const b = (name: string) => name as ByteString;

/** An overlay with a mount point, a file with content, and one that the remote machine has not. */
function overlay(): OverlayDirectory {
  const { children } = rootOverlay();
  const dev = children.get(b("dev"))!;
  const content = new TextEncoder().encode("127.0.0.1 remote\n");
  const attr = { ...dev.attr!, ino: 0xfffe_0000_0000_0100n, mode: S_IFREG | 0o644, size: content.length };
  const etc: OverlayDirectory = {
    kind: "directory",
    children: new Map([
      [b("hosts"), { kind: "file", attr, content }],
      [b("resolv.conf"), { kind: "file", content: new Uint8Array() }],
    ]),
  };
  return {
    kind: "directory",
    children: new Map([[b("dev"), dev], [b("run"), children.get(b("run"))!], [b("etc"), etc]]),
  };
}

/** A mirror with that overlay over local files of the same names, but without a local run. */
function overlaid(): Fixture {
  const fixture = new Fixture({ overlay: overlay() });
  fixture.make({
    "dev/local": "",
    "etc/hosts": "127.0.0.1 local\n",
    "etc/passwd": "local",
    "other/hosts": "another",
    "other/dev": "another",
  });
  Deno.symlinkSync("/run/resolv.conf", fixture.at("etc/resolv.conf"));
  return fixture;
}

async function names(fixture: Fixture, node: number, plus: boolean): Promise<string[]> {
  const { fh } = await fixture.mirror.opendir(node, caller);
  const sink = new Sink({ plus });
  await fixture.mirror.readdir(node, { fh, offset: 0n }, sink);
  fixture.mirror.releasedir(node, fh);
  return sink.entries.map(({ name }) => name as string).slice(2).sort();
}

Deno.test("lookup() gives the remote machine's directories, there or not locally, without asking", async () => {
  using fixture = overlaid();
  for (const name of ["dev", "run"]) {
    const entry = await fixture.lookup(ROOT, name);
    assert.equal(entry.attr.mode & S_IFMT, S_IFDIR);
    assert.ok(entry.entryValid > 1000 && entry.attrValid > 1000);
    assert.equal((await fixture.lookup(ROOT, name)).nodeId, entry.nodeId);
    const { attr } = await fixture.mirror.getattr(entry.nodeId, undefined);
    assert.deepEqual(attr, entry.attr);
  }
  assert.equal(fixture.requests.length, 0);
});

Deno.test("lookup() below the remote machine's directories finds nothing, and asks nobody", async () => {
  using fixture = overlaid();
  const dev = await fixture.walk("dev");
  for (let i = 0; i < 3; i++) assert.equal((await fixture.lookup(dev, "local")).nodeId, 0);
  assert.deepEqual([fixture.requests, fixture.notes], [[], []]);
});

Deno.test("a file of the remote machine is read without asking", async () => {
  using fixture = overlaid();
  const hosts = await fixture.walk("etc/hosts");
  const asked = fixture.requests.length;
  const fh = await fixture.open(hosts);
  assert.equal(await fixture.read(hosts, { fh }), "127.0.0.1 remote\n");
  assert.equal(await fixture.read(hosts, { fh, offset: 10, size: 3 }), "rem");
  assert.equal(await fixture.read(hosts, { fh, offset: 100 }), "");
  await fixture.mirror.access(hosts, 4);
  await fixture.mirror.flush(hosts, fh, 1n);
  fixture.mirror.release(hosts, fh);
  assert.equal((await fixture.mirror.getattr(hosts, undefined)).attr.size, 17);
  assert.equal(fixture.requests.length, asked);
});

Deno.test("a file that the remote machine has not is not there, whatever is there locally", async () => {
  using fixture = overlaid();
  const etc = await fixture.walk("etc");
  assert.equal((await fixture.lookup(etc, "resolv.conf")).nodeId, 0);
});

Deno.test("the remote machine's files and names cannot be changed", async () => {
  using fixture = overlaid();
  const [dev, etc, hosts] = [await fixture.walk("dev"), await fixture.walk("etc"), await fixture.walk("etc/hosts")];
  const other = await fixture.walk("other");
  const { mirror } = fixture;
  await fails(Errno.EROFS, () => mirror.open(hosts, O_WRONLY, caller));
  await fails(Errno.EROFS, () => mirror.setattr(hosts, { mode: 0o600, killSuidgid: false }, caller));
  await fails(Errno.EROFS, () => mirror.unlink(etc, b("hosts")));
  await fails(Errno.EROFS, () => mirror.mkdir(ROOT, b("run"), { mode: 0o755, umask: 0 }, caller));
  await fails(Errno.EROFS, () => mirror.rmdir(ROOT, b("dev")));
  await fails(Errno.EROFS, () => mirror.mkdir(dev, b("x"), { mode: 0o755, umask: 0 }, caller));
  await fails(Errno.EROFS, () => mirror.symlink(etc, b("resolv.conf"), b("x"), caller));
  await fails(Errno.EROFS, () => mirror.rename(etc, b("hosts"), { parent: other, name: b("moved"), flags: 0 }));
  await fails(Errno.EROFS, () => mirror.rename(other, b("hosts"), { parent: etc, name: b("hosts"), flags: 0 }));
  await fails(Errno.EROFS, () => mirror.link(hosts, other, b("link"), caller));
  await fails(Errno.EROFS, () => fixture.create(etc, "resolv.conf", O_WRONLY));
  assert.equal(Deno.readTextFileSync(fixture.at("etc/hosts")), "127.0.0.1 local\n");
});

Deno.test("everything else, of the same names elsewhere too, is the local side's", async () => {
  using fixture = overlaid();
  assert.equal(await fixture.cat("etc/passwd"), "local");
  assert.equal(await fixture.cat("other/hosts"), "another");
  assert.equal(await fixture.cat("other/dev"), "another");
  await fixture.mirror.mkdir(await fixture.walk("etc"), b("new"), { mode: 0o755, umask: 0 }, caller);
  assert.ok(Deno.statSync(fixture.at("etc/new")).isDirectory);
});

for (const plus of [false, true]) {
  Deno.test(`readdir() ${plus ? "with" : "without"} attributes shows what lookup() gives`, async () => {
    using fixture = overlaid();
    const etc = await fixture.walk("etc");
    assert.deepEqual(await names(fixture, etc, plus), ["hosts", "passwd"]);
    assert.deepEqual(await names(fixture, await fixture.walk("dev"), plus), []);
    const { fh } = await fixture.mirror.opendir(etc, caller);
    const sink = new Sink({ plus });
    await fixture.mirror.readdir(etc, { fh, offset: 0n }, sink);
    const { ino, type } = sink.entries.find(({ name }) => name === "hosts")!;
    assert.deepEqual([ino, type], [0xfffe_0000_0000_0100n, 8]);
  });
}

Deno.test("a listing of the remote machine's directory can be read from its start again", async () => {
  using fixture = overlaid();
  const dev = await fixture.walk("dev");
  const { fh } = await fixture.mirror.opendir(dev, caller);
  for (let i = 0; i < 2; i++) {
    const sink = new Sink();
    await fixture.mirror.readdir(dev, { fh, offset: 0n }, sink);
    assert.deepEqual(sink.entries.map(({ name }) => name as string), [".", ".."]);
  }
  assert.equal(fixture.requests.length, 0);
});

Deno.test("the overlay stays at its place when the directory below it moves", async () => {
  using fixture = overlaid();
  const { mirror } = fixture;
  const other = await fixture.walk("other");
  await fixture.walk("etc/hosts");
  await mirror.rename(ROOT, b("etc"), { parent: other, name: b("etc"), flags: 0 });
  assert.equal(await fixture.content(await fixture.walk("other/etc/hosts")), "127.0.0.1 local\n");
  await mirror.rename(other, b("etc"), { parent: ROOT, name: b("etc"), flags: 0 });
  assert.equal(await fixture.content(await fixture.walk("etc/hosts")), "127.0.0.1 remote\n");
});

Deno.test("statfs() and fsyncdir() work on the remote machine's directories", async () => {
  using fixture = overlaid();
  const dev = await fixture.walk("dev");
  assert.ok((await fixture.mirror.statfs(dev)).bsize > 0);
  await fixture.mirror.fsyncdir(dev, 0, false);
});

Deno.test("nodes of the overlay are forgotten as others are", async () => {
  using fixture = overlaid();
  const [etc, hosts] = [await fixture.walk("etc"), await fixture.walk("etc/hosts")];
  fixture.mirror.forget(hosts, 1);
  fixture.mirror.forget(etc, 2);
  assert.equal(fixture.mirror.tree.nodes.size, 1);
  assert.equal(await fixture.content(await fixture.walk("etc/hosts")), "127.0.0.1 remote\n");
});

Deno.test("rootOverlay() shows dev, proc, run and sys, and this machine's files of the network", () => {
  const { children } = rootOverlay();
  assert.deepEqual([...children.keys()], ["dev", "proc", "run", "sys", "etc"]);
  const inos = new Set<bigint>();
  for (const name of ["dev", "proc", "run", "sys"]) {
    const entry = children.get(b(name))!;
    assert.equal(entry.kind, "directory");
    assert.equal(entry.attr!.mode, S_IFDIR | 0o755);
    inos.add(entry.attr!.ino);
  }
  const etc = children.get(b("etc")) as OverlayDirectory;
  assert.equal(etc.attr, undefined);
  for (const name of ["hosts", "resolv.conf"]) {
    const entry = etc.children.get(b(name))!;
    assert.ok(entry.kind === "file");
    const local = readOrUndefined(`/etc/${name}`);
    assert.equal(entry.attr?.size, local?.length);
    assert.deepEqual(entry.content, local ?? new Uint8Array());
    if (entry.attr) inos.add(entry.attr.ino);
    if (entry.attr) assert.equal(entry.attr.mode, S_IFREG | 0o644);
  }
  assert.ok(inos.size >= 5);
});

function readOrUndefined(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}
