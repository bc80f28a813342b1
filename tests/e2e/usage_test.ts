/** What the user gets wrong on this machine, and what outrun says of itself. No host is needed: nothing gets that far. */
import assert from "node:assert/strict";
import { environment, here, makeFolder, Process, program, Terminal } from "./support/mod.ts";

async function outrun(...argv: string[]) {
  await using process = new Process([program, ...argv], { env: { ...environment } });
  return await process.result();
}

/** Asserts that outrun refuses in one line, that stdout has nothing, and that the status is right. */
async function refuses(argv: string[], { status, line }: { status: number; line: RegExp }): Promise<void> {
  const result = await outrun(...argv);
  assert.deepEqual([result.status, result.text], [status, ""], result.stderr);
  assert.match(result.stderr, /^outrun: [^\n]*[^.\n]\n$/);
  assert.match(result.stderr, line);
}

Deno.test("outrun refuses a command line that makes no sense, in one line that says what to do", async (t) => {
  const cases: [string, string[], RegExp][] = [
    ["unknown option", ["--frobnicate", "host", "true"], /"--frobnicate": unknown option; outrun --help/],
    ["unknown short option", ["-x", "host", "true"], /"-x": unknown option; outrun --help/],
    ["misspelt option", ["--no-cahce", "host", "true"], /did you mean --no-cache\?/],
    ["no destination", [], /no destination; try outrun user@host command/],
    ["no command", ["host"], /Cannot run anything on "host": no command; put one/],
    ["no command behind --", ["host", "--"], /no command/],
    [
      "destination that begins with -",
      ["--", "-oProxyCommand=touch /tmp/owned", "true"],
      /begins with "-"; give \[user@\]host/,
    ],
    ["empty destination", ["", "true"], /no destination/],
    ["--timeout of words", ["--timeout", "soon", "host", "true"], /Cannot use --timeout "soon": give seconds/],
    ["--workers of words", ["--workers", "many", "host", "true"], /Cannot use --workers "many": give a whole number/],
    ["--ssh without its argument", ["--ssh"], /Cannot use .*--ssh.*: nothing follows it/],
    ["--ssh with an open quote", ["--ssh", "-o 'x", "host", "true"], /--ssh "-o 'x": the ' is never closed/],
    ["--rsh that names nothing", ["--rsh", " ", "host", "true"], /--rsh " ": name a program/],
    ["--rsh beside --ssh", ["--rsh", "sh", "--ssh", "-4", "host", "true"], /Cannot use both --ssh and --rsh/],
    ["- without --rsh", ["-", "true"], /begins with "-"; give \[user@\]host/],
    [
      "--config that is not there",
      ["--config", "/nowhere/at/all", "host", "true"],
      /"\/nowhere\/at\/all": no such file/,
    ],
  ];
  for (const [name, argv, line] of cases) {
    await t.step(name, () => refuses(argv, { status: 254, line }));
  }
});

Deno.test("a command that cannot be run has the status that a shell gives it, before any login", async (t) => {
  await using folder = await makeFolder();
  const { path } = folder;
  await here.shell("echo 'echo hi' >plain; mkdir folder", { cwd: path });
  const cases: [string, string, number, RegExp][] = [
    ["not found", "outrun-no-such-program", 127, /"outrun-no-such-program": command not found here; is it installed/],
    ["a shell's words", "echo hi", 127, /"echo hi": command not found here; no shell is in between/],
    ["no such file", "./no/such/file", 127, /"\.\/no\/such\/file": no such file/],
    ["not executable", `${path}/plain`, 126, /permission denied/],
    ["a folder", path, 126, /it is a directory/],
    ["empty", "", 127, /the name is empty/],
  ];
  for (const [name, command, status, line] of cases) {
    await t.step(name, () => refuses(["no-host.invalid", command], { status, line }));
  }
});

// The runtime ends the process (Rust's std::env::current_dir) before the program begins.
Deno.test.ignore("outrun refuses a working directory that is gone", async () => {
  await using folder = await makeFolder();
  const cwd = `${folder.path}/gone`;
  await Deno.mkdir(cwd);
  const script = 'rmdir "$PWD" && exec "$@"';
  const { status, text, stderr } = await here.run(["sh", "-c", script, "sh", program, "no-host.invalid", "true"], {
    cwd,
  });
  assert.deepEqual([status, text], [254, ""]);
  assert.match(
    stderr,
    /^outrun: Cannot use the current directory: it does not exist any more; change to another one\n$/,
  );
});

Deno.test("ssh's failure is ssh's status, and its words are passed on", async (t) => {
  await t.step("a host that cannot be resolved", async () => {
    const { status, text, stderr } = await outrun("no-host.invalid", "true");
    assert.deepEqual([status, text], [255, ""]);
    assert.match(stderr, /no-host\.invalid/);
    assert.ok(stderr.trim().split("\n").length <= 2, stderr);
  });
  await t.step("a port where nobody listens", async () => {
    const { status, stderr } = await outrun("--ssh", "-F none -p 1", "127.0.0.1", "true");
    assert.equal(status, 255);
    assert.match(stderr, /refused/);
  });
  await t.step("no ssh", async () => {
    await using folder = await makeFolder();
    await here.shell("ln -s /bin/sh /bin/ls .", { cwd: folder.path });
    const { status, stderr } = await here.run([program, "host", "ls"], { env: { PATH: folder.path } });
    assert.equal(status, 254);
    assert.match(stderr, /^outrun: Cannot reach "host": there is no ssh in PATH; install it\n$/m);
  });
});

Deno.test("--version and --help say what they are asked for, on stdout", async (t) => {
  await t.step("--version", async () => {
    const { status, text, stderr } = await outrun("--version");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(text, /^outrun \d+\.\d+\.\d+\n$/);
  });
  await t.step("--help fits a screen of 80 by 24", async () => {
    const { status, text, stderr } = await outrun("--help");
    assert.deepEqual([status, stderr], [0, ""]);
    const lines = text.trimEnd().split("\n");
    assert.ok(lines.length <= 24, `${lines.length} lines`);
    assert.deepEqual(lines.filter((line) => line.length > 80), []);
    for (
      const option of [
        "--version",
        "--ssh",
        "--rsh",
        "--config",
        "--debug",
        "--sudo",
        "--no-cache",
        "--no-prefetch",
        "--sync-writes",
        "--timeout",
        "--workers",
      ]
    ) {
      assert.ok(text.includes(`${option} `), option);
    }
  });
  await t.step("-h", async () => {
    assert.equal((await outrun("-h")).text, (await outrun("--help")).text);
  });
});

Deno.test("a notice for --workers, which means nothing any more", async () => {
  const { status, stderr } = await outrun("--workers", "4", "no-host.invalid", "outrun-no-such-program");
  assert.equal(status, 127);
  assert.match(stderr, /^outrun: --workers has no effect[^\n]*\noutrun: Cannot run [^\n]*\n$/);
});

Deno.test("messages are coloured on a terminal, unless NO_COLOR is set or the terminal is none", async (t) => {
  const argv = [program, "--workers", "4", "host"];
  const shown = async (env: Record<string, string>) => {
    await using terminal = new Terminal(argv, { env });
    await terminal.status();
    return terminal.shown;
  };
  await t.step("a terminal", async () => {
    assert.ok((await shown({})).startsWith("\x1b[31moutrun:\x1b[0m Cannot"));
  });
  await t.step("NO_COLOR", async () => {
    assert.ok((await shown({ NO_COLOR: "1" })).startsWith("outrun: Cannot"));
  });
  await t.step("a pipe", async () => {
    assert.ok((await outrun("--workers", "4", "host")).stderr.startsWith("outrun: Cannot"));
  });
});
