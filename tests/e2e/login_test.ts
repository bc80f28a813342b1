/** Ways to log in that ask the user, or lead through another machine. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { firstAndReuse, type Folder, makeFolder, on, program, startUsedHost, Terminal, useOf } from "./support/mod.ts";

let host: Host;
let folder: Folder;
Deno.test.beforeAll(async () => {
  folder = await makeFolder();
  host = await startUsedHost({
    users: [{ name: "alice", uid: 1001 }],
    sshdConfig: ["PasswordAuthentication yes", "PermitEmptyPasswords no"],
  });
  await host.exec("echo alice:secret | chpasswd; echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice");
});
Deno.test.afterAll(async () => {
  await host.stop();
  await folder[Symbol.asyncDispose]();
});

/** The host's configuration with other lines before it: ssh takes the first value it sees. */
async function configured(name: string, lines: string): Promise<string> {
  const path = `${folder.path}/${name}`;
  await Deno.writeTextFile(path, `${lines}\n${await Deno.readTextFile(host.sshConfig)}`);
  return path;
}

Deno.test("a new host's key and a password are asked for on the terminal, while stdin is a pipe", async () => {
  const ask = `BatchMode no\nStrictHostKeyChecking ask\nUserKnownHostsFile ${folder.path}/known`;
  const sshConfig = await configured("asking", `${ask}\nPubkeyAuthentication no\nPreferredAuthentications password`);
  const run =
    `echo from the pipe | ${program} --ssh '-F ${sshConfig}' alice@farhost sh -c 'cat; hostname' >${folder.path}/out`;
  await using terminal = new Terminal(["/bin/sh", "-c", run]);
  await terminal.shows("(yes/no/[fingerprint])?");
  terminal.type("yes\r");
  await terminal.shows("password: ");
  terminal.type("secret\r");
  assert.equal(await terminal.status(), 0, terminal.shown);
  assert.equal(await Deno.readTextFile(`${folder.path}/out`), "from the pipe\nfarhost\n");
  assert.doesNotMatch(terminal.shown, /secret/);
});

Deno.test("a machine behind another one is reached by ProxyJump", async () => {
  const sshConfig = await configured("jumping", "Host inner\n  HostName 127.0.0.1\n  Port 22\n  ProxyJump farhost\n");
  const { status, text, stderr } = await on(host, { sshConfig, destination: "inner" }).shell("cat; hostname", {
    stdin: "in\n",
  });
  assert.deepEqual([status, text], [0, "in\nfarhost\n"], stderr);
  await host.exec("rm -r /root/.cache/outrun");
  await firstAndReuse("behind another machine (ProxyJump)", () => useOf(host, { sshConfig, destination: "inner" }));
});
