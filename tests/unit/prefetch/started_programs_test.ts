import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { planStart, StartedPrograms, type Want } from "../../../lib/prefetch/mod.ts";
import { MAX_SEARCHES } from "../../../lib/protocol/mod.ts";
import { makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { withProgram } from "./planned.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

const PATH = "PATH=/bin";
const cwd = fromText("/");

/** What a command's plan, or the trace of an earlier run, leaves to be told of programs that it starts. */
function started(disk: MemoryDisk, argv: string[], { trace, env = PATH }: { trace?: string[]; env?: string } = {}) {
  const command = { path: fromText(argv[0]), argv: argv.map(fromText), env: [fromText(env)], cwd };
  const planned = trace === undefined ? new Set<string>() : undefined;
  const wants = trace?.map((path) => ({ kind: "content", path: fromText(path) }) as Want) ??
    planStart(command, { disk, planned });
  const programs = new StartedPrograms({ command, wants, planned, disk });
  const lines = (list: Want[]) => list.map(({ kind, path }) => `${kind} ${path}`);
  return {
    searched: (name: string) => lines(programs.search(fromText(name))),
    opened: (path: string) => lines(programs.plan({ path: fromText(path) })),
    runs: (path: string, argv: string[], directory = "/") =>
      lines(programs.plan({ path: fromText(path), running: { argv: argv.map(fromText), cwd: fromText(directory) } })),
  };
}

/** A shell, and a program with a library of its own that nobody can know of by the shell's arguments. */
function machine(): MemoryDisk {
  const disk = withProgram(new MemoryDisk(), "/bin/sh");
  withProgram(disk, "/bin/tool", { needed: ["libtool.so", "libc.so.6"] });
  return disk.file("/lib64/libtool.so", makeElf({ soname: "libtool.so" })).file("/data/in.txt", "x");
}

Deno.test("StartedPrograms plans what an unexpected program loads when its file is opened, but nothing of arguments", () => {
  const programs = started(machine(), ["/bin/sh", "-c", "$(choose)"]);
  const wants = programs.opened("/bin/tool");
  assert.ok(wants.includes("content /bin/tool") && wants.includes("content /lib64/libtool.so"), wants.join());
  // A shell without arguments would be interactive.
  const shell = started(withProgram(machine(), "/bin/bash"), ["/bin/tool"]).opened("/bin/bash");
  assert.ok(shell.includes("content /bin/bash") && !shell.some((want) => want.includes("bashrc")), shell.join());
});

Deno.test("StartedPrograms plans for the arguments of an unexpected program when it runs", () => {
  const programs = started(machine(), ["/bin/sh", "-c", "$(choose)"]);
  programs.opened("/bin/tool");
  assert.ok(programs.runs("/bin/tool", ["tool", "in.txt"], "/data").includes("content /data/in.txt"));
});

Deno.test("StartedPrograms plans nothing for what the command was planned to start", () => {
  const programs = started(machine(), ["/bin/sh", "-c", "tool /data/in.txt"]);
  assert.deepEqual(programs.opened("/bin/tool"), []);
  assert.deepEqual(programs.runs("/bin/tool", ["tool", "/data/in.txt"]), []);
  assert.notDeepEqual(programs.runs("/bin/tool", ["tool", "/data/none.txt"]), [], "other arguments");
});

Deno.test("StartedPrograms plans nothing for a program of an earlier run, whatever its arguments, but for others", () => {
  const programs = started(machine(), ["/bin/sh"], { trace: ["/bin/sh", "/bin/tool"] });
  assert.deepEqual(programs.opened("/bin/tool"), []);
  assert.deepEqual(programs.runs("/bin/tool", ["tool", "/data/in.txt"]), []);
  const other = started(machine(), ["/bin/sh"], { trace: ["/bin/sh"] });
  assert.notDeepEqual(other.opened("/bin/tool"), []);
});

Deno.test("StartedPrograms plans by the name under which a program was called", () => {
  // A virtual environment's python is a link, and goes by where that is.
  const disk = withProgram(new MemoryDisk(), "/usr/bin/python3").link("/venv/bin/python", "/usr/bin/python3")
    .file("/venv/pyvenv.cfg", "home = /usr/bin\n");
  const programs = started(withProgram(disk, "/bin/sh"), ["/bin/sh", "-c", "$(choose)"]);
  const wants = programs.runs("/usr/bin/python3", ["/venv/bin/python", "-c", "1"]);
  assert.ok(wants.includes("content /venv/pyvenv.cfg"), wants.join());
});

Deno.test("StartedPrograms plans nothing for a file that is not here", () => {
  assert.deepEqual(started(machine(), ["/bin/sh"]).opened("/bin/none"), []);
});

Deno.test("StartedPrograms looks at what two programs share but once in a while", () => {
  const disk = machine().file("/lib64/libshared.so", makeElf({ soname: "libshared.so" }));
  for (const name of ["one", "two"]) withProgram(disk, `/bin/${name}`, { needed: ["libshared.so", "libc.so.6"] });
  const programs = started(disk, ["/bin/sh"]);
  const first = programs.opened("/bin/one");
  assert.ok(first.includes("content /lib64/libshared.so"), first.join());
  disk.asked.length = 0;
  assert.deepEqual(programs.opened("/bin/two"), ["content /bin/two"]);
  assert.ok(!disk.asked.some((asked) => asked.includes("libshared")), disk.asked.join());
});

Deno.test("StartedPrograms plans for so many programs only", () => {
  const disk = machine();
  for (let i = 0; i < 600; i++) withProgram(disk, `/bin/tool${i}`);
  const programs = started(disk, ["/bin/sh"]);
  const plans = Array.from({ length: 600 }, (_, i) => programs.opened(`/bin/tool${i}`).length > 0);
  assert.deepEqual(plans, plans.map((_, i) => i < 512));
});

Deno.test("StartedPrograms plans a search: the name in each directory of PATH until it is found, and what it loads", () => {
  const disk = machine().file("/data/tool", "no program").directory("/etc/tool");
  const programs = started(disk, ["/bin/sh"], { env: "PATH=/none/bin:/data:/etc:/proc:/bin:/lib64" });
  const wants = programs.searched("tool");
  assert.deepEqual(wants.slice(0, 4), ["name /none", "name /data/tool", "name /etc/tool", "content /bin/tool"]);
  assert.ok(wants.includes("content /lib64/libtool.so"), wants.join());
  assert.ok(!wants.some((want) => want.endsWith("/lib64/tool")), wants.join());
  assert.deepEqual(programs.searched("tool"), []);
  assert.deepEqual(programs.opened("/bin/tool"), [], "what it loads is told");
  assert.ok(programs.runs("/bin/tool", ["tool", "in.txt"], "/data").includes("content /data/in.txt"));
});

Deno.test("StartedPrograms plans a search through links, by the name that is searched", () => {
  const disk = machine().link("/bin/alias", "/etc/alternatives/alias").link("/etc/alternatives/alias", "/bin/tool");
  const wants = started(disk, ["/bin/sh"]).searched("alias");
  assert.ok(wants.includes("content /bin/alias") && wants.includes("content /lib64/libtool.so"), wants.join());
});

Deno.test("StartedPrograms plans nothing of arguments for a search", () => {
  const wants = started(withProgram(machine(), "/bin/bash"), ["/bin/tool"]).searched("bash");
  assert.ok(wants.includes("content /bin/bash") && !wants.some((want) => want.includes("bashrc")), wants.join());
});

Deno.test("StartedPrograms plans that nothing is found, which is no work, for so many names only", () => {
  const disk = machine();
  const programs = started(disk, ["/bin/sh"], { env: "PATH=/data:/bin" });
  for (let i = 1; i < MAX_SEARCHES; i++) {
    assert.deepEqual(programs.searched(`none${i}`), [`name /data/none${i}`, `name /bin/none${i}`]);
  }
  disk.asked.length = 0;
  assert.deepEqual(programs.searched("none1"), []);
  assert.notDeepEqual(programs.searched("tool"), []);
  disk.asked.length = 0;
  assert.deepEqual(programs.searched("more"), []);
  assert.deepEqual(disk.asked, []);
});

Deno.test("StartedPrograms plans searches and starts of so many programs only, together", () => {
  const disk = machine();
  for (let i = 0; i < 600; i++) withProgram(disk, `/bin/tool${i}`);
  const programs = started(disk, ["/bin/sh"]);
  const plans = Array.from({ length: 600 }, (_, i) => {
    const wants = i % 2 === 0 ? programs.searched(`tool${i}`) : programs.opened(`/bin/tool${i}`);
    return wants.length > 0;
  });
  assert.deepEqual(plans, plans.map((_, i) => i < 512));
});
