/** Locks exclude local programs and those elsewhere alike, and what they protect is seen by whoever has them. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  here,
  Locker,
  type Machine,
  makeFolder,
  on,
  type Process,
  processThere,
  startUsedHost,
  waitsForFuse,
} from "./support/mod.ts";

let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
});
Deno.test.afterAll(() => host.stop());

const UNAVAILABLE = "Resource temporarily unavailable";
const INTERRUPTED = "Interrupted system call";
/** F_WRLCK; what a lock that is in the way is told by: type, start, length, pid. */
const WRITE = 1;

/** A folder with a file in it, and lockers that have it open as `f`: one here, two elsewhere. */
async function withLockers(
  action: (lockers: { local: Locker; far: Locker; other: Locker; path: string }) => Promise<void>,
): Promise<void> {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/f`, "hello");
  await using local = await Locker.start(here, folder.path);
  await using far = await Locker.start(there, folder.path);
  await using other = await Locker.start(there, folder.path);
  for (const locker of [local, far, other]) assert.equal(await locker.tell("open f f rw"), "ok");
  await action({ local, far, other, path: folder.path });
}

/** Waits until a locker elsewhere waits for its lock; its number there. */
async function waits(locker: Locker): Promise<number> {
  const pid = await processThere(host, (line) => line.startsWith("perl") && line.endsWith(locker.name));
  await waitsForFuse(host, pid);
  return pid;
}

/** Runs `action` while a program holds a lock. */
async function whileHeld(
  machine: Machine,
  { cwd, command }: { cwd: string; command: string },
  action: (holder: Process) => Promise<void>,
): Promise<void> {
  await using holder = machine.start(["sh", "-c", command], { cwd, stdin: "open" });
  await holder.says("held");
  await action(holder);
}

const holding = "flock f sh -c 'echo held; cat'";

Deno.test("flock(1) excludes both ways", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  for (const [holder, other] of [[here, there], [there, here], [there, there]]) {
    await whileHeld(holder, { cwd, command: holding }, async (process) => {
      assert.equal((await other.run(["flock", "-n", "f", "echo", "had"], { cwd })).status, 1);
      assert.equal((await other.run(["flock", "-n", "-s", "f", "true"], { cwd })).status, 1);
      await using waiter = other.start(["flock", "f", "echo", "had"], { cwd });
      await process.closeInput();
      assert.equal((await waiter.result()).text, "had\n");
    });
  }
});

Deno.test("flock(1) shares, and upgrades", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await whileHeld(here, { cwd, command: holding.replace("flock", "flock -s") }, async () => {
    assert.equal((await there.run(["flock", "-n", "-s", "f", "echo", "had"], { cwd })).text, "had\n");
    assert.equal((await there.shell("exec 9<f; flock -n -s 9 && flock -n -x 9 || echo no", { cwd })).text, "no\n");
  });
  const script = "exec 9<f; flock -s 9 && flock -n -x 9 && (flock -n f true || echo excluded)";
  assert.equal((await there.shell(script, { cwd })).text, "excluded\n");
});

Deno.test("processes elsewhere exclude each other, also those that inherit the file", async () => {
  await using folder = await makeFolder();
  const script = `until_there() { until test -e $1; do sleep .02; done; }
    (flock 9; >held; until_there go) 9>f & until_there held; flock -n f echo wrong; >go; flock f echo had; wait
    (flock 9; (until_there on; echo child) & echo parent) 9>g; flock -n g echo wrong; >on; flock g echo last`;
  assert.equal((await there.shell(script, { cwd: folder.path })).text, "had\nparent\nchild\nlast\n");
});

Deno.test("ranges exclude each other byte by byte, and F_GETLK tells which is in the way", async () => {
  await withLockers(async ({ local, far, other }) => {
    assert.equal(await far.tell("set f write 10 10"), "ok");
    assert.equal(await local.tell("set f write 19 1"), UNAVAILABLE);
    assert.equal(await other.tell("set f read 0 0"), UNAVAILABLE);
    assert.equal(await local.tell("set f write 20 10"), "ok");
    assert.equal(await other.tell("set f write 0 10"), "ok");
    assert.equal(await far.tell("set f read 20 1"), UNAVAILABLE);
    assert.equal(await far.tell("test f read 20 0"), `${WRITE} 20 10 0`);
    assert.equal(await far.tell("test f write 12 1"), "free");
    assert.equal(await far.tell("set f unlock 12 1"), "ok");
    assert.equal(await local.tell("set f write 12 1"), "ok");
    assert.equal(await local.tell("set f write 13 0"), UNAVAILABLE);
    // To the last byte there can be, and a start beyond 4 GiB.
    assert.equal(await far.tell("set f write 4294967296 0"), "ok");
    assert.equal(await local.tell("test f read 9223372036854775806 1"), `${WRITE} 4294967296 0 -1`);
  });
});

Deno.test("F_GETLK tells the process that holds a lock within a session", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/f`, "");
  const script = `use Fcntl; open(F, "+<", "f"); my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 5, 1, 0);
    fcntl(F, F_SETLK, $lock) or die; my $parent = $$;
    if (!fork) { fcntl(F, F_GETLK, $lock); my @held = unpack("s s x4 q q i", $lock); print $held[4] == $parent ? "it" : "@held" }
    wait`;
  assert.equal((await there.run(["perl", "-e", script], { cwd: folder.path })).text, "it");
});

