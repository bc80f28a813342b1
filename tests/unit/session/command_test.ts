import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { CommandError, findCommand } from "../../../lib/session/command.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** A temporary directory with programs and what is none: name → mode. */
class Programs {
  readonly path = Deno.makeTempDirSync({ prefix: "outrun_command_" });

  constructor(files: Record<string, number>) {
    for (const [name, mode] of Object.entries(files)) {
      Deno.mkdirSync(this.at(name).replace(/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(this.at(name), "");
      Deno.chmodSync(this.at(name), mode);
    }
  }

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function find(command: string, ...searchPath: string[]): string {
  return findCommand(fromText(command), fromText(searchPath.join(":")));
}

/** Asserts that there is nothing to run, for which a shell exits with `status`. */
function cannot(status: number, message: RegExp, action: () => unknown): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof CommandError, String(error));
    assert.equal(error.status, status);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("findCommand() takes the first executable of PATH", () => {
  using programs = new Programs({ "a/other": 0o755, "b/tool": 0o755, "c/tool": 0o755 });
  const [a, b, c] = ["a", "b", "c"].map((name) => programs.at(name));
  assert.equal(find("tool", a, b, c), `${b}/tool`);
  assert.equal(find("tool", c, b), `${c}/tool`);
});

Deno.test("findCommand() passes over what cannot be executed, and directories", () => {
  using programs = new Programs({ "a/tool": 0o644, "b/tool/x": 0o755, "c/tool": 0o755, "file": 0o755 });
  const [a, b, c] = ["a", "b", "c"].map((name) => programs.at(name));
  assert.equal(find("tool", a, b, programs.at("file"), programs.at("missing"), c), `${c}/tool`);
});

Deno.test("findCommand() takes an empty element of PATH for the current directory", () => {
  using programs = new Programs({ tool: 0o755 });
  const before = Deno.cwd();
  Deno.chdir(programs.path);
  try {
    assert.equal(find("tool", "", "/nowhere"), "./tool");
    assert.equal(find("tool", "/nowhere", ""), "./tool");
    assert.equal(find("tool", ""), "./tool");
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("findCommand() searches /bin and /usr/bin without PATH", () => {
  assert.match(findCommand(fromText("sh"), undefined), /^(\/usr)?\/bin\/sh$/);
});

Deno.test("findCommand() follows symbolic links", () => {
  using programs = new Programs({ "real/tool": 0o755, "bin/x": 0o755 });
  Deno.symlinkSync("../real/tool", programs.at("bin/tool"));
  Deno.symlinkSync("nothing", programs.at("bin/dangling"));
  assert.equal(find("tool", programs.at("bin")), programs.at("bin/tool"));
  cannot(127, /not found/, () => find("dangling", programs.at("bin")));
});

Deno.test("findCommand() gives a name with a slash back as it is", () => {
  using programs = new Programs({ "bin/tool": 0o755 });
  const before = Deno.cwd();
  Deno.chdir(programs.path);
  try {
    assert.equal(find("bin/tool", "/nowhere"), "bin/tool");
    assert.equal(find("./bin/../bin/tool", "/nowhere"), "./bin/../bin/tool");
    assert.equal(find(programs.at("bin/tool")), programs.at("bin/tool"));
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("findCommand() finds names that are not UTF-8", () => {
  using programs = new Programs({ "bin/x": 0o755 });
  const script = `cp "$1/bin/x" "$1/bin/$(printf '\\200\\377')"`;
  assert.ok(new Deno.Command("sh", { args: ["-c", script, "sh", programs.path] }).outputSync().success);
  const name = "\x80\xff" as ByteString;
  assert.equal(findCommand(name, fromText(programs.at("bin"))), `${programs.at("bin")}/${name}`);
});

Deno.test("findCommand() exits with 127 for what is not there", () => {
  using programs = new Programs({ file: 0o755 });
  cannot(127, /Cannot run "no-such-tool": .*installed/, () => find("no-such-tool", programs.path));
  cannot(127, /Cannot run ".*\/missing": no such file/, () => find(programs.at("missing")));
  cannot(127, /no such file/, () => find(programs.at("file/below")));
  cannot(127, /empty/, () => find("", "/bin"));
  cannot(127, /not found/, () => find(".", "/bin"));
});

Deno.test("findCommand() exits with 126 for what cannot be executed, and names it", () => {
  using programs = new Programs({ "bin/tool": 0o644, "dir/x": 0o755 });
  cannot(126, /Cannot run ".*\/bin\/tool": permission denied/, () => find("tool", "/nowhere", programs.at("bin")));
  cannot(126, /permission denied/, () => find(programs.at("bin/tool")));
  cannot(126, /it is a directory/, () => find(programs.at("dir")));
  cannot(126, /it is a directory/, () => find(programs.at("dir/")));
});

Deno.test("findCommand() leaves what only the other machine has to it", () => {
  for (const path of ["/proc/self/no-such-file", "/dev/no-such-file", "/run/no-such-file", "/sys/no-such-file"]) {
    assert.equal(find(path), path);
  }
  cannot(127, /no such file/, () => find("/devices/no-such-file"));
});

Deno.test("the message of a CommandError quotes what a terminal must not see", () => {
  cannot(127, /^Cannot run "\\u001b\[2J": /, () => find("\x1b[2J", "/nowhere"));
});
