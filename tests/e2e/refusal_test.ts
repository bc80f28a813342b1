/** What the other machine cannot do is said in one line, and leaves nothing there. */
import assert from "node:assert/strict";
import { type Host, type HostOptions, startHost } from "../hosts/mod.ts";
import {
  firstAndReuse,
  here,
  makeFolder,
  nothingIsLeft,
  on,
  type OutrunOptions,
  program,
  reportRefusal,
  stateOf,
  useOf,
} from "./support/mod.ts";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startHost({ users: [{ name: "alice", uid: 1001 }] });
});
Deno.test.afterAll(() => host.stop());

interface Refused extends OutrunOptions {
  readonly status?: number;
  /** What the host is called in reports. */
  readonly label?: string;
}

/** Asserts that `true` is refused on a host in a line of outrun's, and that nothing is left there. */
async function refuses(on_: Host, line: RegExp, options: Refused = {}): Promise<void> {
  const before = await stateOf(on_);
  const result = await on(on_, options).run(["true"]);
  const { status, text, stderr } = result;
  if (options.label !== undefined) reportRefusal(options.label, result);
  assert.deepEqual([status, text], [options.status ?? 254, ""], stderr);
  const lines = stderr.trimEnd().split("\n").map((text) => text.trimEnd());
  // ssh may have told its part before.
  const own = lines.filter((text) => text.startsWith("outrun: "));
  assert.equal(own.length, 1, stderr);
  assert.equal(lines.at(-1), own[0], stderr);
  assert.ok(lines.length === (options.status === 255 ? lines.length : 1), stderr);
  assert.match(own[0], line);
  await nothingIsLeft(on_, before);
}

/** Changes the host by a script, for the time of `use`. */
async function during(change: string, undo: string, use: () => Promise<void>): Promise<void> {
  await host.exec(change);
  try {
    await use();
  } finally {
    await host.exec(undo);
  }
}

/** Puts a program into PATH there, for the time of `use`. */
function withProgram(name: string, script: string, use: () => Promise<void>): Promise<void> {
  const path = `/usr/local/bin/${name}`;
  return during(`printf '#!/bin/sh\\n%s\\n' '${script}' >${path}; chmod 755 ${path}`, `rm ${path}`, use);
}

