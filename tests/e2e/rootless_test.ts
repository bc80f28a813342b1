/** A login that is not root, and cannot become it: the command runs as locally all the same, and is nobody else's to see. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import {
  firstAndReuse,
  here,
  installAgent,
  inventUser,
  type Machine,
  makeFolder,
  nothingIsLeft,
  on,
  type Process,
  processThere,
  stateOf,
  Terminal,
  useOf,
  type User,
} from "./support/mod.ts";

const ids = { uid: 12345, gid: 12346, groups: [12346, 27] };
/** alice has one id there, bob ranges of them; carol is somebody else, and dave has the local user's id. */
const users = [
  { name: "alice", uid: 1001 },
  { name: "bob", uid: 1002, ranges: true },
  { name: "carol", uid: 1003 },
  { name: "dave", uid: ids.uid },
];

let host: Host;
let user: User;
Deno.test.beforeAll(async () => {
  host = await startHost({ users });
  await Promise.all(["alice", "bob"].map((name) => installAgent(host, name)));
  user = await inventUser(host, ids);
});
Deno.test.afterAll(async () => {
  await host.stop();
  await user[Symbol.asyncDispose]();
});

/** The local user on another machine, by way of a login there; `options` are outrun's. */
function by(login: string, options: readonly string[] = [], there = host): Machine {
  return on(there, { destination: `${login}@${there.alias}`, options, sshConfig: user.sshConfig });
}

/** How the local user runs something. */
function asUser(): { prefix: readonly string[]; env: Record<string, string>; cwd: string } {
  return { prefix: user.prefix, env: user.env, cwd: user.home };
}

/** Runs a script as the local user: its lines, and what --debug says of the way. */
async function lines(machine: Machine, script: string): Promise<string[]> {
  const { status, text, stderr } = await machine.shell(script, asUser());
  assert.equal(status, 0, stderr);
  return text.trimEnd().split("\n");
}

async function wayOf(login: string, there = host): Promise<string> {
  const { status, stderr } = await by(login, ["--debug"], there).shell("true", asUser());
  assert.equal(status, 0, stderr);
  return /the agent on \S+ is started (.*)/.exec(stderr)![1];
}

/** The first use of a login and another one, by local root, whose uploads are packed. */
async function measure(label: string, login: string): Promise<void> {
  await host.exec(`rm -rf /home/${login}/.cache/outrun`);
  await firstAndReuse(label, () => useOf(host, { destination: `${login}@farhost` }));
}

/** Changes the host for the time of `use`. */
async function during(change: string, undo: string, use: () => Promise<void>): Promise<void> {
  await host.exec(change);
  try {
    await use();
  } finally {
    await host.exec(undo);
  }
}

const identity =
  "hostname; id -u; id -g; grep -c ^Cap.*0000000000000000 /proc/self/status; touch made; stat -c '%u %g' made";
const asLocally = ["farhost", "12345", "12346", "4", "12345 12346"];

Deno.test("the command is the local user there, without capabilities", async (t) => {
  for (const login of ["alice", "bob"]) {
    await t.step(login, async () => {
      const before = await stateOf(host);
      assert.deepEqual(await lines(by(login), identity), asLocally);
      const made = await Deno.stat(`${user.home}/made`);
      assert.deepEqual([made.uid, made.gid], [ids.uid, ids.gid]);
      await nothingIsLeft(host, before);
    });
  }
});

Deno.test("the first use without root uploads, the second does not", async () => {
  await measure("ordinary user", "alice");
  await measure("ordinary user with ranges of ids", "bob");
});

