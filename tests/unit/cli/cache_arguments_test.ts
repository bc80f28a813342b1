import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../../lib/cli/mod.ts";

Deno.test("parseArguments() reads the verbs of the cache, with the options of a run", () => {
  for (const verb of ["ls", "size", "clear", "prune"]) {
    assert.deepEqual(parseArguments(["--ssh", "-4", "--config", "c", "--timeout", "3", "cache", verb, "u@h"]), {
      kind: "cache",
      verb,
      destination: "u@h",
      ssh: "-4",
      rsh: undefined,
      config: "c",
      debug: false,
      sudo: false,
      timeout: 3,
    });
  }
});

Deno.test('parseArguments() takes "cache" for a host behind "--"', () => {
  const parsed = parseArguments(["--debug", "--", "cache", "ls", "-l"]);
  assert.ok(parsed.kind === "run");
  assert.deepEqual([parsed.destination, parsed.command], ["cache", ["ls", "-l"]]);
});

Deno.test("parseArguments() says what a verb of the cache lacks", () => {
  const wrong = { cache: "nothing follows it", "cache h": 'no "h"', "cache ls": "no destination" };
  const more = { "cache ls -x": "no destination", "cache size h more": '"more" is too much' };
  for (const [words, said] of Object.entries({ ...wrong, ...more })) {
    assert.throws(
      () => parseArguments(words.split(" ")),
      (error) => error instanceof UsageError && error.message.includes(said),
      words,
    );
  }
});
