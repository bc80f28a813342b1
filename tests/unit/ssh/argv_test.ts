import assert from "node:assert/strict";
import { deafArgv } from "../../../lib/ssh/argv.ts";
import { DialError, sshCarrier } from "../../../lib/ssh/mod.ts";

Deno.test("sshCarrier() puts the user's words first and the destination behind --", () => {
  const { argv, target } = sshCarrier("root@host", { args: "-p 2222 -i '/a b'", timeoutMs: 2500 });
  const limits = ["-o", "ConnectTimeout=3", "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=3"];
  const own = ["-o", "RemoteCommand=none", ...limits];
  assert.deepEqual(argv, ["ssh", "-T", "-p", "2222", "-i", "/a b", ...own, "--", "root@host", "sh"]);
  assert.equal(target, "root@host");
  assert.ok(!sshCarrier("h").argv.join(" ").includes("Connect"));
});

Deno.test("sshCarrier() refuses a destination that ssh would take for an option", () => {
  assert.throws(() => sshCarrier("-oProxyCommand=touch /tmp/x"), DialError);
  assert.throws(() => sshCarrier(""), DialError);
});

Deno.test("sshCarrier() refuses words that ssh would take for the destination", () => {
  assert.throws(() => sshCarrier("h", { args: "other" }), /--ssh "other": it takes ssh's options/);
});

Deno.test("deafArgv() starts the program itself, with the keyboard's signals ignored and its words unharmed", async () => {
  const argv = ["sh", "-c", 'grep SigIgn /proc/self/status; echo "$$ $1"', "sh", "$x 'y' *"];
  const [program, ...args] = deafArgv({ argv, target: "h", asksUser: false });
  const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
  const [ignored, rest] = new TextDecoder().decode((await child.output()).stdout).trim().split("\n");
  assert.equal(rest, `${child.pid} $x 'y' *`);
  const mask = BigInt("0x" + ignored.split(/\s+/)[1]);
  const [HUP, INT, QUIT, TERM, TSTP] = [1n, 2n, 3n, 15n, 20n].map((signal) => (mask >> (signal - 1n)) & 1n);
  assert.deepEqual([HUP, INT, QUIT, TERM, TSTP], [1n, 1n, 1n, 0n, 1n]);
});

Deno.test("deafArgv() starts what heeds ignored signals in a session of its own", async () => {
  const script = 'read -r pid name state parent group session rest </proc/self/stat; echo "$$ $group $session"';
  const [program, ...args] = deafArgv({ argv: ["sh", "-c", script], target: "h", asksUser: false, isDetached: true });
  const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
  const { stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout).trim(), `${child.pid} ${child.pid} ${child.pid}`);
});
