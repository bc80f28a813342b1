import assert from "node:assert/strict";
import { signalStatus } from "../../../lib/cli/mod.ts";

Deno.test("signalStatus() is what a shell reports", () => {
  const { code } = new Deno.Command("sh", { args: ["-c", "sh -c 'kill -9 $$'; exit $?"], stderr: "null" }).outputSync();
  assert.equal(signalStatus(9), code);
});