Deno.test("closing any descriptor of a file lets go of the process's locks on it, and nobody else's", async () => {
  await withLockers(async ({ local, far, other }) => {
    assert.equal(await far.tell("set f write 0 10"), "ok");
    assert.equal(await other.tell("set f write 10 10"), "ok");
    assert.equal(await far.tell("open again f r"), "ok");
    assert.equal(await far.tell("close again"), "ok");
    assert.equal(await local.tell("set f write 0 10"), "ok");
    assert.equal(await local.tell("set f write 10 1"), UNAVAILABLE);
  });
});

Deno.test("locks of open files (OFD) stay until the file is closed, and exclude the process's own", async () => {
  await withLockers(async ({ local, far, other }) => {
    assert.equal(await far.tell("ofd f write 0 10"), "ok");
    for (const locker of [local, other, far]) assert.equal(await locker.tell("set f write 5 1"), UNAVAILABLE);
    assert.equal(await local.tell("ofd f read 5 1"), UNAVAILABLE);
    assert.equal(await far.tell("ofdtest f write 5 1"), "free");
    assert.equal(await far.tell("open again f rw"), "ok");
    assert.equal(await far.tell("ofd again write 5 1"), UNAVAILABLE);
    assert.equal(await far.tell("close again"), "ok");
    assert.equal(await local.tell("set f write 5 1"), UNAVAILABLE);
    const waiting = await local.begin("ofdwait f write 0 0");
    assert.equal(await far.tell("close f"), "ok");
    assert.equal(await waiting.answer, "ok");
  });
});

Deno.test("a signal interrupts who waits elsewhere, and restarts it where the program wants that", async () => {
  await withLockers(async ({ local, far, other }) => {
    assert.equal(await local.tell("set f write 0 0"), "ok");
    assert.equal(await local.tell("flock f exclusive"), "ok");
    for (const command of ["wait f write 0 1", "flockwait f exclusive"]) {
      const waiting = await far.begin(command);
      await host.exec(`kill -ALRM ${await waits(far)}`);
      assert.equal(await waiting.answer, INTERRUPTED, command);
    }
    await other.tell("restart");
    const waiting = await other.begin("wait f write 0 1");
    await host.exec(`kill -ALRM ${await waits(other)}`);
    await other.process.says("alarm\n");
    assert.equal(await local.tell("set f unlock 0 0"), "ok");
    assert.equal(await waiting.answer, "ok");
    // Nothing is left of the wait that was interrupted.
    assert.equal(await other.tell("set f unlock 0 0"), "ok");
    assert.equal(await local.tell("set f write 0 0"), "ok");
  });
});

