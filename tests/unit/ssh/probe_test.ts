import assert from "node:assert/strict";
import { describeProbe, judgeProbe, obstacles, parseProbe } from "../../../lib/ssh/probe.ts";

const line =
  "os=Linux arch=x86_64 uid=0 root=self libc=glibc fuse=device tools=,zstd,sha256sum bars= said= present= fit=yes room=2048 " +
  "dir=/a b";
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
    bars: [],
    said: "",
    present: false,
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
    [{ fuse: "none" }, /^Cannot use "h": there is no \/dev\/fuse.*modprobe fuse/],
    [{ fit: "room" }, /^Cannot install on "h": \/a b has 2 MB free and needs 124 MB; make room there$/],
    [{ fit: "none", dir: "" }, /^Cannot install on "h": no folder there.*set XDG_CACHE_HOME/],
  ];
  for (const [fact, message] of cases) {
    assert.throws(() => judgeProbe({ ...good, ...fact }, wanted), { message, name: "DialError", exitStatus: 254 });
  }
});

Deno.test("judgeProbe() says all that keeps a user from doing without root, and who can help", () => {
  const intro = 'Cannot use "h": user 1000 is not root there, sudo -n and doas -n do not help, and without root ';
  const cases: [Partial<typeof good>, string][] = [
    [
      { fuse: "none" },
      "there must be a /dev/fuse; have an administrator load it (modprobe fuse; of a container: start " +
      "it with --device /dev/fuse --cap-add SYS_ADMIN)",
    ],
    [
      { fuse: "closed:crw-rw----:0:44", bars: ["user/max_user_namespaces=0"] },
      "/dev/fuse (crw-rw----, owner 0:44) must be open to this user, and namespaces must be allowed " +
      "(user.max_user_namespaces is 0); have an administrator chmod 666 /dev/fuse and sysctl user.max_user_namespaces=10000",
    ],
    [
      { bars: ["kernel/unprivileged_userns_clone=0"] },
      "namespaces must be allowed (kernel.unprivileged_userns_clone is 0); have an administrator sysctl " +
      "kernel.unprivileged_userns_clone=1",
    ],
    [
      { bars: ["kernel/apparmor_restrict_unprivileged_userns=1"] },
      "AppArmor must let users make user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1); have an " +
      "administrator sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ],
    [
      { bars: ["tools"], tools: ["sudo"] },
      "it must have unshare or perl; have an administrator install util-linux; or " +
      "give --sudo, for sudo with a password",
    ],
    [
      { said: "unshare: unshare failed: Operation not permitted" },
      'user namespaces must be permitted ("unshare: unshare failed: Operation not permitted"); have an administrator ' +
      "permit them (a container or a service manager may forbid them by seccomp, a chroot always does)",
    ],
  ];
  for (const [fact, message] of cases) {
    const probe = { ...good, root: "none", uid: "1000", ...fact };
    assert.throws(() => judgeProbe(probe, wanted), { message: intro + message, name: "DialError", exitStatus: 254 });
  }
});

Deno.test("obstacles() gives everything that is in the way, by the side that it is of", () => {
  assert.deepEqual([...obstacles(good, wanted)], []);
  const bad = { ...good, os: "FreeBSD", arch: "aarch64", fuse: "none", root: "none", fit: "none" };
  const found = [...obstacles(bad, wanted)];
  assert.deepEqual(found.map(({ check }) => check), ["system", "way in", "FUSE", "folder"]);
  assert.throws(() => judgeProbe(bad, wanted), { message: found[0].message });
});

Deno.test("describeProbe() says what is going to be used", () => {
  assert.deepEqual(describeProbe(good), {
    system: "Linux on x86_64",
    loader: "its own, of glibc",
    "way in": "a login as root",
    FUSE: "/dev/fuse",
    folder: "/a b, 2 MB free",
  });
  assert.equal(describeProbe({ ...good, libc: "other" }).loader, "this machine's, sent along");
  const other = describeProbe({ ...good, root: "doas", present: true, room: NaN });
  assert.deepEqual([other["way in"], other.folder], ["root by doas -n", "/a b, where this outrun is installed"]);
});
