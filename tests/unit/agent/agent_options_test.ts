import assert from "node:assert/strict";
import { parseAgentOptions } from "../../../lib/agent/agent_options.ts";

const usual = ["--nonce", "abc", "--stdio", "ppp", "--ids", "1000,27,4294967294"];

/** The usual arguments with one value replaced. */
function withValue(name: string, value: string): string[] {
  return usual.map((word, index) => usual[index - 1] === name ? value : word);
}

Deno.test("parseAgentOptions() reads what the local side says", () => {
  assert.deepEqual(parseAgentOptions(usual), {
    nonce: "abc",
    stdio: ["pipe", "pipe", "pipe"],
    ids: [1000, 27, 4294967294],
    syncWrites: false,
    debug: false,
  });
  const { syncWrites, debug } = parseAgentOptions([...usual, "--debug", "--sync-writes"]);
  assert.deepEqual([syncWrites, debug], [true, true]);
});

Deno.test("parseAgentOptions() tells terminals from pipes", () => {
  const stdio = (kinds: string) => parseAgentOptions(withValue("--stdio", kinds)).stdio;
  assert.deepEqual(stdio("ttt"), ["terminal", "terminal", "terminal"]);
  assert.deepEqual(stdio("ttp"), ["terminal", "terminal", "pipe"]);
});

Deno.test("parseAgentOptions() refuses what the local side never says", () => {
  for (const kinds of ["", "pp", "pppp", "ptt", "tpt", "xxx", "TTT"]) {
    assert.throws(() => parseAgentOptions(withValue("--stdio", kinds)), /--stdio/, kinds);
  }
  for (const ids of ["", ",", "1,", "a", "-1", "1.5", "1e3", "0x10", " 1", "4294967295", "99999999999"]) {
    assert.throws(() => parseAgentOptions(withValue("--ids", ids)), /--ids/, ids);
  }
  for (const missing of [0, 2, 4]) {
    const args = [...usual.slice(0, missing), ...usual.slice(missing + 2)];
    assert.throws(() => parseAgentOptions(args), /is missing/);
  }
  assert.throws(() => parseAgentOptions(["--nonce"]), /is missing/);
});