Deno.test("a lock is had that somebody else lets go of", async () => {
  await withLockers(async ({ local, far, other }) => {
    for (const holder of [local, far]) {
      assert.equal(await holder.tell("set f write 0 0"), "ok");
      const waiting = await other.begin("wait f write 0 0");
      await waits(other);
      await holder.tell("set f unlock 0 0");
      assert.equal(await waiting.answer, "ok");
      await other.tell("set f unlock 0 0");
    }
  });
});

Deno.test("who waits for each other is told EDEADLK", async () => {
  await using folder = await makeFolder();
  const script = `use strict; use Fcntl; use Errno; $| = 1; pipe(my $read, my $write); my $child = fork;
    open(my $file, "+>>", "f"); sub lock { fcntl($file, F_SETLKW, my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, $_[0], 1, 0)) }
    if (!$child) { lock(1); syswrite($write, "x"); print lock(0) ? "child has it\\n" : "child: $!\\n"; close $file; exit }
    lock(0); sysread($read, my $byte, 1); print lock(1) ? "parent has it\\n" : "parent: $!\\n"; close $file; wait`;
  const { text } = await there.run(["perl", "-e", script], { cwd: folder.path });
  // Whoever comes second closes the circle; the other has the lock when that one has gone.
  const ends = [["parent", "child"], ["child", "parent"]];
  const expected = ends.map(([second, first]) => `${second}: Resource deadlock avoided\n${first} has it\n`);
  assert.ok(expected.includes(text), text);
});

Deno.test("locks end with whoever holds them", async (t) => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const locks =
    `open F, "+>>", "f"; exit 1 unless flock F, 6 and fcntl F, 6, my $lock = pack "s s x4 q q i x4", 1, 0, 0, 0, 0`;
  const isFree = async () => (await here.run(["perl", "-e", locks], { cwd })).status === 0;
  const becomesFree = () => waitUntil(isFree, { failure: "it is still locked" });
  await t.step("kill -9 of the process", async () => {
    for (const lock of ["flock F, 2", 'fcntl F, 6, my $lock = pack "s s x4 q q i x4", 1, 0, 0, 0, 0']) {
      const command = `perl -e '$| = 1; open F, "+>>", "f"; ${lock} or die; print "held\\n"; sleep 1000' &
        read line; kill -9 $!; wait; echo killed; read line`;
      await whileHeld(there, { cwd, command }, async (session) => {
        assert.equal(await isFree(), false);
        await session.write("\n");
        await session.says("killed");
        await becomesFree();
        await session.closeInput();
      });
    }
  });
  await t.step("kill -9 of outrun", async () => {
    await whileHeld(there, { cwd, command: holding }, async (session) => {
      assert.equal(await isFree(), false);
      session.kill("SIGKILL");
      await becomesFree();
    });
  });
});

Deno.test("who waits can be killed, and gets nothing later", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await whileHeld(here, { cwd, command: holding }, async (holder) => {
    const script = "flock f sleep 12321 & read -r _; kill -9 $!; wait $!; echo $?; echo killed; cat";
    await using session = there.start(["sh", "-c", script], { cwd, stdin: "open" });
    await waitsForFuse(host, await processThere(host, (line) => line === "flock f sleep 12321"));
    await session.write("\n");
    await session.says("137\nkilled\n");
    await holder.closeInput();
    await holder.result();
    assert.equal((await here.run(["flock", "-n", "f", "echo", "free"], { cwd })).text, "free\n");
    await session.closeInput();
    assert.equal((await session.result()).status, 0);
  });
});

