/** What keeps a login that is not root from running anything is told exactly; and a password of sudo's helps. */
import assert from "node:assert/strict";
import { type Host, type HostOptions, startHost } from "../hosts/mod.ts";
import {
  firstAndReuse,
  installAgent,
  makeFolder,
  nothingIsLeft,
  on,
  processThere,
  reportRefusal,
  stateOf,
  Terminal,
  useOf,
} from "./support/mod.ts";

const alice = { destination: "alice@farhost" };
const users = [{ name: "alice", uid: 1001 }];

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startHost({ users });
  await installAgent(host, "alice");
});
Deno.test.afterAll(() => host.stop());

/** Asserts that alice is refused in one line of outrun's, and that nothing is left there. `lacking` is for the report. */
async function refuses(there: Host, line: RegExp, lacking: string): Promise<void> {
  const before = await stateOf(there);
  const result = await on(there, alice).run(["true"]);
  const { status, text, stderr } = result;
  reportRefusal(`ordinary user, ${lacking}`, result);
  assert.deepEqual([status, text], [254, ""], stderr);
  assert.match(stderr, line);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  await nothingIsLeft(there, before);
}

async function hostRefuses(options: HostOptions, line: RegExp, lacking: string): Promise<void> {
  await using there = await startHost({ users, ...options });
  await refuses(there, line, lacking);
}

const intro = '^outrun: Cannot use "alice@farhost": user 1001 is not root there, sudo -n and doas -n do not help, ' +
  "and without root ";
const outro = "; or give --sudo, for sudo with a password\n$";

Deno.test("no FUSE device, or one that is closed to the user", async (t) => {
  await t.step("none", async () => {
    const line =
      "there must be a /dev/fuse; have an administrator load it \\(modprobe fuse; of a container: start it with " +
      "--device /dev/fuse --cap-add SYS_ADMIN\\)";
    await hostRefuses({ remove: ["/dev/fuse"] }, new RegExp(intro + line + outro), "no /dev/fuse");
  });
  await t.step("mode 0600", async () => {
    const line =
      "/dev/fuse \\(crw-------, owner 0:0\\) must be open to this user; have an administrator chmod 666 /dev/fuse";
    await hostRefuses({ fuseMode: "0600" }, new RegExp(intro + line + outro), "/dev/fuse of mode 0600");
  });
});

/** A login shell that starts in a user namespace in which no more of a kind can be made. */
async function cage(kind: string): Promise<void> {
  const inside =
    `echo 0 >/proc/sys/user/max_${kind}_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all bash "$@"`;
  const shell = `#!/bin/sh\nexec unshare --map-user=1001 --map-group=1001 --keep-caps sh -c '${inside}' bash "$@"\n`;
  await Deno.writeTextFile(`/proc/${host.facts.initPid}/root/usr/local/bin/caged`, shell, { mode: 0o755 });
  await host.exec("usermod -s /usr/local/bin/caged alice");
}

async function uncage(): Promise<void> {
  await host.exec("usermod -s /bin/bash alice");
}

Deno.test("namespaces that are switched off", async (t) => {
  for (const kind of ["user", "mnt"]) {
    await t.step(kind, async () => {
      await cage(kind);
      try {
        const line = `namespaces must be allowed \\(user.max_${kind}_namespaces is 0\\); ` +
          `have an administrator sysctl user.max_${kind}_namespaces=10000`;
        await refuses(host, new RegExp(intro + line + outro), `no ${kind} namespaces`);
      } finally {
        await uncage();
      }
    });
  }
});

Deno.test("no tools to make namespaces with", async () => {
  const tools = "/usr/bin/unshare /usr/bin/perl /usr/bin/busybox";
  await host.exec(`for tool in ${tools}; do mv $tool $tool.away; done`);
  try {
    await refuses(
      host,
      new RegExp(`${intro}it must have unshare or perl; have an administrator install util-linux${outro}`),
      "neither unshare nor perl",
    );
  } finally {
    await host.exec(`for tool in ${tools}; do mv $tool.away $tool; done`);
  }
});

const busy = `setsid sleep 1000 </dev/null >/dev/null 2>&1 & sleep 1000 &
  (setsid sh -c 'trap "" HUP TERM INT; sleep 1000; sleep 1000' >/dev/null 2>&1 &)
  echo ready; while :; do sleep .1; echo x >>log; done`;

