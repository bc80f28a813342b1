import assert from "node:assert/strict";
import { bootstrapText, isShellSafe } from "../../../lib/ssh/bootstrap_script.ts";
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

Deno.test("bootstrapText() fits what a shell reads in one piece, and holds no comments", () => {
  const text = bootstrapText(["nonce", "0".repeat(64), "86000000", "85000000", "x86_64", "agent", "--stdio", "ttt"]);
  assert.ok(text.length < 8192, `${text.length} bytes`);
  assert.doesNotMatch(text, /^\s*#/m);
  assert.match(text, /\noutrun_boot nonce 0+ 86000000 85000000 x86_64 agent --stdio ttt\n$/);
});

Deno.test("bootstrapText() refuses words that a shell would not take as they are", () => {
  for (const word of ["", "a b", "$x", "a;b", "a\nb", "'", "*", "~", "é"]) {
    assert.equal(isShellSafe(word), false, word);
    assert.throws(() => bootstrapText([word]), TypeError);
  }
  for (const word of ["a", "--ids", "0,27", "/usr/x.y", "a@b:c=d+e_f"]) assert.equal(isShellSafe(word), true, word);
});
