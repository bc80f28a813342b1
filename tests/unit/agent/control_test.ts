import assert from "node:assert/strict";
import { decodeRunnerMessage, encodeRunnerMessage, MAX_MESSAGE } from "../../../lib/agent/command/control.ts";
import { DecodeError } from "../../../lib/bytes/mod.ts";

Deno.test("decodeRunnerMessage() reads what encodeRunnerMessage() writes", () => {
  const messages = [
    { kind: "mounted" },
    { kind: "executing" },
    { kind: "notExecuted", errno: 13 },
    { kind: "failed", message: 'Cannot enter "/ü": ENOENT' },
  ] as const;
  for (const message of messages) assert.deepEqual(decodeRunnerMessage(encodeRunnerMessage(message)), message);
});

Deno.test("encodeRunnerMessage() cuts what would not fit", () => {
  assert.ok(encodeRunnerMessage({ kind: "failed", message: "€".repeat(MAX_MESSAGE) }).length <= MAX_MESSAGE);
});

Deno.test("decodeRunnerMessage() refuses what is short or unknown", () => {
  assert.throws(() => decodeRunnerMessage(new Uint8Array([2, 13, 0])), DecodeError);
  assert.throws(() => decodeRunnerMessage(new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, 0])), DecodeError);
});
