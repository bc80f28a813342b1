import assert from "node:assert/strict";
import { AgentProcess, compileFixture, shell } from "./agent_process.ts";

const fixture = await compileFixture();
Deno.test.afterAll(() => fixture[Symbol.dispose]());

/** What launch() says when the fixture is run by `wrapper`. */
async function refusal(...wrapper: string[]): Promise<string> {
  await using agent = new AgentProcess(fixture.path, "ppp", { wrapper });
  return (await agent.wait("refused")).message;
}

/** Runs what follows with a device node of our own as /dev/fuse, and without the right to make others. */
function withDevice(mode: string, minor: string): string[] {
  const node = fixture.path + ".node";
  const script = `rm -f ${node} && mknod -m ${mode} ${node} c 10 ${minor} && mount --bind ${node} /dev/fuse && ` +
    'exec setpriv --bounding-set -mknod "$@"';
  return ["sh", "-c", script, "sh"];
}

Deno.test("launch() says that it needs root", async () => {
  const message = await refusal("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups");
  assert.match(message, /^Cannot run without root on the remote: log in as root, or allow sudo/);
});

Deno.test("launch() says that a root with few ids will not do", async () => {
  assert.match(await refusal("unshare", "--map-root-user"), /^Cannot give the command's user an id: .*few/);
});

Deno.test("launch() says that it may not make a mount namespace", async () => {
  const message = await refusal("setpriv", "--bounding-set", "-sys_admin");
  assert.match(message, /^Cannot make a mount namespace: not permitted; .*--cap-add SYS_ADMIN$/);
});

Deno.test("launch() says that there is no FUSE driver", async () => {
  assert.match(await refusal(...withDevice("666", "250")), /^Cannot use FUSE: .* no FUSE driver; .*modprobe fuse$/);
});

Deno.test("launch() says that the machine's FUSE device is its owner's only", async () => {
  assert.match(await refusal(...withDevice("600", "229")), /^Cannot use \/dev\/fuse: .*chmod 666 \/dev\/fuse there$/);
});

Deno.test("launch() uses the machine's FUSE device where it may make none", async () => {
  await using agent = new AgentProcess(fixture.path, "ppp", { wrapper: withDevice("666", "229") });
  assert.deepEqual(await agent.run(shell("exit 3")), { kind: "exited", status: 3 });
});

Deno.test("launch() says what is missing on the remote", async () => {
  const message = await refusal("env", "PATH=/nonexistent");
  assert.equal(message, "Cannot find unshare on the remote; install util-linux there");
});
