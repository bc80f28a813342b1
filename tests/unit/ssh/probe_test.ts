import assert from "node:assert/strict";
import { judgeProbe, parseProbe } from "../../../lib/ssh/probe.ts";

const line =
  "os=Linux arch=x86_64 uid=0 root=self libc=glibc fuse=device tools=,zstd,sha256sum fit=yes room=2048 dir=/a b";
const good = parseProbe(line.split(" "));
const wanted = { target: "h", arch: "x86_64", size: 86_000_000 };

Deno.test("parseProbe() reads every fact, and a folder with blanks", () => {
  assert.deepEqual(good, {
    os: "Linux",
    arch: "x86_64",
    uid: "0",
    root: "self",
    libc: "glibc",
    fuse: "device",
    tools: ["zstd", "sha256sum"],
    fit: "yes",
    room: 2048,
    dir: "/a b",
  });
});

Deno.test("parseProbe() takes nonsense for missing facts", () => {
  const probe = parseProbe(["", "=", "x", "os", "=5", "later=1", "room="]);
  assert.equal(probe.os, "");
  assert.ok(Number.isNaN(probe.room));
  assert.throws(() => judgeProbe(probe, wanted), /it runs an unknown system/);
});

Deno.test("judgeProbe() accepts a machine that can run the agent", () => {
  judgeProbe(good, wanted);
  for (const root of ["sudo", "doas"]) judgeProbe({ ...good, root }, wanted);
  judgeProbe({ ...good, fuse: "driver" }, wanted);
  judgeProbe({ ...good, libc: "other" }, wanted);
});

Deno.test("judgeProbe() says in one line what is in the way and what to do", () => {
  const cases: [Partial<typeof good>, RegExp][] = [
    [{ os: "FreeBSD" }, /^Cannot use "h": it runs FreeBSD; choose a Linux machine$/],
    [{ arch: "aarch64" }, /^Cannot use "h": its processor is aarch64, this machine's x86_64: .*choose a machine/],
    [{ root: "none", uid: "1000" }, /^Cannot use "h": user 1000 is not root there.*log in as root/],
    [{ fuse: "none" }, /^Cannot use "h": there is no \/dev\/fuse.*modprobe fuse/],
    [{ fit: "room" }, /^Cannot install on "h": \/a b has 2 MB free and needs 124 MB; make room there$/],
    [{ fit: "none", dir: "" }, /^Cannot install on "h": no folder there.*set XDG_CACHE_HOME/],
  ];
  for (const [fact, message] of cases) {
    assert.throws(() => judgeProbe({ ...good, ...fact }, wanted), { message, name: "DialError", exitStatus: 254 });
  }
});
