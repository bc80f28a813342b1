import assert from "node:assert/strict";
import { bootstrapText, isShellSafe } from "../../../lib/ssh/bootstrap_script.ts";
import type { Obstacle, Probe } from "../../../lib/ssh/mod.ts";
import { FakeRemote, which } from "./fake_remote.ts";

/** How a login shell, or a user's rc file, brings `sh` about. */
const shells: Record<string, string[]> = {
  dash: ["dash"],
  bash: ["bash"],
  "bash as sh": ["bash", "--posix"],
  "busybox ash": ["busybox", "ash"],
  "a login with fish": ["fish", "-c", "sh"],
  "a login with tcsh": ["tcsh", "-c", "sh"],
  "a login that talks": ["sh", "-c", "echo 'Welcome!'; printf '\\377\\n probe os=BSD\\nno line end '; exec sh"],
};

for (const [name, argv] of Object.entries(shells)) {
  Deno.test({
    name: `the bootstrap script installs the agent and finds it again in ${name}`,
    ignore: which(argv[0]) === undefined,
    fn: () => installsAndFinds(argv),
  });
}

async function installsAndFinds(argv: string[]): Promise<void> {
  await using remote = new FakeRemote();
  const executable = await remote.agent(100_000);
  const carrier = remote.carrier(argv);
  const { said, uploaded } = await remote.talk(executable, { carrier });
  const file = `${remote.home}/.cache/outrun/agent-${executable.sha256}`;
  assert.deepEqual(said, [file, "agent", "--stdio", "ppp", String(Deno.uid())]);
  assert.ok(uploaded > 100_000);
  assert.deepEqual(remote.installed(), [`agent-${executable.sha256}`]);
  assert.equal(Deno.statSync(file).mode! & 0o777, 0o755);
  assert.equal(Deno.statSync(`${remote.home}/.cache/outrun`).mode! & 0o777, 0o700);
  assert.deepEqual(await remote.talk(executable, { carrier }), { said, uploaded: 0 });
}

Deno.test("bootstrapText() fits what a new connection carries in one flight, and holds no comments", () => {
  const text = bootstrapText(["nonce", "0".repeat(64), "86000000", "85000000", "x86_64", "agent", "--stdio", "ttt"]);
  assert.ok(text.length < 10 * 1460, `${text.length} bytes`);
  assert.doesNotMatch(text, /^\s*#/m);
  assert.match(text, /\noutrun_facts=\noutrun_boot nonce 0+ 86000000 85000000 x86_64 agent --stdio ttt\n$/);
});

Deno.test("bootstrapText() refuses words that a shell would not take as they are", () => {
  for (const word of ["", "a b", "$x", "a;b", "a\nb", "'", "*", "~", "é"]) {
    assert.equal(isShellSafe(word), false, word);
    assert.throws(() => bootstrapText([word]), TypeError);
  }
  for (const word of ["a", "--ids", "0,27", "/usr/x.y", "a@b:c=d+e_f"]) assert.equal(isShellSafe(word), true, word);
});

Deno.test("the bootstrap script tells its facts before it starts an agent that is there, when asked to", async () => {
  await using remote = new FakeRemote();
  const executable = await remote.agent();
  const told: boolean[] = [];
  const onProbe = (probe: Probe, obstacles: readonly Obstacle[]) => {
    told.push(probe.present);
    assert.deepEqual([probe.os, probe.fit, obstacles], ["Linux", "yes", []]);
  };
  const first = await remote.talk(executable, { onProbe });
  const second = await remote.talk(executable, { onProbe });
  assert.deepEqual([told, second.uploaded], [[false, true], 0]);
  assert.deepEqual(second.said, first.said);
  // The environment there does not ask.
  const carrier = remote.carrier(["sh"], { outrun_facts: "yes" });
  assert.deepEqual((await remote.talk(executable, { carrier })).said, first.said);
  assert.equal(told.length, 2);
});
