/** A real container engine in place of ssh. */
import assert from "node:assert/strict";
import { startContainer } from "../hosts/mod.ts";
import { by, firstAndReuse, here, makeFolder, reportRefusal, useBy } from "./support/mod.ts";

const rsh = "podman exec -i";

Deno.test("a run in a container that has what it takes", async () => {
  await using container = await startContainer(({ fuseDevice }) => [
    ...["--device", `${fuseDevice}:/dev/fuse`, "--cap-add", "SYS_ADMIN", "--security-opt", "unmask=ALL"],
  ]);
  await using folder = await makeFolder();
  const [cwd, env] = [folder.path, container.environment];
  const there = by(rsh, { destination: container.name });
  const told = by(rsh, { destination: container.name, options: ["--debug"] });
  await firstAndReuse("container (--rsh 'podman exec -i')", () => useBy(told, container.name, { env }));
  const run = await there.shell("hostname; base64; touch made; echo said >&2; exit 7", {
    ...{ cwd, env, stdin: "input", timeoutMs: 120_000 },
  });
  assert.deepEqual([run.status, run.text, run.stderr], [7, `${container.name}\naW5wdXQ=\n`, "said\n"]);
  assert.equal((await Deno.stat(`${cwd}/made`)).size, 0);
  // The name may be among the words; the client that is killed leaves nothing that runs on.
  await using process = by(`${rsh} ${container.name}`).start(["sh", "-c", "echo ready; sleep 1000"], { cwd, env });
  await process.says("ready\n");
  process.kill("SIGKILL");
  const script = "for i in $(seq 200); do grep -qs [a]gent /proc/[2-9]*/cmdline || exit 0; sleep 0.1; done; exit 1";
  const left = await here.run(["podman", "exec", container.name, "sh", "-c", script], { env });
  assert.equal(left.status, 0, left.stderr);
});

Deno.test("a container without privileges is told what it lacks", async () => {
  await using container = await startContainer();
  const there = by(rsh, { destination: container.name });
  const result = await there.run(["true"], { env: container.environment, timeoutMs: 120_000 });
  const { status, text, stderr } = result;
  reportRefusal("container without privileges", result);
  assert.deepEqual([status, text], [254, ""], stderr);
  assert.match(stderr, /^outrun: [^\n]*--device \/dev\/fuse --cap-add SYS_ADMIN[^\n]*\n$/);
});