Deno.test("another kind of machine", async (t) => {
  await t.step("processor", async () => {
    const uname = 'case $1 in -sm) echo Linux aarch64;; -m) echo aarch64;; *) exec /bin/uname "$@";; esac';
    await withProgram(
      "uname",
      uname,
      () => refuses(host, /its processor is aarch64, this machine's x86_64: .*choose/, { label: "another processor" }),
    );
  });
  await t.step("system", async () => {
    const uname = 'case $1 in -sm) echo Darwin x86_64;; -s) echo Darwin;; *) exec /bin/uname "$@";; esac';
    await withProgram("uname", uname, () => refuses(host, /it runs Darwin; choose a Linux machine/));
  });
});

Deno.test("a refused login", async (t) => {
  await using folder = await makeFolder();
  await here.shell("ssh-keygen -q -t ed25519 -N '' -f other", { cwd: folder.path });
  const text = await Deno.readTextFile(host.sshConfig);
  const sshConfig = `${folder.path}/config`;
  await t.step("wrong key", async () => {
    await Deno.writeTextFile(sshConfig, text.replace(/IdentityFile .*/, `IdentityFile "${folder.path}/other"`));
    await refuses(host, /Cannot reach "farhost": ssh exited with status 255/, { sshConfig, status: 255 });
  });
  await t.step("changed host key", async () => {
    const [type, key] = (await Deno.readTextFile(`${folder.path}/other.pub`)).split(" ");
    await Deno.writeTextFile(`${folder.path}/known_hosts`, `farhost ${type} ${key}\n`);
    await Deno.writeTextFile(
      sshConfig,
      text.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile "${folder.path}/known_hosts"`),
    );
    await refuses(host, /Cannot reach "farhost": ssh exited with status 255/, { sshConfig, status: 255 });
  });
  await t.step(
    "no such user",
    () => refuses(host, /Cannot reach/, { destination: "nobody-at-all@farhost", status: 255 }),
  );
  await t.step("a login shell that refuses", async () => {
    await host.exec("usermod -s /usr/sbin/nologin alice");
    await refuses(host, /Cannot use the shell on "alice@farhost": .*This account is currently not available/, {
      destination: "alice@farhost",
      label: "a login shell that refuses (nologin)",
    });
  });
});

Deno.test("a link that is dead from the start", async () => {
  const link = await host.link({});
  await link.stall();
  await refuses(host, /Cannot reach/, { destination: link.alias, options: ["--timeout", "1"], status: 255 });
  await link.resume();
  await link.close();
});

Deno.test("a kernel without FUSE", async () => {
  const hide = "mv /dev/fuse /dev/away; mount --bind /dev/null /proc/filesystems";
  await during(
    hide,
    "umount -l /proc/filesystems; mv /dev/away /dev/fuse",
    () =>
      refuses(host, /there is no \/dev\/fuse and its kernel has no FUSE; load it \(modprobe fuse\)/, {
        label: "login as root, a kernel without FUSE",
      }),
  );
});

Deno.test("no namespaces", async (t) => {
  await on(host).run(["true"]);
  await t.step("no program to make them", async () => {
    await during(
      "mv /usr/bin/unshare /usr/bin/away",
      "mv /usr/bin/away /usr/bin/unshare",
      () => refuses(host, /Cannot find unshare on the remote; install util-linux there/),
    );
  });
  await t.step("the kernel refuses", async () => {
    const refusal = 'echo "unshare: unshare failed: No space left on device" >&2; exit 1';
    await withProgram(
      "unshare",
      refusal,
      () => refuses(host, /Cannot make namespaces on the remote: unshare: unshare failed: No space left on device/),
    );
  });
});

/** A root with the executable, and its loader and libraries in other places than anybody looks. */
const elsewhere = `set -e
mount -t tmpfs none /mnt; cd /mnt; mkdir -p lib64 opt/lib proc dev
touch outrun lib64/ld-linux-x86-64.so.2; mount --bind "$0" outrun
mount --bind /lib64/ld-linux-x86-64.so.2 lib64/ld-linux-x86-64.so.2
for name in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libgcc_s.so.1; do
  cp -L /lib/x86_64-linux-gnu/$name opt/lib/
done
mount --rbind /proc proc; mount --rbind /dev dev
exec chroot . /outrun host true`;

Deno.test("outrun on a machine with its C library elsewhere", async () => {
  const { status, text, stderr } = await here.run(["unshare", "-m", "sh", "-c", elsewhere, program], {
    env: { LD_LIBRARY_PATH: "/opt/lib" },
  });
  assert.deepEqual([status, text], [254, ""], stderr);
  assert.match(
    stderr,
    /^outrun: Cannot load the C library: not found at \/lib\/x86.*; start outrun where glibc is .*\n$/,
  );
});

/** On a host of its own. */
async function hostRefuses(options: HostOptions, line: RegExp, label: string): Promise<void> {
  await using host = await startHost({ name: "poorhost", ...options });
  await refuses(host, line, { label });
}

Deno.test("no room", async (t) => {
  await t.step("anywhere", async () => {
    await hostRefuses(
      { size: "20m" },
      /Cannot install on "poorhost": .* has \d+ MB free and needs \d+ MB; make room there/,
      "no room anywhere",
    );
  });
  await t.step("at home only: another folder is taken", async () => {
    await using host = await startHost({ homeSize: "5m" });
    await firstAndReuse("home full", () => useOf(host));
    assert.equal((await host.exec("ls -d /var/tmp/.outrun-0/agent-* | wc -l")).stdout, "1\n");
  });
});

Deno.test("a device node that is missing, or closed to others, is no obstacle", async (t) => {
  const hosts = { "no /dev/fuse": { remove: ["/dev/fuse"] }, "/dev/fuse of mode 0600": { fuseMode: "0600" } } as const;
  for (const [label, options] of Object.entries(hosts)) {
    await t.step(label, async () => {
      await using host = await startHost(options);
      await firstAndReuse(label, () => useOf(host));
      const { status, text, stderr } = await on(host).shell("hostname; cat /etc/passwd | wc -l >/dev/null");
      assert.deepEqual([status, text, stderr], [0, "farhost\n", ""]);
    });
  }
});

Deno.test("a server with little liberty is enough", async () => {
  await using host = await startHost({
    sshdConfig: [
      "MaxSessions 1",
      "AllowTcpForwarding no",
      "PermitTTY no",
      "X11Forwarding no",
      "AllowAgentForwarding no",
    ],
  });
  await firstAndReuse("sshd: MaxSessions 1, no forwarding, no terminal", () => useOf(host));
});
