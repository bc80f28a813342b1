import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../../lib/cli/mod.ts";

Deno.test("parseArguments() reads doctor, with the options of a run", () => {
  assert.deepEqual(parseArguments(["--ssh", "-4", "--config", "c", "--timeout", "3", "doctor", "u@h"]), {
    kind: "doctor",
    destination: "u@h",
    ssh: "-4",
    rsh: undefined,
    config: "c",
    debug: false,
    sudo: false,
    timeout: 3,
  });
  const other = parseArguments(["--rsh", "docker exec -i c", "doctor", "-"]);
  assert.deepEqual([other.kind, "destination" in other && other.destination], ["doctor", "-"]);
});

Deno.test('parseArguments() takes "doctor" for a host behind "--"', () => {
  const parsed = parseArguments(["--", "doctor", "ls", "-l"]);
  assert.ok(parsed.kind === "run");
  assert.deepEqual([parsed.destination, parsed.command], ["doctor", ["ls", "-l"]]);
});

Deno.test("parseArguments() says what doctor lacks, or has too much", () => {
  const wrong = { doctor: "no destination", "doctor -": "no destination", "doctor h ls": '"ls" is too much' };
  for (const [words, said] of Object.entries(wrong)) {
    assert.throws(
      () => parseArguments(words.split(" ")),
      (error) => error instanceof UsageError && error.message.includes(said),
      words,
    );
  }
});
