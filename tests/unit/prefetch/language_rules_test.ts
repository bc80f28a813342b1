import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { readGccArguments } from "../../../lib/prefetch/gcc/arguments.ts";
import { indexFolders } from "../../../lib/prefetch/git/index_folders.ts";
import { damaged, makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned, withProgram } from "./planned.ts";

const noise = Uint8Array.from({ length: 5000 }, (_, i) => i * 11 + (i >> 8));

const node = () => withProgram(new MemoryDisk(), "/bin/node");

Deno.test("node: a script's package, relative modules with and without extension, folders and their main", () => {
  const disk = node().file("/src/package.json", "{}").file(
    "/src/src/main.js",
    `require("./a"); require('../lib'); import("./gone")`,
  )
    .file("/src/src/a.js", `import x from "./a.js"; export * from "./data.json"`).file("/src/src/data.json", "{}")
    .file("/src/lib/package.json", `{"main":"./out"}`).file("/src/lib/out/index.js", "");
  assertInOrder(planned(disk, ["/bin/node", "src/main.js"], { cwd: "/src" }), [
    "content /src/src/main.js",
    "name /src/src/package.json",
    "content /src/package.json",
    "name /src/src/a",
    "content /src/src/a.js",
    "content /src/src/data.json",
    "content /src/lib/package.json",
    "content /src/lib/out/index.js",
    "name /src/src/gone",
    "name /src/src/gone.js",
  ]);
});

Deno.test("node: packages are looked for upwards, their exports heeded, node's own modules not looked for", () => {
  const home = "/src/node_modules";
  const disk = node().file(
    "/src/src/main.mjs",
    `import "fs"; import "node:path"; import a from "a"; import b from "@s/b/sub"; import "c"`,
  )
    .file(`${home}/a/package.json`, `{"main":"no.js","exports":{".":{"import":"./yes.js","browser":"./no.js"}}}`)
    .file(`${home}/a/yes.js`).file(`${home}/a/no.js`)
    .file(`${home}/@s/b/package.json`, `{"exports":{"./sub":"./dist/sub.js"}}`).file(`${home}/@s/b/dist/sub.js`);
  const wants = planned(disk, ["/bin/node", "src/main.mjs"], { cwd: "/src" });
  assertInOrder(wants, [
    "name /src/src/node_modules",
    `content ${home}/a/package.json`,
    `content ${home}/a/yes.js`,
    `content ${home}/@s/b/dist/sub.js`,
    `name ${home}/c`,
    "name /node_modules",
  ]);
  assert.ok(!wants.some((want) => /no\.js|\/fs|node:/.test(want)));
});

Deno.test("node: a link to a module is followed before its own modules are looked for", () => {
  const disk = node().link("/bin/tool", "/opt/tool/cli.js").executable(
    "/opt/tool/cli.js",
    "#!/bin/node\nrequire('./lib')",
  )
    .file("/opt/tool/lib.js");
  assertInOrder(planned(disk, ["/bin/tool"]), ["content /bin/tool", "content /bin/node", "content /opt/tool/lib.js"]);
});