Deno.test("whoever has the lock sees what the last one wrote, and its size", async () => {
  await withLockers(async ({ local, far, other }) => {
    const all = [local, far, other, local, other, far, far, local];
    // All have read it, and may have kept that.
    for (const locker of all) assert.equal(await locker.tell("read f"), "[hello]");
    let content = "hello";
    for (const [i, locker] of all.entries()) {
      const type = i % 2 === 0 ? ["wait f write 0 0", "set f unlock 0 0"] : ["flockwait f exclusive", "flock f none"];
      assert.equal(await locker.tell(type[0]), "ok");
      assert.equal(await locker.tell("read f"), `[${content}]`);
      assert.equal(await locker.tell("size f"), `${content.length}`);
      const text = String(i).repeat(3000);
      assert.equal(await locker.tell(`write f ${content.length} ${text}`), "ok");
      assert.equal(await locker.tell(`write f 0 ${i}`), "ok");
      content = `${i}${content.slice(1)}${text}`;
      assert.equal(await locker.tell(type[1]), "ok");
    }
  });
});

Deno.test("counters that are kept under a lock lose nothing", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/counter`, "0000000000\n");
  const rounds = 100;
  const script = (lock: string, unlock: string) =>
    `use strict; use Fcntl qw(:DEFAULT :flock);
    open(my $file, "+<", "counter") or die; for (1 .. ${rounds}) {
    ${lock} or die $!; sysseek($file, 0, 0); sysread($file, my $data, 10); sysseek($file, 0, 0);
    syswrite($file, sprintf("%010d", $data + 1)); ${unlock} or die $! }`;
  const range = (type: string) => `fcntl($file, F_SETLKW, my $lock = pack("s s x4 q q i x4", ${type}, 0, 0, 0, 0))`;
  for (
    const [lock, unlock] of [["flock($file, LOCK_EX)", "flock($file, LOCK_UN)"], [range("F_WRLCK"), range("F_UNLCK")]]
  ) {
    await Deno.writeTextFile(`${cwd}/counter`, "0000000000\n");
    const program = ["perl", "-e", script(lock, unlock)];
    const twice = ["sh", "-c", 'perl -e "$1" & perl -e "$1" && wait', "sh", program[2]];
    const runs = [here.run(program, { cwd }), there.run(twice, { cwd }), there.run(program, { cwd })];
    for (const { status, stderr } of await Promise.all(runs)) assert.equal(status, 0, stderr);
    assert.equal(Number(await Deno.readTextFile(`${cwd}/counter`)), 4 * rounds, lock);
  }
});

Deno.test("an exclusive lock is let go of when all that was written is on the local side", async () => {
  await withLockers(async ({ local, far }) => {
    assert.equal(await far.tell("set f write 0 0"), "ok");
    assert.equal(await far.tell("fill f 48"), "ok");
    const waiting = await local.begin("wait f write 0 0");
    assert.equal(await far.tell("set f unlock 0 0"), "ok");
    assert.equal(await waiting.answer, "ok");
    assert.equal(await local.tell("size f"), String(48 << 20));
  });
});

Deno.test("SQLite writes one data base from both sides at once", async (t) => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const count = 60;
  const statements = (who: string) => {
    const lines = [".timeout 300000"];
    for (let i = 0; i < count; i++) {
      lines.push(`begin immediate; insert into t values ('${who}', ${i}, randomblob(abs(random()) % 6000)); commit;`);
      if (i % 5 === 4) lines.push(`delete from t where who = '${who}' and n = ${i - 2};`);
    }
    return lines.join("\n");
  };
  const kept = count - Math.floor(count / 5);
  for (const options of [[], ["--sync-writes"]]) {
    await t.step(`options: ${options.join(" ") || "none"}`, async () => {
      const database = `db${options.length}`;
      const table = "create table t (who text, n int, pad blob, primary key (who, n))";
      assert.equal((await here.run(["sqlite3", database, table], { cwd })).status, 0);
      const write = (machine: Machine, who: string) =>
        machine.run(["sqlite3", database], { cwd, stdin: statements(who), timeoutMs: 300_000 });
      const far = on(host, { options });
      const runs = await Promise.all([write(here, "local"), write(far, "far"), write(far, "farther")]);
      for (const { status, stderr } of runs) assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      const check = "pragma integrity_check; select who, count(*) from t group by who";
      const { text } = await here.run(["sqlite3", database, check], { cwd });
      assert.equal(text, `ok\nfar|${kept}\nfarther|${kept}\nlocal|${kept}\n`);
    });
  }
});
