import assert from "node:assert/strict";
import { parseArguments, type RunArguments, UsageError } from "../../../lib/cli/mod.ts";

function parseRun(...argv: string[]): RunArguments {
  const parsed = parseArguments(argv);
  assert.equal(parsed.kind, "run");
  return parsed as RunArguments;
}

/** The one line that a user sees for these arguments. */
function complaint(...argv: string[]): string {
  try {
    parseArguments(argv);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  throw new assert.AssertionError({ message: `no complaint about ${JSON.stringify(argv)}` });
}

Deno.test("parseArguments() passes everything behind the destination through", () => {
  const commands = [
    ["ffmpeg", "-i", "in", "--help", "--", "x"],
    ["-v", "--flag=1", "--debug", "--version", "-h"],
    ["sh", "-c", "", "a\nb", "$x '*'", "--", "", "--ssh"],
    ["help"],
    [""],
  ];
  for (const command of commands) {
    const argv = ["--debug", "--ssh", "-p 22", "root@host", ...command];
    const run = parseRun(...argv);
    assert.deepEqual(run.command, command);
    assert.equal(run.destination, "root@host");
    assert.deepEqual(argv.slice(run.commandIndex), command);
    assert.deepEqual(parseRun("h", ...command).command, command);
  }
});

Deno.test('parseArguments() takes a "--" around the destination for a separator', () => {
  assert.deepEqual(parseRun("--debug", "--", "h", "ls").command, ["ls"]);
  const run = parseRun("h", "--", "ls", "--", "x");
  assert.deepEqual([run.command, run.commandIndex], [["ls", "--", "x"], 2]);
});

Deno.test("parseArguments() gives every option its default", () => {
  assert.deepEqual(parseArguments(["h", "true"]), {
    kind: "run",
    destination: "h",
    command: ["true"],
    commandIndex: 1,
    ssh: undefined,
    rsh: undefined,
    config: undefined,
    debug: false,
    sudo: false,
    cache: true,
    prefetch: true,
    syncWrites: false,
    timeout: 30,
    notices: [],
  });
});

Deno.test("parseArguments() reads every option", () => {
  const argv = ["--ssh", "-p 22", "--ssh=-o 'A B'", "--config", "my file", "--debug", "--no-cache", "--no-prefetch"];
  argv.push("--sudo", "--sync-writes", "--timeout=2.5", "--workers", "3", "h", "true");
  assert.deepEqual(parseArguments(argv), {
    kind: "run",
    destination: "h",
    command: ["true"],
    commandIndex: argv.length - 1,
    ssh: "-p 22 -o 'A B'",
    rsh: undefined,
    config: "my file",
    debug: true,
    sudo: true,
    cache: false,
    prefetch: false,
    syncWrites: true,
    timeout: 2.5,
    notices: ["--workers has no effect: requests are served as they come"],
  });
});

Deno.test("parseArguments() keeps nothing from one call to the next", () => {
  parseRun("--ssh", "-4", "--no-cache", "h", "true");
  const run = parseRun("--ssh", "-6", "h", "true");
  assert.deepEqual([run.ssh, run.cache], ["-6", true]);
});

Deno.test("parseArguments() answers --help and --version without a destination", () => {
  assert.deepEqual(parseArguments(["--version"]), { kind: "version" });
  for (const argv of [["--help"], ["-h"], ["--debug", "--help", "h", "ls"], ["--help", "--version"]]) {
    assert.equal(parseArguments(argv).kind, "help");
  }
});

Deno.test("parseArguments() writes a help that fits one screen, with every option in it", () => {
  const parsed = parseArguments(["--help"]);
  assert.ok(parsed.kind === "help");
  const lines = parsed.text.split("\n");
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  assert.deepEqual(lines.filter((line) => line.length > 80), []);
  assert.equal(lines[0], "Usage: outrun [option...] destination command [arg...]");
  const options =
    "--version --help --ssh --rsh --config --sudo --debug --no-cache --no-prefetch --sync-writes --timeout --workers";
  for (const option of options.split(" ")) assert.match(parsed.text, new RegExp(`^ .*${option}\\b`, "m"));
  assert.ok(!parsed.text.includes("\u001b"), "colours");
});

Deno.test("parseArguments() names an option that it does not know", () => {
  assert.equal(complaint("--debg", "h", "ls"), 'Cannot use "--debg": unknown option; did you mean --debug?');
  assert.equal(complaint("-x", "h", "ls"), 'Cannot use "-x": unknown option; outrun --help lists the options');
  assert.equal(complaint("--it's\n", "h"), `Cannot use "--it's\\n": unknown option; outrun --help lists the options`);
  assert.match(complaint("--debug=1", "h", "ls"), /^Cannot use "--debug=1": unknown option/);
  assert.match(complaint("-oProxyCommand=x", "ls"), /^Cannot use "-oProxyCommand=x": unknown option/);
  assert.equal(complaint("--ssh"), "Cannot use --ssh <args>: nothing follows it; outrun --help says what to give");
});

Deno.test("parseArguments() asks for a destination and a command", () => {
  assert.equal(complaint(), "Cannot run anything: no destination; try outrun user@host command");
  assert.equal(complaint("--debug"), "Cannot run anything: no destination; try outrun user@host command");
  assert.equal(complaint("", "ls"), "Cannot run anything: no destination; try outrun user@host command");
  for (const argv of [["h"], ["h", "--"]]) {
    assert.equal(complaint(...argv), 'Cannot run anything on "h": no command; put one behind the destination');
  }
});

Deno.test("parseArguments() refuses a destination that ssh would take for an option", () => {
  assert.equal(
    complaint("--", "-oProxyCommand=touch x", "ls"),
    'Cannot connect to "-oProxyCommand=touch x": begins with "-"; give [user@]host',
  );
  assert.match(complaint("-", "ls"), /^Cannot connect to "-": begins with "-"/);
});

Deno.test("parseArguments() refuses numbers that are none", () => {
  for (const value of ["", "0", "-1", "x", "1e3", "Infinity", "0x10", " 5", "86401"]) {
    const shown = JSON.stringify(value);
    assert.equal(
      complaint(`--timeout=${value}`, "h", "ls"),
      `Cannot use --timeout ${shown}: give seconds, above 0 and at most 86400`,
    );
  }
  for (const value of ["", "0", "-1", "x", "1.5"]) {
    assert.match(
      complaint("--workers", value, "h", "ls"),
      /^Cannot use --workers "[^"]*": give a whole number above 0/,
    );
  }
});

Deno.test("parseArguments() takes - for a destination where --rsh names one", () => {
  const parsed = parseArguments(["--rsh", "srun -n1", "-", "ls", "-l"]);
  assert.ok(parsed.kind === "run");
  assert.deepEqual([parsed.rsh, parsed.destination, parsed.command], ["srun -n1", "-", ["ls", "-l"]]);
  assert.throws(() => parseArguments(["-", "ls"]), UsageError);
  assert.throws(() => parseArguments(["--rsh", "srun", "-x", "ls"]), UsageError);
});
