import assert from "node:assert/strict";
import { bindNow } from "../../../lib/linux/mod.ts";
import { sshCarrier } from "../../../lib/ssh/argv.ts";
import { removeSocket, shareConnection } from "../../../lib/ssh/share_connection.ts";

// Loaded here, not in a test, where it would count as a leak.
bindNow();

/** Runs `test` where ssh says `said` of the configuration. */
async function withSsh(
  said: string,
  test: (where: { dir: string; asked: () => string[] }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const before = { PATH: Deno.env.get("PATH")!, XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") };
  try {
    await Deno.writeTextFile(`${dir}/ssh`, `#!/bin/sh\necho "$*" >>${dir}/asked\n${said}\n`, { mode: 0o755 });
    Deno.env.set("PATH", `${dir}:${before.PATH}`);
    Deno.env.set("XDG_RUNTIME_DIR", dir);
    const asked = () => Deno.readTextFileSync(`${dir}/asked`).trim().split("\n");
    await test({ dir, asked });
  } finally {
    Deno.env.set("PATH", before.PATH);
    if (before.XDG_RUNTIME_DIR === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before.XDG_RUNTIME_DIR);
    await Deno.remove(dir, { recursive: true });
  }
}

/** What a channel's ssh is given, whatever else: it cannot connect, and cannot ask. */
const cannot = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "BatchMode=yes"];

Deno.test("shareConnection() makes ssh a master with a socket of ours where none is named", async () => {
  await withSsh("echo user root; echo controlmaster false", async ({ dir, asked }) => {
    const carrier = sshCarrier("h", { args: "-p 22" });
    const { argv, channel, socket } = await shareConnection(carrier, dir);
    assert.ok(socket!.startsWith(`${dir}/outrun-`));
    assert.throws(() => Deno.statSync(socket!), Deno.errors.NotFound);
    const master = ["-o", "ControlMaster=yes", "-o", `ControlPath=${socket}`, "-o", "ControlPersist=no"];
    assert.deepEqual(argv, [...carrier.argv.slice(0, -3), ...master, "--", "h", "sh"]);
    assert.deepEqual(channel!.slice(2, 2 + cannot.length), cannot);
    assert.deepEqual(channel!.slice(-7), ["-F", "none", "-o", `ControlPath=${socket}`, "--", "h", "sh"]);
    assert.deepEqual(asked(), ["-G -T -p 22 -- h"]);
    // Known from here on; another word, or another state of the configuration, is another question.
    const again = await shareConnection(carrier, dir);
    assert.notEqual(again.socket, socket);
    assert.equal(asked().length, 1);
    await shareConnection(sshCarrier("h", { args: `-F ${dir}/config` }), dir);
    await Deno.writeTextFile(`${dir}/config`, "");
    await shareConnection(sshCarrier("h", { args: `-F${dir}/config` }), dir);
    await shareConnection(sshCarrier("h", { args: `-F${dir}/config` }), dir);
    assert.equal(asked().length, 3);
  });
});

Deno.test("shareConnection() makes no socket where others could have one in its place, or where none can be made", async () => {
  await withSsh("echo user root", async ({ dir }) => {
    for (const spoil of [() => Deno.chmodSync(dir, 0o777), () => Deno.env.set("XDG_RUNTIME_DIR", "/proc")]) {
      spoil();
      const carrier = sshCarrier("h");
      assert.deepEqual(await shareConnection(carrier, dir), carrier);
    }
  });
});

Deno.test("shareConnection() leaves the user's own socket to the user", async () => {
  await withSsh("echo controlpath ~/.ssh/%C", async ({ dir }) => {
    const carrier = sshCarrier("h", { args: "-p 22" });
    const { argv, channel, socket } = await shareConnection(carrier, dir);
    assert.deepEqual([argv, socket], [carrier.argv, undefined]);
    assert.deepEqual(channel!.slice(2, 2 + cannot.length), cannot);
    assert.deepEqual(channel!.slice(-5), ["-p", "22", "--", "h", "sh"]);
  });
});

Deno.test("shareConnection() changes nothing where sharing is switched off, ssh fails, or the way is another", async () => {
  for (const said of ["echo controlpath none", "echo controlmaster autoask", "exit 255"]) {
    await withSsh(said, async ({ dir, asked }) => {
      const carrier = sshCarrier("h");
      assert.deepEqual(await shareConnection(carrier, dir), carrier);
      // A failure is not remembered.
      assert.deepEqual(await shareConnection(carrier, dir), carrier);
      assert.equal(asked().length, said === "exit 255" ? 2 : 1);
    });
  }
  await withSsh("", async ({ dir }) => {
    Deno.removeSync(`${dir}/ssh`);
    Deno.env.set("PATH", dir);
    const carrier = sshCarrier("h");
    assert.deepEqual(await shareConnection(carrier, dir), carrier, "no ssh");
  });
  const carrier = { argv: ["docker"], target: "h", asksUser: true };
  assert.equal(await shareConnection(carrier, "/nowhere"), carrier);
});

Deno.test("removeSocket() removes what ssh has left, if anything", async () => {
  const socket = await Deno.makeTempFile();
  const carrier = { argv: [], target: "h", asksUser: true, socket };
  removeSocket(carrier);
  removeSocket(carrier);
  assert.throws(() => Deno.statSync(socket), Deno.errors.NotFound);
});
