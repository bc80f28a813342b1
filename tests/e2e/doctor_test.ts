/** `outrun doctor`: what it says of a machine, and that a run then does what it has said. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import { environment, here, on, Process, program } from "./support/mod.ts";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startHost({ name: "doctor", users: [{ name: "alice", uid: 1001 }] });
});
Deno.test.afterAll(() => host.stop());

/** What doctor says, by the names of the checks; a run of the same options and destination must end alike. */
async function examine(destination: string, options: string[] = ["--ssh", `-F "${host.sshConfig}"`]) {
  const doctor = await start([...options, "doctor", destination]);
  const run = await start([...options, "--", destination, "true"]);
  assert.equal(doctor.status, run.status, doctor.text + run.stderr);
  const lines = doctor.text.trimEnd().split("\n");
  const conclusion = lines.pop()!;
  const checks = new Map(
    lines.map((line) => [line.slice(6, 16).trim(), `${line.slice(0, 6).trim()} ${line.slice(16)}`]),
  );
  assert.equal(conclusion.startsWith("A command would run on"), doctor.status === 0);
  assert.equal(lines.some((line) => line.startsWith("FAIL ")), doctor.status !== 0, doctor.text);
  return { ...doctor, checks, runStderr: run.stderr };
}

async function start(args: string[], stdin?: "open") {
  await using process = new Process([program, ...args], { env: { ...environment }, stdin, timeoutMs: 120_000 });
  return await process.result();
}

Deno.test("doctor goes the way of a run, and says what it takes", async () => {
  const first = await examine("doctor");
  assert.deepEqual([first.status, first.stderr], [0, ""]);
  assert.deepEqual(
    [...first.checks.keys()],
    "outrun,carrier,files,command,login,system,loader,way in,FUSE,folder,agent,link,run".split(","),
  );
  assert.match(first.checks.get("agent")!, /^ok \d\d(\.\d)? MB were sent/);
  assert.equal(first.checks.get("way in"), "ok a login as root");
  assert.match(first.checks.get("link")!, /^ok \d+\.\d ms there and back, [\d.]+ MB\/s there, [\d.]+ MB\/s back$/);
  const again = await examine("doctor");
  assert.match(again.checks.get("folder")!, /^ok \/root\/.cache\/outrun, where this outrun is installed$/);
  assert.match(again.checks.get("agent")!, /^ok it is up after/);
});

Deno.test("a host that is called doctor is reached behind --", async () => {
  const { text } = await here.run([program, "--ssh", `-F "${host.sshConfig}"`, "--", "doctor", "hostname"], {
    timeoutMs: 120_000,
  });
  assert.equal(text, "doctor\n");
});

Deno.test("doctor measures the link", async () => {
  const link = await host.link({ rttMs: 40, mbit: 40 });
  const { checks } = await examine(link.alias);
  await link.close();
  const [rtt, up, down] = [...checks.get("link")!.matchAll(/[\d.]+/g)].map(Number);
  // 40 Mbit/s are 5 MB/s; less is a busy machine's.
  assert.ok(rtt >= 40 && up <= 5.5 && down <= 5.5 && up > 0 && down > 0, checks.get("link"));
});

Deno.test("doctor works through --rsh", async () => {
  const rsh = `env -i PATH=/usr/bin HOME=/root nsenter --mount --uts --ipc --net --pid --target ${host.facts.initPid}`;
  const { status, text } = await examine("-", ["--rsh", rsh]);
  assert.equal(status, 0);
  assert.ok(text.endsWith(`A command would run on "${rsh}"\n`));
});

Deno.test("doctor leaves its stdin alone", async () => {
  const script = '"$@" >/dev/null; cat';
  const words = on(host).words(["doctor"]).slice(0, -2);
  const { text } = await here.run(["sh", "-c", script, "sh", ...words, "doctor", "doctor"], {
    stdin: "for the next one",
    timeoutMs: 120_000,
  });
  assert.equal(text, "for the next one");
});

Deno.test("doctor says what is in the way, as a run does", async (t) => {
  const during = async (change: string, undo: string, use: () => Promise<void>) => {
    await host.exec(change);
    try {
      await use();
    } finally {
      await host.exec(undo);
    }
  };
  await t.step("several things at once, of which a run names the first", async () => {
    const uname = `printf '#!/bin/sh\\ncase $1 in -s) echo Darwin;; *) exec /bin/uname "$@";; esac\\n'`;
    const hide = "mv /dev/fuse /dev/away; mount --bind /dev/null /proc/filesystems; rm -rf /root/.cache/outrun";
    const show = "umount /proc/filesystems; mv /dev/away /dev/fuse; rm /usr/local/bin/uname";
    await during(`${uname} >/usr/local/bin/uname; chmod 755 /usr/local/bin/uname; ${hide}`, show, async () => {
      const { checks, runStderr } = await examine("doctor");
      assert.match(checks.get("system")!, /^FAIL .*it runs Darwin; choose a Linux machine$/);
      assert.match(checks.get("FUSE")!, /^FAIL .*there is no \/dev\/fuse and its kernel has no FUSE; load it/);
      assert.match(checks.get("run")!, /^- not looked at$/);
      assert.match(runStderr, /it runs Darwin/);
    });
  });
  await t.step("only seen by trying", async () => {
    await during("mv /usr/bin/unshare /usr/bin/away", "mv /usr/bin/away /usr/bin/unshare", async () => {
      const { checks } = await examine("doctor");
      assert.match(checks.get("run")!, /^FAIL .*unshare/);
      assert.match(checks.get("folder")!, /^ok /);
    });
  });
  await t.step("a user without root: whatever a run makes of it", async () => {
    const { checks } = await examine("alice@doctor");
    assert.match(checks.get("login")!, /^ok /);
  });
  await t.step("a host that is not there", async () => {
    const { status, checks, stderr } = await examine("no-host.invalid");
    assert.equal(status, 255);
    assert.match(checks.get("login")!, /^FAIL Cannot reach "no-host.invalid": ssh exited with status 255$/);
    assert.match(stderr, /no-host\.invalid/);
  });
  await t.step("no such program", async () => {
    const { status, checks } = await examine("h", ["--rsh", "no-such-rsh"]);
    assert.equal(status, 254);
    assert.match(checks.get("carrier")!, /^FAIL Cannot find "no-such-rsh" on this machine; install it$/);
  });
  await t.step("a configuration that cannot be used", async () => {
    const { status, text, stderr } = await start(["--config", "/nowhere", "doctor", "doctor"]);
    assert.deepEqual([status, text], [254, ""]);
    assert.match(stderr, /"\/nowhere": no such file/);
  });
});
