import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { type Disk, planStart, type Want } from "../../../lib/prefetch/mod.ts";
import { Plan } from "../../../lib/prefetch/plan.ts";
import type { Program } from "../../../lib/prefetch/program.ts";
import type { Rule } from "../../../lib/prefetch/rule.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { planned, withProgram } from "./planned.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** A rule for every program. */
function rule(name: string, plan: (program: Program) => void): Rule {
  return { name, applies: () => true, plan };
}

const want = (...wants: [Want["kind"], string][]) =>
  rule("test", (program) => {
    for (const [kind, path] of wants) program[kind](fromText(path));
  });

const command = { path: fromText("/p"), argv: [fromText("p")], env: [], cwd: fromText("/src") };

Deno.test("Plan wants each path once, the working directory first, and content where only a name was wanted before", () => {
  const disk = new MemoryDisk().file("/p").file("/a").file("/b").directory("/d").directory("/src");
  const rules = [
    want(["name", "/a"], ["content", "/b"], ["content", "/a"], ["name", "/b"], ["name", "/d"], ["listing", "/d"]),
  ];
  assert.deepEqual(planned(disk, ["/p"], { rules, cwd: "/src" }), [
    "content /p",
    "content /a",
    "content /b",
    "listing /d",
  ]);
});

Deno.test("Plan wants of a path that does not exist the first name that is missing", () => {
  const disk = new MemoryDisk().file("/p").directory("/usr/lib").file("/file").link("/dangling", "/nowhere");
  const rules = [
    want(["content", "/usr/lib/a/b/c"], ["name", "/usr/lib/a/d"], ["listing", "/x/y"], ["name", "/file/below"], [
      "name",
      "/dangling",
    ]),
  ];
  assert.deepEqual(planned(disk, ["/p"], { rules }).slice(1), [
    "name /usr/lib/a",
    "name /x",
    "name /file/below",
    "name /dangling",
  ]);
});

Deno.test("Plan wants only a name of what is no regular file, and does not read it", () => {
  const disk = new MemoryDisk().file("/p").device("/fifo").directory("/d");
  const rules = [
    want(["content", "/fifo"], ["content", "/d"], ["listing", "/fifo"]),
    rule("reader", (program) => assert.equal(program.disk.readText(fromText("/fifo")), undefined)),
  ];
  assert.deepEqual(planned(disk, ["/p"], { rules }).slice(1), ["name /fifo", "name /d"]);
});

Deno.test("Plan gives absolute paths without empty names, dots and links before two dots", () => {
  const disk = new MemoryDisk().file("/p").file("/src/a").file("/real/b").directory("/real/inner").link(
    "/link",
    "/real/inner",
  );
  const rules = [want(["name", "a"], ["name", "//src/./a/"], ["name", "/link/../b"], ["name", "/gone/../src/a"])];
  assert.deepEqual(planned(disk, ["/p"], { rules, cwd: "/src" }).slice(1), [
    "name /src/a",
    "name /real/b",
    "name /gone",
  ]);
});

Deno.test("Plan leaves out what the other machine has of its own, and what no path can be", () => {
  const disk = new MemoryDisk().file("/p").file("/dev/null").file("/etc/hosts").file("/developer");
  const long = `/${"x".repeat(256)}`;
  const rules = [
    want(["name", "/dev/null"], ["name", "/proc"], ["content", "/etc/hosts"], ["content", "/etc/resolv.conf"], [
      "name",
      "/",
    ]),
    want(["name", "/sys/a"], ["name", "/run"], ["name", "/developer"], ["name", long], ["name", "/a\0b"], [
      "listing",
      long,
    ]),
  ];
  assert.deepEqual(planned(disk, ["/p"], { rules }).slice(1), ["name /developer"]);
});

Deno.test("Plan follows what a rule executes, each command once, and not for ever", () => {
  const disk = new MemoryDisk().file("/p").file("/q");
  const argv = (...words: string[]) => words.map(fromText);
  const executed: string[] = [];
  const rules = [rule("executes", (program) => {
    executed.push(program.argv.join(" "));
    program.execute({ path: fromText("/q"), argv: argv("q") });
    program.execute({ path: fromText("/q"), argv: argv("q", `${program.argv.length}`) });
    program.execute({ path: fromText("/gone"), argv: argv("gone") });
    program.execute({ path: fromText("/q"), argv: argv("q", ...program.argv) });
  })];
  assert.deepEqual(planned(disk, ["/p"], { rules }), ["content /p", "content /q", "name /gone"]);
  assert.ok(executed.length < 100, `${executed.length} commands`);
  assert.equal(new Set(executed).size, executed.length);
});

Deno.test("Plan ends at its limit, and goes on after a rule that fails", () => {
  const disk = new MemoryDisk().file("/p");
  const failing = rule("failing", () => {
    throw new Error("broken");
  });
  const many = rule("many", (program) => {
    for (let i = 0;; i++) program.name(fromText(`/${i}`));
  });
  const lines: string[] = [];
  const plan = new Plan({
    disk,
    rules: [failing, many],
    limit: 10,
    deadline: 1,
    now: () => 0,
    log: { debug: (text) => lines.push(text) },
  });
  plan.start(command);
  assert.deepEqual(plan.wants.slice(0, 3).map(({ path }) => path), ["/src", "/p", "/0"]);
  assert.equal(plan.wants.length, 10);
  assert.match(lines[0], /rule "failing" failed for "\/p": broken/);
  assert.match(lines[1], /ends after 10 wants/);
});

Deno.test("Plan ends at its deadline, be it while it asks the disk", () => {
  const disk = withProgram(new MemoryDisk(), "/p");
  let time = 0;
  const slow: Disk = {
    stat: (path) => (time += 10, disk.stat(path)),
    lstat: (path) => (time += 10, disk.lstat(path)),
    readLink: (path) => disk.readLink(path),
    read: (path, range) => (time += 10, disk.read(path, range)),
    list: (path) => disk.list(path),
  };
  const endless = rule("endless", (program) => {
    for (let i = 0;; i++) program.disk.stat(fromText(`/${i}`));
  });
  const log = { debug: () => {} };
  const plan = new Plan({
    disk: slow,
    rules: [want(["name", "/a"]), endless],
    limit: 1e6,
    deadline: 500,
    now: () => time,
    log,
  });
  plan.start(command);
  assert.deepEqual(plan.wants.map(({ path }) => path), ["/src", "/p", "/a"]);
  assert.ok(time <= 520, `${time} ms`);
});

Deno.test("planStart() plans nothing for what is not there, and does not throw at senseless commands", () => {
  const disk = new MemoryDisk();
  assert.deepEqual(planStart({ ...command, path: fromText("gone") }, { disk }), [{ kind: "name", path: "/src" }]);
  const empty = "" as ByteString;
  for (const cwd of [empty, fromText("relative"), fromText("/../..")]) {
    for (const path of [empty, fromText("."), fromText("/"), "\0" as ByteString]) {
      assert.ok(
        planStart({ path, argv: [], env: [empty, fromText("="), fromText("PATH")], cwd }, { disk }).length <= 1,
      );
    }
  }
});

Deno.test("planStart() gives what it has when the disk throws", () => {
  const disk = withProgram(new MemoryDisk(), "/p");
  const broken: Disk = {
    stat: (path) => disk.stat(path),
    lstat: () => {
      throw new Error("no links today");
    },
    readLink: () => undefined,
    read: (path, range) => disk.read(path, range),
    list: () => undefined,
  };
  assert.ok(planStart(command, { disk: broken }).some(({ path }) => path === "/p"));
});
