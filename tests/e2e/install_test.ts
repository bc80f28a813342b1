/** The agent gets to a machine that never saw it, whatever becomes of the first attempt. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  environment,
  firstAndReuse,
  listed,
  makeUpdate,
  nothingIsLeft,
  on,
  type OutrunOptions,
  reportUses,
  type RunOptions,
  stateOf,
  Terminal,
  useOf,
} from "./support/mod.ts";

const folder = "/root/.cache/outrun";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startHost({ users: [{ name: "alice", uid: 1001 }] });
  // The first of all packs, and takes its time.
  await firstUse();
  await uninstall();
});
Deno.test.afterAll(() => host.stop());

const firstUse = (options: OutrunOptions & RunOptions = {}) => useOf(host, options);

async function uninstall(): Promise<void> {
  await host.exec("rm -rf /root/.cache /home/*/.cache /var/tmp/.outrun-* /tmp/.outrun-* /dev/shm/.outrun-*");
}

const isAgent = (name: string) => /^agent-[0-9a-f]{64}$/.test(name);

Deno.test("the first use uploads, the second does not", async () => {
  const before = await stateOf(host);
  assert.ok((await firstUse()).uploaded > 10_000_000);
  const names = await listed(host);
  assert.ok(names.length === 1 && isAgent(names[0]), names.join(" "));
  assert.equal((await firstUse()).uploaded, 0);
  const agent = `${folder}/agent-*`;
  const { stdout } = await host.exec(
    `stat -c '%a %U' ${folder} ${agent} ${folder}/cache-0; sha256sum ${agent} | cut -c 1-64`,
  );
  assert.equal(stdout, `700 root\n755 root\n700 root\n${names[0].slice("agent-".length)}\n`);
  await uninstall();
  await nothingIsLeft(host, before);
});

Deno.test("an update sends what has changed, and two versions are kept", async () => {
  await using next = await makeUpdate();
  const first = await firstUse();
  const update = await firstUse({ executable: next.path });
  assert.ok(update.uploaded > 0 && update.uploaded < 1_000_000, update.stderr);
  const [reuse, older] = [await firstUse({ executable: next.path }), await firstUse()];
  assert.deepEqual([reuse.uploaded, older.uploaded], [0, 0]);
  reportUses("Debian, login as root", { first, update, reuse });
  assert.deepEqual((await listed(host)).map(isAgent), [true, true]);
  const { stdout } = await host.exec(
    `cd ${folder}; for f in agent-*; do echo "$(sha256sum <$f | cut -c 1-64) $f"; done`,
  );
  for (const line of stdout.trim().split("\n")) assert.match(line, /^([0-9a-f]{64}) agent-\1$/);
  await uninstall();
});

