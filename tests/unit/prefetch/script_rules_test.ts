import assert from "node:assert/strict";
import { byteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import { readShebang } from "../../../lib/prefetch/rules/shebang.ts";
import { splitWords } from "../../../lib/prefetch/rules/wrapper.ts";
import { scanCommands } from "../../../lib/prefetch/shell/scan_commands.ts";
import { makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned } from "./planned.ts";

/** Static executables: they want but themselves. */
function programs(...paths: string[]): MemoryDisk {
  const disk = new MemoryDisk();
  for (const path of paths) disk.executable(path, makeElf());
  return disk;
}

const shebang = (text: string) => readShebang(toBytes(fromText(text)));

Deno.test("readShebang() reads the first line as the kernel does", () => {
  assert.deepEqual(shebang("#!/bin/sh\necho"), { path: "/bin/sh", argument: undefined });
  assert.deepEqual(shebang("#! \t/usr/bin/env -S python3 -I \n"), { path: "/usr/bin/env", argument: "-S python3 -I" });
  assert.deepEqual(shebang("#!/bin/sh"), { path: "/bin/sh", argument: undefined });
  for (const text of ["", "#", "#!", "#!\n/bin/sh", "#!   \n", " #!/bin/sh", "\x7fELF"]) {
    assert.equal(shebang(text), undefined);
  }
});

Deno.test("script: the interpreter is executed with the script, through links and other scripts", () => {
  const disk = programs("/usr/bin/interpreter").link("/bin/i", "/usr/bin/interpreter")
    .executable("/one", "#!/two -x\n").executable("/two", "#!/bin/i\n");
  assert.deepEqual(planned(disk, ["/one"]).filter((want) => want.startsWith("content")), [
    "content /one",
    "content /two",
    "content /bin/i",
  ]);
});

Deno.test("script: one that is its own interpreter, or has none, ends it", () => {
  const disk = new MemoryDisk().executable("/self", "#!/self\n").executable("/none", "#!/gone\n").executable(
    "/text",
    "hello",
  );
  assert.deepEqual(planned(disk, ["/self"]), ["content /self"]);
  assert.deepEqual(planned(disk, ["/none"]), ["content /none", "name /gone"]);
  assert.deepEqual(planned(disk, ["/text"]), ["content /text"]);
});

Deno.test("wrapper: `env` searches PATH for the script's interpreter, misses included", () => {
  const disk = programs("/usr/bin/env", "/b/tool9").directory("/a").executable("/s", "#!/usr/bin/env tool9\n");
  assert.deepEqual(planned(disk, ["/s"], { env: ["PATH=/gone:/a:/b:/c"] }), [
    "content /s",
    "content /usr/bin/env",
    "name /gone",
    "name /a/tool9",
    "content /b/tool9",
  ]);
});

Deno.test("wrapper: an empty directory of PATH is the working directory", () => {
  const disk = programs("/usr/bin/env", "/src/tool").executable("/s", "#!/usr/bin/env tool\n");
  const wants = planned(disk, ["/s"], { env: ["PATH=:/a"], cwd: "/src" });
  assert.deepEqual(wants, ["content /s", "content /usr/bin/env", "content /src/tool"]);
});

Deno.test("wrapper: `env` splits, sets and unsets", () => {
  const disk = programs("/usr/bin/env", "/new/tool").file("/new/given.txt");
  const argv = ["/usr/bin/env", "-i", "-u", "X", "-C", "/new", "PATH=/new", "-S", "tool 'given.txt' -v"];
  assertInOrder(planned(disk, argv, { env: ["PATH=/old"] }), ["content /new/tool", "content /new/given.txt"]);
  assert.ok(planned(disk, ["/usr/bin/env", "--", "tool"], { env: ["PATH=/new"] }).includes("content /new/tool"));
  assert.deepEqual(planned(disk, ["/usr/bin/env"]), ["content /usr/bin/env"]);
});

Deno.test("splitWords() keeps quoted blanks together", () => {
  assert.deepEqual(splitWords(fromText(` a 'b c'd "e f" `)), ["a", "b cd", "e f"]);
  assert.deepEqual(splitWords(fromText("")), []);
});

Deno.test("wrapper: options and operands of wrappers are passed over", () => {
  const paths = ["nice", "timeout", "xargs", "taskset", "stdbuf", "setsid", "tool"].map((name) => `/b/${name}`);
  const lines = [
    "nice -n 5 tool",
    "nice -n5 tool",
    "nice --adjustment 5 tool",
    "timeout -k 1 --signal=TERM 5 tool",
    "xargs -0 -I {} tool",
    "taskset -c 1 tool",
    "stdbuf -oL -e 0 tool",
    "setsid -w -- tool",
    "nice timeout 5 nice tool",
  ];
  for (const line of lines) {
    const [name, ...args] = line.split(" ");
    assert.ok(
      planned(programs(...paths), [`/b/${name}`, ...args], { env: ["PATH=/b"] }).includes("content /b/tool"),
      line,
    );
  }
});

/** The commands of a script, words joined by blanks. */
function commands(text: string, args: string[] = [], parameters: Record<string, string> = {}): string[] {
  const parameter = (name: string) => parameters[name] === undefined ? undefined : fromText(parameters[name]);
  return scanCommands(fromText(text), { parameter, args: args.map(fromText) }).map((words) => words.join(" "));
}

Deno.test("scanCommands() finds simple commands in lists, pipelines, conditions and loops", () => {
  const script = `
    # a comment; not -a command
    set -e
    if [ -f x ] && ! grep -q a b; then cat c | sort > out 2>&1 & else false; fi
    while read line; do echo "$line"; done < file
    for f in *.c; do gcc -c "$f"; done
    ( cd /tmp; ls ) || exit 1
    { pwd; }
  `;
  const found = commands(script);
  for (const command of ["grep -q a b", "cat c", "sort", "false", "gcc -c", "ls", "pwd"]) {
    assert.ok(found.includes(command), command);
  }
  assert.ok(!found.some((command) => /comment|command|out|file/.test(command)), found.join("; "));
});

Deno.test("scanCommands() expands quotes, parameters and arguments, and leaves out what it cannot know", () => {
  assert.deepEqual(commands(`exec /opt/run 'x y'\\''z' "$@" end`, ["1", "2"]), ["exec /opt/run x y'z 1 2 end"]);
  assert.deepEqual(commands(`dir=/opt; "$dir/bin/run" "\${name:-none}" $UNKNOWN`), ["/opt/bin/run none"]);
  assert.deepEqual(commands(`$HOME/run \${0##*/}`, [], { HOME: "/h" }), ["/h/run"]);
  assert.deepEqual(commands("$UNKNOWN a; `which x` b"), ["which x"]);
});

Deno.test("scanCommands() looks into substitutions, and not into functions' names, patterns and here-documents", () => {
  const script = `
    helper() { inner "$(nested $(deeper))"; }
    helper arg
    case $1 in
      start | stop) service "$1" ;;
      restart | reload) service again ;;
      *) usage ;;
    esac
    cat <<EOF
    not a command
EOF
    after
  `;
  assert.deepEqual(commands(script), [
    "deeper",
    "nested",
    "inner",
    "service",
    "service again",
    "usage",
    "cat",
    "after",
  ]);
});

Deno.test("scanCommands() comes to an end with unfinished text", () => {
  for (
    const text of [
      "'",
      '"',
      "$(",
      "${",
      "`",
      "<<X\n",
      "a <",
      "\\",
      "case x in",
      "((((",
      "))))",
      '"$(`${',
      "$",
      "a=",
      "<<",
      ";;;;&&||",
    ]
  ) {
    assert.ok(commands(text.repeat(3)).length <= 8, text);
  }
  assert.ok(commands("$(".repeat(5000)).length <= 200);
  assert.ok(commands("a;".repeat(5000)).length <= 200);
  assert.ok(commands("${".repeat(30_000)).length <= 200);
});

Deno.test("shell: the commands of -c and of a script are executed, built-in ones are not", () => {
  const disk = programs("/bin/sh", "/b/tool", "/b/other").file("/s.sh", 'echo x\n. /lib.sh\nexec tool "$@"\n').file(
    "/lib.sh",
  );
  assert.deepEqual(planned(disk, ["/bin/sh", "-ec", "tool | other"], { env: ["PATH=/b"] }), [
    "content /bin/sh",
    "content /b/tool",
    "content /b/other",
  ]);
  const wants = planned(disk, ["/bin/sh", "/s.sh", "/arg.txt"], { env: ["PATH=/b"] });
  assertInOrder(wants, ["content /s.sh", "content /lib.sh", "content /b/tool"]);
  assert.ok(wants.includes("name /arg.txt"));
  assert.ok(!wants.some((want) => want.endsWith("/echo")));
});

Deno.test("shell: start-up files by name, login and interactivity", () => {
  const disk = programs("/bin/bash", "/bin/zsh").directory("/etc").directory("/home").file("/home/.bashrc").file("/rc");
  const env = ["HOME=/home", "BASH_ENV=/rc"];
  assert.ok(planned(disk, ["/bin/bash"], { env }).includes("content /home/.bashrc"));
  assert.ok(planned(disk, ["/bin/bash", "-c", "true"], { env }).includes("content /rc"));
  assert.ok(planned(disk, ["/bin/bash", "-lc", "true"], { env }).includes("name /etc/profile"));
  assert.ok(planned(disk, ["/bin/zsh", "-c", "true"], { env }).includes("name /home/.zshenv"));
});

Deno.test("script: bytes of any kind are survived", () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, i) => i * 7 + (i >> 8));
  const disk = programs("/bin/sh").executable("/s", byteString(toBytes(fromText("#!/bin/sh\n"))))
    .file("/noise", bytes);
  planned(disk, ["/bin/sh", "/noise"]);
  planned(disk, ["/noise"]);
});