Deno.test("a container that permits no new /proc: no pid namespace, and nothing is left all the same", async (t) => {
  await using there = await startHost({ users: [...users, { name: "bob", uid: 1002, ranges: true }], maskProc: true });
  await installAgent(there, "alice");
  await installAgent(there, "bob");
  await using folder = await makeFolder();
  const before = await stateOf(there);
  for (const login of ["alice", "bob"]) {
    await t.step(login, async () => {
      const machine = on(there, { destination: `${login}@farhost`, options: ["--debug"] });
      const script = "hostname; (setsid sleep 1000 &) ; setsid sleep 1000 & test -e /proc/$$/exe; echo $?";
      const { text, stderr } = await machine.shell(script, { cwd: folder.path });
      assert.equal(text, "farhost\n0\n", stderr);
      assert.match(stderr, /it is a container that permits no new \/proc: no pid namespace/);
      await nothingIsLeft(there, before);
      await there.exec(`rm -r /home/${login}/.cache/outrun`);
      const use = () => useOf(there, { destination: `${login}@farhost` });
      await firstAndReuse("container that permits no new /proc", use);
    });
  }
  const machine = on(there, alice);
  await t.step("what was collected is written before lseek() looks for it", async () => {
    const script =
      "exec 3<>sparse; printf x >&3; truncate -s 1M sparse; perl -e 'seek(STDIN, 0, 4); print tell STDIN' <&3";
    assert.equal((await machine.shell(script, { cwd: folder.path })).status, 0);
  });
  for (const victim of ["the agent", "outrun"]) {
    await t.step(`${victim} is killed`, async () => {
      await using process = machine.start(["bash", "-c", busy], { cwd: folder.path });
      await process.says("ready\n");
      if (victim === "outrun") process.kill("SIGKILL");
      else await there.exec(`kill -9 ${await processThere(there, (line) => /^\S*\/agent-\w+ agent /.test(line))}`);
      await process.result();
      await nothingIsLeft(there, before);
    });
  }
});

Deno.test("--sudo asks for the password once, on the terminal", async (t) => {
  await host.exec("echo alice:open-sesame | chpasswd; echo 'alice ALL=(ALL) ALL' >/etc/sudoers.d/alice");
  const machine = on(host, { ...alice, options: ["--sudo", "--debug"] });
  const prompt = "Password for sudo on alice@farhost: ";
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/input`, "from a pipe\n");
  const command = [
    "sh",
    "-c",
    `cat input | ${machine.words(["sh", "-c", "id -u; cat; hostname"]).map(quoted).join(" ")}`,
  ];
  await t.step("and stdin is a pipe", async () => {
    await using terminal = new Terminal(command, { cwd: folder.path });
    await terminal.shows(prompt);
    terminal.type("open-sesame\n");
    // Among what --debug says.
    await terminal.shows(/\n0\r\n[^]*from a pipe\r\n[^]*farhost\r\n/);
    assert.equal(await terminal.status(), 0);
    assert.equal(terminal.shown.includes("open-sesame"), false, terminal.shown);
    assert.match(terminal.shown, /is started as root: by sudo, with a password/);
    assert.equal(terminal.shown.split(prompt).length, 2);
  });
  await t.step("nor is it anywhere to be seen while the command runs", async () => {
    await using terminal = new Terminal(machine.words(["sh", "-c", "echo ready; sleep 1000"]), { cwd: folder.path });
    await terminal.shows(prompt);
    terminal.type("open-sesame\n");
    await terminal.shows("ready");
    const { stdout } = await host.exec(
      "for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <$f; done 2>/dev/null | grep -c 'open-[s]esame'; " +
        "grep -rl 'open-[s]esame' /home /tmp /var/tmp /root /run 2>/dev/null",
    );
    assert.equal(stdout, "0\n");
    terminal.type("\x03");
    assert.equal(await terminal.status(), 130);
  });
  await t.step("a wrong one ends it", async () => {
    await using terminal = new Terminal(command, { cwd: folder.path });
    await terminal.shows(prompt);
    terminal.type("open-barley\n");
    assert.equal(await terminal.status(), 254);
    assert.match(
      terminal.shown,
      /Cannot become root on "alice@farhost": sudo says ".*incorrect password.*"; try again/,
    );
  });
  await t.step("Ctrl-C at the question", async () => {
    await using terminal = new Terminal(machine.words(["true"]), { cwd: folder.path });
    await terminal.shows(prompt);
    terminal.type("\x03");
    assert.equal(await terminal.status(), 130);
  });
  await t.step("without a terminal there is nobody to ask", async () => {
    const { status, stderr } = await on(host, { ...alice, options: ["--sudo"] }).run(["true"]);
    assert.equal(status, 254);
    assert.match(stderr, /^outrun: Cannot ask for sudo's password on "alice@farhost": there is no terminal/);
  });
  await t.step("no question where root is to be had without", async () => {
    await host.exec("echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice");
    const { text, stderr } = await machine.shell("id -u");
    assert.equal(text, "0\n");
    assert.match(stderr, /as root: sudo -n works/);
  });
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