Deno.test("an upload shows how far it is on a terminal, and nothing elsewhere", async () => {
  await uninstall();
  const link = await host.link({ mbit: 400 });
  await using terminal = new Terminal(on(host, { destination: link.alias }).words(["echo", "ran"]), { columns: 100 });
  assert.equal(await terminal.status(), 0);
  assert.match(
    terminal.shown,
    /outrun: copying itself to farhost-link\d \[#*-*\] \d+\.\d of \d+\.\d MB, \d+\.\d MB\/s/,
  );
  assert.match(terminal.shown, /\r {20,}\rran\r\n$/);
  await link.close();
  await uninstall();
  const { stderr } = await on(host).run(["true"]);
  assert.equal(stderr, "");
});

Deno.test("an agent that is not whole, or may not be executed, is installed anew", async (t) => {
  for (const harm of ["truncate -s 1000000", "chmod 644", "rm"]) {
    await t.step(harm, async () => {
      await firstUse();
      await host.exec(`${harm} ${folder}/agent-*`);
      // The runtime is taken from it where it is whole.
      const { uploaded } = await firstUse();
      assert.ok(harm === "chmod 644" ? uploaded > 0 && uploaded < 1_000_000 : uploaded > 10_000_000);
      assert.equal((await firstUse()).uploaded, 0);
    });
  }
});

/** Cuts the link in the midst of an upload; returns how many bytes are there then. */
async function cutUpload(): Promise<number> {
  await uninstall();
  // Slow enough for a look at it in between.
  const link = await host.link({ mbit: 20 });
  const sizeOfPart = async () => Number((await host.exec(`stat -c %s ${folder}/part-*`)).stdout);
  await using process = on(host, { destination: link.alias }).start(["true"]);
  await waitUntil(async () => await sizeOfPart() > 2_000_000, { failure: "no part of the upload" });
  await link.cut();
  const { status, text, stderr } = await process.result();
  assert.deepEqual([status, text], [255, ""]);
  assert.match(stderr, /^outrun: Lost the link to "[^"]+": ssh exited with status 255$/m);
  await link.close();
  await waitUntil(async () => (await host.pids()).size <= 3, { failure: "the cut session stays" });
  assert.equal((await listed(host)).length, 1);
  return await sizeOfPart();
}

Deno.test("an upload that was cut goes on where it stopped", async () => {
  const there = await cutUpload();
  const { uploaded, stderr } = await firstUse();
  const [, left, total] = /sending (\d+) of (\d+) bytes of base/.exec(stderr)!.map(Number);
  const [, program] = /sending (\d+) of \d+ bytes of payload/.exec(stderr)!.map(Number);
  assert.deepEqual([left, uploaded], [total - there, total - there + program]);
  assert.equal((await listed(host)).filter(isAgent).length, 1);
  assert.equal((await listed(host)).length, 1);
});

Deno.test("what was damaged of a cut upload is sent again", async () => {
  await cutUpload();
  await host.exec(`printf damage | dd of=$(echo ${folder}/part-*) bs=1 seek=1000000 conv=notrunc`);
  const { stderr } = await firstUse();
  assert.match(stderr, /arrived damaged .*once more/);
  assert.deepEqual((await listed(host)).map(isAgent), [true]);
});

Deno.test("first uses at once do not get into each other's way", async () => {
  await uninstall();
  const uses = await Promise.all([firstUse(), firstUse(), firstUse()]);
  assert.ok(uses.filter(({ uploaded }) => uploaded > 0).length >= 1);
  assert.deepEqual((await listed(host)).map(isAgent), [true]);
  assert.equal((await firstUse()).uploaded, 0);
});

// What is mounted for a step goes at its end, even if somebody of its session has not left yet.
Deno.test("the agent finds another folder", async (t) => {
  await t.step("where the home folder is read-only", async () => {
    await uninstall();
    await host.exec("mount --bind /root /root && mount -o remount,ro,bind /root");
    await firstAndReuse("home read-only", firstUse);
    assert.deepEqual((await listed(host, "/var/tmp/.outrun-0")).map(isAgent), [true]);
    await host.exec("umount -l /root");
  });
  await t.step("where no program may be run from it", async () => {
    await uninstall();
    await host.exec("mount -t tmpfs -o noexec tmpfs /root");
    await firstAndReuse("home noexec", firstUse);
    assert.deepEqual((await listed(host, "/var/tmp/.outrun-0")).map(isAgent), [true]);
    await host.exec("umount -l /root");
  });
  await t.step("where a link of another user lies in wait", async () => {
    await uninstall();
    await host.exec(
      "mount -t tmpfs -o ro tmpfs /root; mkdir /home/alice/trap; ln -s /home/alice/trap /var/tmp/.outrun-0",
    );
    await firstAndReuse("home read-only, another user's link in /var/tmp", firstUse);
    assert.deepEqual(await listed(host, "/home/alice/trap"), []);
    assert.deepEqual((await listed(host, "/tmp/.outrun-0")).map(isAgent), [true]);
    await host.exec("umount -l /root; rm -rf /home/alice/trap");
  });
  await uninstall();
});

Deno.test("a login of another user becomes root by sudo", async () => {
  await host.exec("echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice");
  const alice = { destination: "alice@farhost" };
  await firstAndReuse("login of another user", () => firstUse(alice));
  assert.deepEqual((await listed(host, "/home/alice/.cache/outrun")).map(isAgent), [true]);
  const { text, stderr } = await on(host, alice).shell('id -u; echo "$HOME"; exit 0');
  assert.deepEqual([text, stderr], [`0\n${environment.HOME}\n`, ""]);
  await host.exec("rm /etc/sudoers.d/alice");
});

Deno.test("a login that talks does not disturb", async (t) => {
  const noise =
    "echo noise; printf 'no line end'; printf '\\377\\000binary'; echo to stderr >&2; cd /; alias sh=false; set -u";
  await host.exec(`cp /root/.bashrc /tmp/bashrc; cat >/root/.bashrc <<'EOF'\n${noise}\nEOF\necho motd >/etc/motd`);
  for (const shell of ["/bin/bash", "/bin/dash", "/bin/rbash"]) {
    await t.step(shell, async () => {
      await host.exec(`usermod -s ${shell} root`);
      const { status, text, stderr } = await on(host).shell("cat; hostname", { stdin: "in\n" });
      assert.deepEqual([status, text], [0, "in\nfarhost\n"], stderr);
      assert.match(stderr, /^(to stderr\n)?$/);
      await uninstall();
      await firstAndReuse(`${shell} with a noisy rc file and motd`, firstUse);
    });
  }
  await host.exec("usermod -s /bin/bash root; mv /tmp/bashrc /root/.bashrc; rm /etc/motd");
});
