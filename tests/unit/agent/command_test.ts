import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { AgentProcess, compileFixture, shell } from "./agent_process.ts";

const fixture = await compileFixture();
Deno.test.afterAll(() => fixture[Symbol.dispose]());

/** Runs a script and returns how it ended and what it wrote. */
async function runShell(script: string, changes = {}) {
  await using agent = new AgentProcess(fixture.path, "ppp");
  const result = await agent.run(shell(script, changes));
  return { result, stdout: agent.output("stdout"), stderr: agent.output("stderr"), reports: agent.reports };
}

Deno.test("a command runs as the local user", async () => {
  const { result, stdout, stderr, reports } = await runShell(
    "id -u; id -g; id -G; cat /proc/self/uid_map; umask; ulimit -n; pwd",
  );
  console.log(result, stdout, stderr, reports.map((r) => `${r.event} ${r.at}`));
});
