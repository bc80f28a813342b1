import assert from "node:assert/strict";
import type { Carrier } from "../../../lib/ssh/mod.ts";
import { FakeRemote } from "./fake_remote.ts";

const ignore = Deno.uid() !== 0;
/** As strict as the real ones: the command behind `-n`, or behind `-n --`. */
const elevator = `#!/bin/sh
[ "$1" = -n ] || exit 9
shift
[ "$1" = -- ] && shift
exec "$@"
`;

/** A login of a user who is not root, with `tool` (sudo, doas) as `script`. */
async function asUser(remote: FakeRemote, tool?: string, script = elevator): Promise<Carrier> {
  await Deno.chown(remote.home, 65534, 65534);
  const path = remote.path(["gzip"]);
  if (tool) await Deno.writeTextFile(`${path}/${tool}`, script, { mode: 0o755 });
  return remote.carrier(["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"], { PATH: path });
}

for (const tool of ["sudo", "doas"]) {
  Deno.test({
    name: `the bootstrap script starts the agent through ${tool} when the user is not root`,
    ignore,
    async fn() {
      await using remote = new FakeRemote();
      const executable = await remote.agent(1000);
      const carrier = await asUser(remote, tool);
      const { said } = await remote.talk(executable, { carrier });
      const file = `${remote.home}/.cache/outrun/agent-${executable.sha256}`;
      assert.deepEqual(said, [file, "agent", "--stdio", "ppp", "65534"]);
      assert.deepEqual(await remote.talk(executable, { carrier }), { said, uploaded: 0 });
    },
  });
}

Deno.test({
  name: "the bootstrap script passes over a folder from which root may not run programs, as on a network's disk",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const squashed = elevator.replace('exec "$@"', `case $1 in ${remote.home}/*) exit 126 ;; esac\nexec "$@"`);
    const { said } = await remote.talk(executable, { carrier: await asUser(remote, "sudo", squashed) });
    const folder = "/var/tmp/.outrun-65534";
    assert.equal(said[0], `${folder}/agent-${executable.sha256}`);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "dial() says what a user who is not root can do",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const message = /user 65534 is not root there, sudo -n and doas -n do not help, and without root .*; have an admin/;
    const agentArgs = ["--stdio", "ppp", "--ids", "1000,1001,27"];
    await assert.rejects(remote.dial(executable, { agentArgs, carrier: await asUser(remote) }), message);
    const refused = await asUser(remote, "sudo", "#!/bin/sh\nexit 1\n");
    await assert.rejects(remote.dial(executable, { agentArgs, carrier: refused }), message);
  },
});

/** sudo as it is where it wants a password: `-n` fails, `-k -S` reads a line of stdin, and not a byte more. */
const asking = `#!/bin/sh
[ "$1" = -k ] || exit 1
IFS= read -r line
[ "$line" = 'pass  word$' ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }
shift 5
exec "$@"
`;

Deno.test({
  name: "dial() gives sudo the password that it asks for, and the agent what follows",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const carrier = await asUser(remote, "sudo", asking);
    const agentArgs = ["--stdio", "ppp", "--sudo"];
    let asked = 0;
    const askPassword = (answer: string) => () => {
      asked++;
      return Promise.resolve(answer);
    };
    for (const _ of ["first use", "reuse"]) {
      const { said } = await remote.talk(executable, { carrier, agentArgs, askPassword: askPassword("pass  word$") });
      assert.deepEqual(said.slice(1), ["agent", "--stdio", "ppp", "65534"]);
    }
    assert.equal(asked, 2);
    await assert.rejects(
      remote.dial(executable, { carrier, agentArgs, askPassword: askPassword("wrong") }),
      { message: 'Cannot become root on "fake": sudo says "sudo: 1 incorrect password attempt"; try again' },
    );
  },
});