Deno.test("node: modules that load themselves, and bytes of any kind, come to an end", () => {
  const disk = node().file(
    "/a.js",
    `require("/a.js"); require("/b"); require("/noise.js"); require("p"); require("${"x/".repeat(400)}")`,
  )
    .file("/b/package.json", noise).file("/b/index.js", `require(".."); require("./"); require("/b/index")`).file(
      "/noise.js",
      noise,
    )
    .file("/node_modules/p/package.json", `{"exports":${`{"node":`.repeat(20)}1${"}".repeat(20)},"main":7}`)
    .file("/c/package.json", `{"main":"."}`);
  planned(disk, ["/bin/node", "a.js"]);
  planned(disk, ["/bin/node", "/c"]);
  for (const args of [["-e"], ["-r"], ["--require", "/b", "-p", "1"], ["gone"], []]) {
    planned(disk, ["/bin/node", ...args]);
  }
});

Deno.test("ruby: the load path is read out of libruby, and searched for source before objects", () => {
  const own = "/usr/lib/ruby/3.1.0";
  const folders = ["/usr/local/lib/site_ruby/3.1.0", own, "/usr/lib/x86_64-linux-gnu/ruby/3.1.0"];
  const disk = withProgram(new MemoryDisk(), "/usr/bin/ruby3.1", { needed: ["libruby-3.1.so.3.1", "libc.so.6"] })
    .link("/usr/bin/ruby", "ruby3.1")
    .file(
      "/lib64/libruby-3.1.so.3.1",
      makeElf({ soname: "libruby-3.1.so.3.1", constants: `\0${folders.join("\0")}\0/usr/include/ruby-3.1.0/ruby.h\0` }),
    )
    .directory(folders[0])
    .file(`${own}/set.rb`, "begin\n  require 'ext'\nend\nrequire_relative 'near'\n  def f\n    require 'lazy'\n  end\n")
    .file(`${own}/near.rb`)
    .file(`${folders[2]}/ext.so`, makeElf())
    .file(`${folders[2]}/enc/encdb.so`, makeElf())
    .file("/usr/lib/ruby/gems/3.1.0/specifications/default/json.gemspec")
    .file("/src/s.rb", "require 'set'\n");
  const wants = planned(disk, ["/usr/bin/ruby", "s.rb"], { cwd: "/src" });
  assertInOrder(wants, [
    `name ${folders[0]}/enc`,
    `content ${folders[2]}/enc/encdb.so`,
    "content /usr/lib/ruby/gems/3.1.0/specifications/default/json.gemspec",
    "content /src/s.rb",
    `name ${folders[0]}/set.rb`,
    `content ${own}/set.rb`,
    `name ${own}/ext.rb`,
    `name ${own}/ext.so`,
    `content ${folders[2]}/ext.so`,
    `content ${own}/near.rb`,
  ]);
  assert.ok(!wants.some((want) => want.includes("lazy") || want.includes("/usr/include")));
  disk.file(`${own}/loop.rb`, "require 'loop'\n").file(`${own}/noise.rb`, noise);
  planned(disk, ["/usr/bin/ruby", "-rloop", "-rnoise", "-e", "require 'set'"]);
});

/** GCC 12 in /usr. */
function gcc(): MemoryDisk {
  const home = "/usr/lib/gcc/x86_64-linux-gnu/12";
  const disk = withProgram(new MemoryDisk(), "/usr/bin/x86_64-linux-gnu-gcc-12").link(
    "/usr/bin/gcc",
    "x86_64-linux-gnu-gcc-12",
  )
    .directory("/usr/lib/gcc/x86_64-linux-gnu/9").directory("/usr/include/x86_64-linux-gnu").directory("/tmp");
  for (const name of ["cc1", "cc1plus", "collect2"]) withProgram(disk, `${home}/${name}`);
  for (const name of ["as", "ld"]) withProgram(disk, `/usr/bin/${name}`);
  return disk.file(`${home}/liblto_plugin.so`).file(`${home}/include/stddef.h`).file(
    "/usr/lib/x86_64-linux-gnu/Scrt1.o",
  )
    .file(`${home}/crtbeginS.o`).file(`${home}/libgcc.a`)
    .file("/usr/lib/x86_64-linux-gnu/libc.so", "/* GNU ld script */\nGROUP ( /lib/libc.so.6 AS_NEEDED ( extra.so.1 ) )")
    .file("/lib/libc.so.6");
}

Deno.test("gcc: compiler with headers, assembler by PATH, linker with its files", () => {
  const home = "/usr/lib/gcc/x86_64-linux-gnu/12";
  const disk = gcc().file("/src/a.c", `#include <stdio.h>\n# include "own.h"\n`).file(
    "/src/inc/own.h",
    "#include <stddef.h>\n#include <own.h>\n",
  )
    .file("/usr/include/stdio.h", "#include <bits/types.h>\n").file("/usr/include/x86_64-linux-gnu/bits/types.h");
  assertInOrder(
    planned(disk, ["/usr/bin/gcc", "-Iinc", "a.c", "-o", "prog"], { cwd: "/src", env: ["PATH=/bin:/usr/bin"] }),
    [
      "content /usr/bin/gcc",
      `name ${home}/specs`,
      `content ${home}/cc1`,
      `name ${home}/include`,
      "name /src/a.c.gch",
      "content /src/a.c",
      `name ${home}/include/stdc-predef.h`,
      `name ${home}/include/stdio.h`,
      "content /usr/include/stdio.h",
      "content /usr/include/x86_64-linux-gnu/bits/types.h",
      "name /src/own.h",
      "content /src/inc/own.h",
      `content ${home}/include/stddef.h`,
      `name ${home}/as`,
      "content /usr/bin/as",
      `content ${home}/liblto_plugin.so`,
      `name ${home}/Scrt1.o`,
      "content /usr/lib/x86_64-linux-gnu/Scrt1.o",
      `content ${home}/crtbeginS.o`,
      `content ${home}/collect2`,
      "content /usr/bin/ld",
      "name /src/prog",
      `name ${home}/libgcc.so`,
      `content ${home}/libgcc.a`,
      "content /usr/lib/x86_64-linux-gnu/libc.so",
      "content /lib/libc.so.6",
      "name /usr/lib/x86_64-linux-gnu/extra.so.1",
    ],
  );
});

Deno.test("gcc: include_next goes on behind the folder of the file that says it", () => {
  const disk = gcc().file("/src/a.c", "#include <x.h>\n").file("/src/one/x.h", "#include_next <x.h>\n").file(
    "/src/two/x.h",
  );
  const wants = planned(disk, ["/usr/bin/gcc", "-c", "-Ione", "-Itwo", "a.c"], { cwd: "/src" });
  assertInOrder(wants, ["content /src/one/x.h", "content /src/two/x.h"]);
});

Deno.test("gcc: -c does not link, -E does not assemble, and headers that include each other come to an end", () => {
  const disk = gcc().file("/a.c", `#include "b.h"\n#include_next <b.h>\n#include X\n#include <\n`).file(
    "/b.h",
    `#include "a.c"\n#include "b.h"\n`,
  )
    .file("/noise.c", noise);
  const run = (...args: string[]) => planned(disk, ["/usr/bin/gcc", ...args], { env: ["PATH=/usr/bin"] });
  assert.ok(!run("-c", "a.c").includes("content /usr/bin/ld"));
  assert.ok(!run("-E", "a.c").includes("content /usr/bin/as"));
  assert.ok(run("-c", "a.s").includes("content /usr/bin/as"));
  assert.ok(!run("--version").some((want) => want.endsWith("cc1")));
  run("noise.c");
});

Deno.test("readGccArguments() tells sources, folders and the last step", () => {
  const read = (line: string, isPlusPlus = false) => readGccArguments(line.split(" ").map(fromText), isPlusPlus);
  const args = read("gcc -O2 -I a -Ib -isystem c -Ld -l e -lf -x c -o out x.c y.cpp z.S w.o");
  assert.deepEqual(args.sources.map(({ file, language }) => [file, language]), [["x.c", "c"], ["y.cpp", "c++"], [
    "z.S",
    "assembler",
  ]]);
  assert.deepEqual([args.includeFolders, args.libraryFolders, args.libraries], [["a", "b", "c"], ["d"], ["e", "f"]]);
  assert.deepEqual([args.output, args.until, args.isStatic], ["out", "link", false]);
  assert.equal(read("g++ x.c", true).sources[0].language, "c++");
  assert.deepEqual(["-c", "-S", "-E", "-static"].map((option) => read(`gcc ${option} x.c`).until), [
    "assemble",
    "compile",
    "preprocess",
    "link",
  ]);
  read("gcc -o");
});

Deno.test("java: the virtual machine, class data by size, and the class path", () => {
  const home = "/opt/jdk";
  const disk = withProgram(new MemoryDisk(), `${home}/bin/java`, {
    needed: ["libjli.so", "libc.so.6"],
    rpath: "$ORIGIN/../lib",
  })
    .link("/usr/bin/java", `${home}/bin/java`).file(`${home}/lib/libjli.so`, makeElf({ soname: "libjli.so" })).file(
      `${home}/lib/jvm.cfg`,
    )
    .file(`${home}/lib/server/libjvm.so`, makeElf({ soname: "libjvm.so" })).file(
      `${home}/lib/libjava.so`,
      makeElf({ soname: "libjava.so" }),
    )
    .file(`${home}/lib/modules`, new Uint8Array(25 << 20)).file(`${home}/lib/server/classes.jsa`).file("/src/a.jar")
    .file("/src/lib/b.jar");
  const wants = planned(disk, ["/usr/bin/java", "-Xmx1g", "-cp", "a.jar:lib/*", "Main"], { cwd: "/src" });
  assertInOrder(wants, [
    `content ${home}/lib/libjli.so`,
    `content ${home}/lib/libjava.so`,
    `content ${home}/lib/jvm.cfg`,
    `content ${home}/lib/server/libjvm.so`,
    `name ${home}/lib/modules`,
    `content ${home}/lib/server/classes.jsa`,
    "listing /src/lib",
    "content /src/a.jar",
    "content /src/lib/b.jar",
  ]);
  assert.ok(planned(disk, ["/usr/bin/java", "-jar", "a.jar"], { cwd: "/src" }).includes("content /src/a.jar"));
});

Deno.test("git: configuration, the repository around the working directory, a work tree's link", () => {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/git").directory("/etc").file("/home/u/.gitconfig")
    .file("/main/.git/HEAD", "ref: refs/heads/main\n").file("/main/.git/config").file("/main/.git/index").file(
      "/main/.git/refs/heads/main",
    )
    .file("/main/.git/objects/pack/p.idx").directory("/main/src/deep")
    .file("/tree/.git", "gitdir: /main/.git/worktrees/t\n").file("/main/.git/worktrees/t/commondir", "../..\n")
    .file("/main/.git/worktrees/t/HEAD", "ref: refs/heads/t\n");
  const env = ["HOME=/home/u"];
  assertInOrder(planned(disk, ["/usr/bin/git", "status"], { env, cwd: "/main/src/deep" }), [
    "name /etc/gitconfig",
    "name /home/u/.config",
    "content /home/u/.gitconfig",
    "name /main/src/deep/.git",
    "name /main/src/.git",
    "content /main/.git/HEAD",
    "content /main/.git/config",
    "content /main/.git/refs/heads/main",
    "content /main/.git/index",
    "listing /main/.git/objects/pack",
    "content /main/.git/objects/pack/p.idx",
    "name /main/.gitignore",
  ]);
  assertInOrder(planned(disk, ["/usr/bin/git", "-C", "/tree", "log"], { env, cwd: "/" }), [
    "content /tree/.git",
    "content /main/.git/worktrees/t/commondir",
    "content /main/.git/worktrees/t/HEAD",
    "content /main/.git/config",
    "name /main/.git/refs/heads/t",
  ]);
  assert.ok(!planned(disk, ["/usr/bin/git", "--version"], { env, cwd: "/main" }).includes("content /main/.git/HEAD"));
});

Deno.test("git: outside of repositories, with broken links, and commands that are programs of their own", () => {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/git").file("/a/.git", "gitdir: ../a/.git\n").file(
    "/b/.git",
    noise,
  )
    .executable("/usr/lib/git-core/git-remote-http", makeElf()).link("/usr/lib/git-core/git-log", "/usr/bin/git");
  for (const cwd of ["/", "/a", "/b", "/gone/x"]) {
    const wants = planned(disk, ["/usr/bin/git", "status"], { cwd });
    assert.ok(wants.includes("name /.git") && !wants.includes("name /.gitignore"), cwd);
  }
  assert.ok(planned(disk, ["/usr/bin/git", "remote-http"]).includes("content /usr/lib/git-core/git-remote-http"));
  assert.ok(!planned(disk, ["/usr/bin/git", "log"]).includes("content /usr/lib/git-core/git-log"));
});

