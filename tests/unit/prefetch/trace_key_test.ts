import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Paths, traceKey } from "../../../lib/prefetch/trace_key.ts";

const links: Record<string, string> = {
  "/usr/bin/cc": "/usr/bin/gcc-12",
  "/usr/bin/gcc": "/usr/bin/gcc-12",
  "/usr/bin/python3": "/usr/bin/python3.11",
  "/venv/bin/python": "/usr/bin/python3.11",
  "/bin/ls": "/bin/busybox",
  "/bin/cat": "/bin/busybox",
  "/src/link.py": "/src/real/x.py",
};
const paths: Paths = {
  exists: (path) => path === "/src/status",
  resolve: (path) => (links[path] ?? path) as ByteString,
};

function key(line: string, cwd = "/home") {
  const [path, ...args] = line.split(" ") as ByteString[];
  return traceKey({ path, argv: [path, ...args], cwd: cwd as ByteString }, paths);
}

const name = (...parameters: Parameters<typeof key>) => {
  const { executable, script, shape } = key(...parameters);
  return `${executable}-${script}-${shape}`;
};

Deno.test("traceKey() is the same for runs that differ in their data", () => {
  assert.match(name("/usr/bin/git status"), /^[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}$/);
  assert.equal(name("/usr/bin/gcc -c a.c"), name("/usr/bin/gcc -c b.c", "/elsewhere"));
  assert.equal(name("tool -x", "/src/bin"), name("/src/bin/tool -x"));
  assert.equal(name("./tool -x", "/"), name("/./tool -x"));
});

Deno.test("traceKey() differs by sub-command and by options", () => {
  assert.notEqual(name("/usr/bin/git status"), name("/usr/bin/git log"));
  assert.notEqual(name("/usr/bin/ffmpeg -version"), name("/usr/bin/ffmpeg -i a.mp4 b.mp4"));
  assert.notEqual(name("/usr/bin/git status"), name("/usr/bin/git status", "/src"), "where that is a file");
});

Deno.test("traceKey() knows an executable by what it is, and a run by the name it goes by", () => {
  assert.equal(key("/usr/bin/cc x.c").executable, key("/usr/bin/gcc x.c").executable);
  assert.equal(key("/bin/ls a.b").executable, key("/bin/cat a.b").executable);
  assert.notEqual(name("/bin/ls a.b"), name("/bin/cat a.b"));
  assert.deepEqual(key("/usr/bin/cc x.c").programFolders, ["/usr/bin"]);
  assert.deepEqual(key("init", "/").programFolders, ["/"]);
});

Deno.test("traceKey() takes an interpreter's script for the program", () => {
  const here = name("/usr/bin/python3 x.py a.txt", "/src");
  assert.equal(here, name("/usr/bin/python3 /src/x.py b.txt"));
  assert.notEqual(here, name("/usr/bin/python3 x.py a.txt", "/other"));
  assert.notEqual(name("/usr/bin/python3 x.py migrate"), name("/usr/bin/python3 x.py serve"));
  assert.deepEqual(key("/usr/bin/python3 link.py", "/src").programFolders, ["/usr/bin", "/src/real"]);
  assert.equal(key("/usr/bin/python3 x.py -v").script, key("/usr/bin/python3 x.py").script);
  assert.notEqual(key("/usr/bin/python3 -m pip").script, key("/usr/bin/python3 pip").script);
  assert.deepEqual(key("/usr/bin/python3 -m pip").programFolders, ["/usr/bin"]);
});

Deno.test("traceKey() tells code from code, and virtual environments apart", () => {
  assert.notEqual(name("/bin/sh -c true"), name("/bin/sh -c false"));
  assert.equal(name("/bin/sh -c true x a.b"), name("/bin/sh -c true x c.d"));
  const [one, other] = ["/usr/bin/python3", "/venv/bin/python"].map((python) => key(`${python} -m pip`));
  assert.equal(one.executable, other.executable);
  assert.notEqual(one.shape, other.shape);
});

Deno.test("traceKey() knows interpreters by the name of a link to them, and by their own", () => {
  links["/opt/run"] = "/usr/bin/perl";
  links["/opt/perl"] = "/opt/perl-wrapper-7";
  assert.equal(key("/opt/run /x.pl").programFolders.length, 2);
  assert.equal(key("/opt/perl /x.pl").programFolders.length, 2);
});

Deno.test("traceKey() takes arguments of any bytes and any number", () => {
  const argv = Array.from({ length: 100_000 }, (_, i) => `\xff${i}` as ByteString);
  const command = { path: "/bin/x" as ByteString, cwd: "/" as ByteString };
  assert.equal(traceKey({ ...command, argv }, paths).shape, key("/bin/x \xfe").shape);
  assert.equal(traceKey({ ...command, argv: [] }, paths).shape, key("/bin/x").shape);
});