Deno.test("--debug says which way was taken, and why", async () => {
  assert.match(await wayOf("alice"), /^without root, with one id: sudo -n and doas -n do not help, and .* no ranges/);
  assert.match(await wayOf("bob"), /^without root, with the user's ranges of ids: /);
  await during("echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice", "rm /etc/sudoers.d/alice", async () => {
    assert.match(await wayOf("alice"), /^as root: sudo -n works$/);
  });
});

/** An unshare as old as that of util-linux 2.34, or none. */
const hideOptions =
  'for word; do case $word in --map-* | --keep-caps) echo "unshare: unrecognized option" >&2; exit 1 ;; esac; ' +
  'done; exec /usr/bin/unshare.new "$@"';
const oldUnshare = `mv /usr/bin/unshare /usr/bin/unshare.new
printf '#!/bin/sh\\n%s\\n' '${hideOptions}' >/usr/bin/unshare; chmod 755 /usr/bin/unshare`;
const newUnshare = "mv /usr/bin/unshare.new /usr/bin/unshare";

Deno.test("other tools do as well", async (t) => {
  await during(oldUnshare, newUnshare, async () => {
    for (const login of ["alice", "bob"]) {
      await t.step(`an old unshare, and perl: ${login}`, async () => {
        const before = await stateOf(host);
        assert.deepEqual(await lines(by(login), identity), asLocally);
        await nothingIsLeft(host, before);
        await measure("ordinary user, an old unshare and perl", login);
      });
    }
    await t.step("an old unshare alone: shown as root, with a warning", async () => {
      await during("mv /usr/bin/perl /usr/bin/perl.away", "mv /usr/bin/perl.away /usr/bin/perl", async () => {
        const { text, stderr } = await by("alice").shell(identity, asUser());
        assert.deepEqual(text.trimEnd().split("\n"), ["farhost", "0", "0", "4", "0 0"]);
        assert.match(
          stderr,
          /^outrun: alice@farhost has neither a new unshare nor perl: the command sees itself as root/,
        );
      });
    });
  });
  await t.step("perl without any unshare", async () => {
    await during("mv /usr/bin/unshare /usr/bin/unshare.new", newUnshare, async () => {
      assert.deepEqual(await lines(by("alice"), identity), asLocally);
      await measure("ordinary user, perl and no unshare", "alice");
    });
  });
  await t.step("busybox alone", async () => {
    const hide = "for tool in unshare perl; do mv /usr/bin/$tool /usr/bin/$tool.away; done";
    await during(hide, "for tool in unshare perl; do mv /usr/bin/$tool.away /usr/bin/$tool; done", async () => {
      assert.deepEqual(await lines(by("alice"), identity), ["farhost", "0", "0", "4", "0 0"]);
      await measure("ordinary user, busybox alone", "alice");
    });
  });
});

Deno.test("local root is root there, in its own namespace", async () => {
  for (const login of ["alice", "bob"]) {
    const there = on(host, { destination: `${login}@farhost` });
    await using folder = await makeFolder();
    const { text } = await there.shell("id -u; touch made; stat -c %u made; cat /etc/shadow | head -c 5", {
      cwd: folder.path,
    });
    assert.equal(text, "0\n0\nroot:");
  }
});

/** Files of root and of others, in the modes that make a difference. */
const foreign = `
mkdir strange open sticky closed search list; chmod 1777 sticky; chmod 777 open
for mode in 600 644 622 640 755 744; do
  printf '#!/bin/sh\\necho ran\\n' >strange/$mode; chmod $mode strange/$mode
done
for mode in 640 660 750; do cp strange/644 strange/group-$mode; chgrp 27 strange/group-$mode; chmod $mode strange/group-$mode; done
for mode in 600 666; do cp strange/644 sticky/$mode; chmod $mode sticky/$mode; cp -p sticky/$mode open/; done
for dir in closed search list; do echo x >$dir/file; mkdir $dir/sub; done
chmod 700 closed; chmod 711 search; chmod 744 list
chown 4000000000:4000000000 strange/622; chmod 777 .`;

/** What a user can do with them, each thing in words. */
const attempts = `
say() { echo "$1 $?"; }
for file in strange/*; do
  test -r $file; say "r $file"; test -w $file; say "w $file"; test -x $file; say "x $file"
  cat $file >/dev/null 2>&1; say "read $file"; $file >/dev/null 2>&1; say "run $file"
  { echo y >>$file; } 2>/dev/null; say "append $file"; chmod 777 $file 2>/dev/null; say "chmod $file"
  rm -f $file 2>/dev/null; say "rm $file"
done
for file in sticky/*; do
  ln $file hard 2>/dev/null; say "link $file"; mv $file $file.new 2>/dev/null; say "mv $file"; rm -f hard
done
for file in sticky/* open/*; do rm -f $file 2>/dev/null; say "rm $file"; done
echo own >sticky/own; say own; rm sticky/own; say "rm own"; echo a >open/own; say open
for dir in closed search list; do
  [ $dir = list ] || ls $dir >/dev/null 2>&1; say "ls $dir"; cat $dir/file 2>/dev/null; say "cat $dir"; stat $dir/file >/dev/null 2>&1
  say "stat $dir"; (cd $dir 2>/dev/null); say "cd $dir"; touch $dir/new 2>/dev/null; say "touch $dir"
  test -e $dir/sub; say "test $dir"
done
for file in strange/*; do cat $file >/dev/null 2>&1; say "again $file"; done
stat -c '%A %n' strange/* closed search list`;

Deno.test("files of others are as open to the command as they are locally", async () => {
  const results: string[] = [];
  for (const machine of [here, by("alice")]) {
    await using folder = await makeFolder();
    const { success } = await new Deno.Command("sh", { args: ["-ec", foreign], cwd: folder.path }).output();
    assert.ok(success);
    const { text } = await machine.shell(attempts, { ...asUser(), cwd: folder.path, timeoutMs: 120_000 });
    results.push(text);
  }
  const [expected, ...actual] = results.map((text) => text.split("\n"));
  assert.ok(expected.length > 100, `${expected.length}`);
  for (const found of actual) assert.deepEqual(found, expected);
});

/** A command that is busy in every way. */
const busy = `setsid sleep 1000 </dev/null >/dev/null 2>&1 & sleep 1000 &
  exec 3>dirty; echo unwritten >&3; nohup setsid sh -c 'trap "" HUP TERM INT; sleep 1000; sleep 1000' >/dev/null 2>&1 &
  echo ready; while :; do sleep .1; echo x >>log; done`;
const isAgent = (line: string) => /^\S*\/agent-\w+ agent /.test(line);

/** Runs the busy command, has `end` do its worst to it, and looks what is left. */
async function afterwards(
  machine: Machine,
  end: (running: Process) => void | Promise<void>,
  there = host,
): Promise<void> {
  const before = await stateOf(there);
  await using process = machine.start(["bash", "-c", busy], asUser());
  await process.says("ready\n");
  assert.ok((await stateOf(there)).mounts.length > 0);
  await end(process);
  await process.result();
  await nothingIsLeft(there, before);
}

Deno.test("nothing is left, whoever dies", async (t) => {
  const there = by("alice");
  const kill = (test: (line: string) => boolean) => async () => {
    await host.exec(`kill -9 ${await processThere(host, test)}`);
  };
  await t.step("the agent", () => afterwards(there, kill(isAgent)));
  await t.step(
    "what waits for the agent",
    () => afterwards(there, kill((line) => line.startsWith("unshare --map-user"))),
  );
  await t.step(
    "the first process of the namespace",
    () => afterwards(there, kill((line) => line === "sh -c cat; exit")),
  );
  await t.step("outrun", () => afterwards(there, (process) => process.kill("SIGKILL")));
});

Deno.test("a terminal is the command's", async () => {
  await using terminal = new Terminal([...user.prefix, ...by("alice").words(["bash", "--norc"])], asUser());
  terminal.type("tty; exec 2>/dev/tty; sleep 1000\n");
  await terminal.shows(/\/dev\/pts\/\d+/);
  await processThere(host, (line) => line === "sleep 1000");
  terminal.type("\x03");
  terminal.type("echo again $((6 * 7))\n");
  await terminal.shows("again 42");
  terminal.type("exit 5\n");
  assert.equal(await terminal.status(), 5);
});

Deno.test("nobody else there can see the files, the environment or the process", async (t) => {
  for (const login of ["alice", "bob"]) {
    await t.step(login, async () => {
      await using process = by(login).start(["sh", "-c", "echo ready; exec sleep 4321"], asUser());
      await process.says("ready\n");
      const pid = await processThere(host, (line) => line === "sleep 4321");
      const agent = await processThere(host, isAgent);
      const intruder = (name: string, script: string) =>
        host.exec(`setpriv --reuid=${name} --regid=${name} --clear-groups sh -c '${script}'`);
      for (const name of ["carol", "dave"]) {
        assert.equal((await intruder(name, "ls /proc/self/root/")).code, 0);
        for (const it of [pid, agent]) {
          for (
            const script of [`ls /proc/${it}/root/`, `cat /proc/${it}/environ`, `kill -0 ${it}`, `ls /proc/${it}/fd/`]
          ) {
            assert.notEqual((await intruder(name, script)).code, 0, `${name}: ${script}`);
          }
        }
      }
      process.kill("SIGTERM");
      await process.result();
    });
  }
});

Deno.test("the remote's own root is out of reach of the command", async () => {
  const links = ["root", "cwd", "exe", "fd/0", "ns/mnt"].map((link) => `readlink /proc/1/${link}`).join("; ");
  const { text } = await by("alice").shell(`${links}; ls /proc/1/root; cat /proc/1/environ; ps -e -o args`, asUser());
  assert.equal(text.includes("farhost") || text.includes("agent-"), false, text);
  const mounts = await lines(by("alice"), "awk '{ print $5 }' /proc/self/mountinfo");
  assert.deepEqual(mounts.filter((path) => !/^\/($|(dev|proc|run|sys)(\/|$))/.test(path)), []);
});

Deno.test("contents are kept, and looked after, without root", async () => {
  await lines(by("alice"), "cat /etc/passwd >/dev/null");
  const sized = await new Deno.Command(user.prefix[0], {
    args: [...user.prefix.slice(1), ...by("alice").words([]).slice(0, -1), "cache", "size", "alice@farhost"],
    env: { ...user.env },
  }).output();
  assert.match(
    new TextDecoder().decode(sized.stdout),
    /^[1-9]\d* of \d+ entries/,
    new TextDecoder().decode(sized.stderr),
  );
  assert.match((await host.exec("ls /home/alice/.cache/outrun")).stdout, /^cache-1001$/m);
});