/** An index of version 2 with these paths. */
function makeIndex(...paths: string[]): Uint8Array {
  const entries = paths.map((path) => "\0".repeat(62) + path + "\0".repeat(8 - (62 + path.length) % 8));
  const text = `DIRC\0\0\0\x02\0\0\0${String.fromCharCode(paths.length)}${entries.join("")}`;
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

Deno.test("indexFolders() reads the folders of tracked files, and survives damage", () => {
  const index = makeIndex("a", "b", "src/one.c", "src/two.c", "src/deep/er/x");
  assert.deepEqual(indexFolders(index), [".", "src", "src/deep", "src/deep/er"]);
  for (const data of damaged(index)) assert.ok(indexFolders(data).length <= 10);
  assert.deepEqual(indexFolders(new Uint8Array(0)), []);
});

Deno.test("git: the folders of tracked files are listed by commands that look at them all", () => {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/git").file("/w/.git/HEAD", "x").file(
    "/w/.git/index",
    makeIndex("a", "src/b"),
  )
    .file("/w/src/b");
  assertInOrder(planned(disk, ["/usr/bin/git", "status"], { cwd: "/w" }), [
    "listing /w",
    "name /w/.git/MERGE_HEAD",
    "listing /w/src",
  ]);
  assert.ok(!planned(disk, ["/usr/bin/git", "log"], { cwd: "/w" }).includes("listing /w/src"));
});
