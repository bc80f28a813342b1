import assert from "node:assert/strict";

/** What loop_program.ts prints. */
async function run(what: string): Promise<string[]> {
  const program = new URL("loop_program.ts", import.meta.url).pathname;
  const args = ["--kill-after=1", "60", Deno.execPath(), "run", "--quiet", "--no-check", "-A", program, what];
  const { stdout } = await new Deno.Command("timeout", { args, stdin: "null", stderr: "inherit" }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

Deno.test("Loop.settled() is told at once of what ends on another thread", async () => {
  assert.deepEqual(await run("settled"), ["settled", "over"]);
});

Deno.test("Loop serves after stop() until the calls that it tracks have ended", async () => {
  assert.deepEqual(await run("tracked"), ["stopped", "served", "the call has ended", "over"]);
});
