import assert from "node:assert/strict";
import { bindNow } from "../../../lib/linux/mod.ts";
import type { Carrier } from "../../../lib/ssh/argv.ts";
import { DialError, sshCarrier } from "../../../lib/ssh/mod.ts";
import { startTransport } from "../../../lib/ssh/transport.ts";

// Loaded here, not in a test, where it would count as a leak.
bindNow();

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

/** What the carrier says on its stdout. */
async function said(carrier: Pick<Carrier, "argv" | "isDetached">): Promise<string> {
  const transport = startTransport({ target: "h", asksUser: false, ...carrier });
  transport.closeWrite();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = await transport.read(); bytes !== undefined; bytes = await transport.read()) {
    text += decoder.decode(bytes);
  }
  await transport.status;
  return text.trim();
}

Deno.test("deafArgv() starts the program itself, with the keyboard's signals ignored and its words unharmed", async () => {
  const argv = ["sh", "-c", 'grep SigIgn /proc/self/status; echo "$PPID $1"', "sh", "$x 'y' *"];
  const [ignored, rest] = (await said({ argv })).split("\n");
  assert.equal(rest, `${Deno.pid} $x 'y' *`);
  const mask = BigInt("0x" + ignored.split(/\s+/)[1]);
  const [HUP, INT, QUIT, TERM, TSTP] = [1n, 2n, 3n, 15n, 20n].map((signal) => (mask >> (signal - 1n)) & 1n);
  assert.deepEqual([HUP, INT, QUIT, TERM, TSTP], [1n, 1n, 1n, 0n, 1n]);
});

Deno.test("deafArgv() starts what heeds ignored signals in a session of its own", async () => {
  const script = 'read -r pid name state parent group session rest </proc/self/stat; echo "$parent $$ $group $session"';
  const [parent, pid, group, session] = (await said({ argv: ["sh", "-c", script], isDetached: true })).split(" ");
  assert.deepEqual([parent, group, session], [`${Deno.pid}`, pid, pid]);
});
