import assert from "node:assert/strict";
import { parseAgentOptions } from "../../../lib/agent/agent_options.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { cacheArgument } from "../../../lib/session/cache_argument.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

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
    rootless: undefined,
    syncWrites: false,
    record: false,
    cache: undefined,
    debug: false,
  });
  const { syncWrites, debug } = parseAgentOptions([...usual, "--debug", "--sync-writes"]);
  assert.deepEqual([syncWrites, debug], [true, true]);
  assert.equal(parseAgentOptions([...usual, "--record"]).record, true);
  for (const fence of ["open", "closed"]) {
    assert.equal(parseAgentOptions([...usual, "--rootless", fence]).rootless, fence);
  }
  assert.throws(() => parseAgentOptions([...usual, "--rootless", "ajar"]), /Cannot start the agent: --rootless "ajar"/);
});

Deno.test("parseAgentOptions() reads what cacheArgument() says, whatever is in the path", () => {
  for (const path of [undefined, "/var/cache", "~/a b/ü'\"$HOME\n"]) {
    const limits = { path, maxSize: 20 * 1024 ** 3, maxEntries: 65_536 };
    const argument = cacheArgument(limits);
    assert.match(argument, /^[\w,-]+$/, "a shell leaves it alone");
    const { machine, ...cache } = parseAgentOptions([...usual, "--cache", argument]).cache!;
    assert.deepEqual(cache, limits);
    assert.match(machine, /^[0-9a-f]{16}$/);
  }
});

Deno.test("parseAgentOptions() refuses a cache that the local side never asks for", () => {
  for (
    const text of ["", "1", "1,2", "1,2,", "a,2,m", "-1,2,m", "1.5,2,m", "1e3,2,m", "1,2,m,", "1,2,m,xy", "1,2,m,20,"]
  ) {
    assert.throws(() => parseAgentOptions([...usual, "--cache", text]), /--cache/, text);
  }
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
