import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { readPythonArguments } from "../../../lib/prefetch/python/arguments.ts";
import { scanImports } from "../../../lib/prefetch/python/scan_imports.ts";
import { pythonRule } from "../../../lib/prefetch/rules/python.ts";
import { shebangRule } from "../../../lib/prefetch/rules/shebang.ts";
import { elfRule } from "../../../lib/prefetch/rules/elf.ts";
import { makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned, type PlannedOptions, withProgram } from "./planned.ts";

const LIB = "/usr/lib/python3.12";

/** Bytecode made of `source`, whose time is 1. */
function bytecode(source: string, fields: { mtime?: number; size?: number; flags?: number } = {}): Uint8Array {
  const data = new Uint8Array(20);
  const view = new DataView(data.buffer);
  view.setUint32(4, fields.flags ?? 0, true);
  view.setUint32(8, fields.mtime ?? 1, true);
  view.setUint32(12, fields.size ?? source.length, true);
  return data;
}

/** A module with its bytecode. */
function module(disk: MemoryDisk, path: string, source = ""): MemoryDisk {
  const [, folder, stem] = /^(.*)\/([^/]*)\.py$/.exec(path)!;
  return disk.file(path, source).file(`${folder}/__pycache__/${stem}.cpython-312.pyc`, bytecode(source));
}

/** Python 3.12 in /usr, with encodings. */
function python(): MemoryDisk {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/python3.12").link("/usr/bin/python3", "python3.12")
    .file(`${LIB}/os.py`, "import abc\n").directory(`${LIB}/lib-dynload`).directory("/src");
  for (const name of ["__init__", "aliases", "utf_8"]) module(disk, `${LIB}/encodings/${name}.py`);
  return disk;
}

function plan(disk: MemoryDisk, args: string[], options: PlannedOptions = {}): string[] {
  return planned(disk, ["/usr/bin/python3", ...args], {
    rules: [shebangRule, elfRule, pythonRule],
    cwd: "/src",
    ...options,
  });
}

const imports = (source: string, isMain = false) =>
  scanImports(source, { isMain }).map(({ level, module, names }) => `${".".repeat(level)}${module}:${names.join(",")}`);

Deno.test("scanImports() reads the forms of import statements", () => {
  assert.deepEqual(imports("import a, b.c as d # no\nimport e; x = 1"), ["a:", "b.c:", "e:"]);
  assert.deepEqual(imports("from a.b import c as d, e\nfrom . import f\nfrom ..g import *"), [
    "a.b:c,e",
    ".:f",
    "..g:",
  ]);
  assert.deepEqual(imports("from a import (b, # c\n  d,\n)\nfrom e import f, \\\n  g\nimport h"), [
    "a:b,d",
    "e:f,g",
    "h:",
  ]);
  assert.deepEqual(imports("important = 1\n# import a\nx.import_(b)\nimport\nfrom x"), []);
});

Deno.test("scanImports() leaves out what is not run at import", () => {
  const source = `
if TYPE_CHECKING:
    import typing_only
def f():
    import inner

    if x:
        import deeper
class C:
    import in_class
    async def g(self):
        import in_method
try:
    import tried
except ImportError:
    import instead
if sys.platform == "win32":
    import windows
elif os.name == 'nt':
    import nt
else:
    import posix
if __name__ == "__main__":
    import main
import last
`;
  assert.deepEqual(imports(source), ["in_class:", "tried:", "instead:", "posix:", "last:"]);
  assert.deepEqual(imports(source, true), ["in_class:", "tried:", "instead:", "posix:", "main:", "last:"]);
});

Deno.test("scanImports() survives any text, and a file that is one import after the other", () => {
  const noise = Array.from({ length: 3000 }, (_, i) => String.fromCharCode((i * 31) % 256)).join("");
  scanImports(noise);
  for (
    const text of ["import", "from", "from . import (", "from a import b\\", "\timport", "import " + "a,".repeat(10000)]
  ) scanImports(text);
  assert.ok(scanImports("import a\n".repeat(5000)).length <= 1000);
  scanImports("    import a\n".repeat(5000));
});

Deno.test("readPythonArguments() reads options together and apart", () => {
  const read = (...argv: string[]) => readPythonArguments(["python3", ...argv].map(fromText));
  assert.deepEqual([read("-Ic", "code").kind, read("-Ic", "code").target], ["command", "code"]);
  assert.equal(read("-Ic", "code").safePath, true);
  assert.deepEqual([read("-mjson.tool", "x").kind, read("-mjson.tool", "x").target], ["module", "json.tool"]);
  assert.deepEqual([read("-W", "error", "-Xdev", "-OO", "s.py").target, read("-OO", "s.py").optimize], ["s.py", 2]);
  assert.deepEqual([read("--check-hash-based-pycs", "always", "s.py").target, read("-").kind], ["s.py", undefined]);
  assert.deepEqual([read().kind, read("-S").noSite, read("-m").target], [undefined, true, ""]);
});

Deno.test("python: landmarks, then the library's listing, then encodings by their bytecode", () => {
  assertInOrder(plan(python(), ["-c", ""]), [
    "content /usr/bin/python3",
    "name /usr/bin/pyvenv.cfg",
    "name /usr/pyvenv.cfg",
    "name /usr/bin/python3._pth",
    "name /usr/bin/python3.12._pth",
    "name /usr/bin/pybuilddir.txt",
    "name /usr/bin/lib",
    "name /usr/lib/python312.zip",
    `name ${LIB}/os.py`,
    `listing ${LIB}`,
    `name ${LIB}/encodings/__init__.cpython-312-x86_64-linux-gnu.so`,
    `name ${LIB}/encodings/__init__.py`,
    `content ${LIB}/encodings/__pycache__/__init__.cpython-312.pyc`,
    `listing ${LIB}/encodings`,
    `name ${LIB}/encodings/utf_8.py`,
    `content ${LIB}/encodings/__pycache__/utf_8.cpython-312.pyc`,
  ]);
});

Deno.test("python: modules are imported depth first, packages and relative names resolved", () => {
  const disk = module(
    python(),
    `${LIB}/pkg/__init__.py`,
    "from .sub import thing\nfrom . import other, absent\nimport late",
  );
  module(disk, `${LIB}/pkg/sub/__init__.py`, "from ..third import x\nfrom ...beyond import y\nimport first");
  for (const path of ["pkg/other", "pkg/third", "first", "late", "lazy"]) {
    module(disk, `${LIB}/${path}.py`, "import pkg.sub\n");
  }
  const wants = plan(disk, ["-c", "import pkg"]);
  assertInOrder(wants, [
    "listing /src",
    `name ${LIB}/pkg/__init__.py`,
    `listing ${LIB}/pkg`,
    `content ${LIB}/pkg/sub/__pycache__/__init__.cpython-312.pyc`,
    `content ${LIB}/pkg/__pycache__/third.cpython-312.pyc`,
    `content ${LIB}/__pycache__/first.cpython-312.pyc`,
    `content ${LIB}/pkg/__pycache__/other.cpython-312.pyc`,
    `content ${LIB}/__pycache__/late.cpython-312.pyc`,
  ]);
  assert.ok(!wants.some((want) => /absent|lazy/.test(want)));
});

Deno.test("python: source is wanted where the bytecode is missing, out of date, damaged or of another level", () => {
  const source = "x = 1\n";
  const cache = (name: string) => `${LIB}/__pycache__/${name}.cpython-312.pyc`;
  const disk = python().file(`${LIB}/none.py`, source)
    .file(`${LIB}/old.py`, source).file(cache("old"), bytecode(source, { mtime: 2 }))
    .file(`${LIB}/grown.py`, source).file(cache("grown"), bytecode(source, { size: 3 }))
    .file(`${LIB}/short.py`, source).file(cache("short"), new Uint8Array(3))
    .file(`${LIB}/hashed.py`, source).file(cache("hashed"), bytecode("", { flags: 1 }))
    .file(`${LIB}/checked.py`, source).file(cache("checked"), bytecode("", { flags: 3 }));
  const wants = plan(disk, ["-c", "import none, old, grown, short, hashed, checked"]);
  for (const name of ["none", "old", "grown", "short", "checked"]) {
    assert.ok(wants.includes(`content ${LIB}/${name}.py`), name);
  }
  assert.ok(wants.includes(`name ${LIB}/hashed.py`));
  assert.ok(plan(module(python(), `${LIB}/m.py`), ["-Oc", "import m"]).includes(`content ${LIB}/m.py`));
});

Deno.test("python: extension modules bring their libraries", () => {
  const file = `${LIB}/lib-dynload/_x.cpython-312-x86_64-linux-gnu.so`;
  const disk = python().file(file, makeElf({ needed: ["libx.so"], runpath: "$ORIGIN" }))
    .file(`${LIB}/lib-dynload/libx.so`, makeElf({ soname: "libx.so" }));
  assertInOrder(plan(disk, ["-c", "import _x"]), [`content ${file}`, `content ${LIB}/lib-dynload/libx.so`]);
});

Deno.test("python: frozen modules are not read, what they import is", () => {
  const disk = module(python(), `${LIB}/abc.py`, "import _py_abc\n");
  module(disk, `${LIB}/_py_abc.py`);
  const wants = plan(disk, ["-c", "import abc"]);
  assert.ok(wants.includes(`content ${LIB}/__pycache__/_py_abc.cpython-312.pyc`));
  assert.ok(!wants.some((want) => want.includes("/abc.")));
});

Deno.test("python: a script's folder is searched first, PYTHONPATH next", () => {
  const disk = python().file("/src/app/s.py", "import near, far\n").link("/src/run.py", "app/s.py");
  module(disk, "/src/app/near.py");
  module(disk, "/path/far.py");
  module(disk, `${LIB}/near.py`);
  assertInOrder(plan(disk, ["run.py"], { env: ["PYTHONPATH=/path"] }), [
    "content /src/run.py",
    "listing /src/app",
    "content /src/app/__pycache__/near.cpython-312.pyc",
    "content /path/__pycache__/far.cpython-312.pyc",
  ]);
  assert.ok(!plan(disk, ["-I", "run.py"], { env: ["PYTHONPATH=/path"] }).some((want) => want.includes("/path")));
});

Deno.test("python: -m runs a module, or a package's __main__", () => {
  const disk = module(python(), `${LIB}/tool/__init__.py`);
  module(disk, `${LIB}/tool/__main__.py`, "from . import cli\n");
  module(disk, `${LIB}/tool/cli.py`, "if __name__ == '__main__':\n    import started\n");
  module(disk, `${LIB}/started.py`);
  assertInOrder(plan(disk, ["-m", "tool"]), [
    `content ${LIB}/tool/__pycache__/__init__.cpython-312.pyc`,
    `content ${LIB}/tool/__pycache__/__main__.cpython-312.pyc`,
    `content ${LIB}/tool/__pycache__/cli.cpython-312.pyc`,
  ]);
  assert.ok(plan(disk, ["-m", "tool.cli"]).includes(`content ${LIB}/__pycache__/started.cpython-312.pyc`));
  assert.ok(!plan(disk, ["-m", "tool"]).some((want) => want.includes("started")));
  plan(disk, ["-m", "gone"]);
});

Deno.test("python: a folder is run by its __main__.py", () => {
  const disk = module(python().file("/src/app/__main__.py", "import near\n"), "/src/app/near.py");
  assertInOrder(plan(disk, ["app"]), [
    "content /src/app/__main__.py",
    "content /src/app/__pycache__/near.cpython-312.pyc",
  ]);
});

Deno.test("python: site's folders are listed, their .pth files followed", () => {
  const site = "/usr/lib/python3.12/site-packages";
  const disk = module(python(), `${site}/hook.py`).file(`${site}/a.pth`, "# no\nimport hook; x = 1\n/added\n/gone\n")
    .file(`${site}/b.txt`);
  disk.file(`${site}/c.pth`, "import os; __import__('direct').start()\n");
  module(disk, "/added/extra.py");
  module(disk, `${site}/direct.py`);
  assertInOrder(plan(disk, ["-c", "import extra"], { env: ["HOME=/root"] }), [
    "name /root",
    `listing ${site}`,
    `content ${site}/a.pth`,
    `content ${site}/__pycache__/hook.cpython-312.pyc`,
    "name /gone",
    `content ${site}/c.pth`,
    `content ${site}/__pycache__/direct.cpython-312.pyc`,
    "content /added/__pycache__/extra.cpython-312.pyc",
  ]);
  assert.ok(!plan(disk, ["-Sc", ""]).some((want) => want.includes("site-packages")));
});

Deno.test("python: a virtual environment has its own packages and the interpreter's library", () => {
  const disk = module(python(), "/venv/lib/python3.12/site-packages/p.py").link("/venv/bin/python3", "/usr/bin/python3")
    .file("/venv/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n");
  const argv = ["/venv/bin/python3", "-c", "import p"];
  const wants = planned(disk, argv, { rules: [elfRule, pythonRule], env: ["HOME=/root"] });
  assertInOrder(wants, [
    "content /venv/bin/python3",
    "content /venv/pyvenv.cfg",
    `listing ${LIB}`,
    "content /venv/lib/python3.12/site-packages/__pycache__/p.cpython-312.pyc",
  ]);
  assert.ok(!wants.some((want) => want.includes("/root")));
});

Deno.test("python: an interpreter that has no version in its name, and one without a library", () => {
  const disk = module(
    withProgram(new MemoryDisk(), "/opt/py/bin/python").file("/opt/py/lib/python3.12/os.py"),
    "/opt/py/lib/python3.12/m.py",
  );
  assert.ok(
    planned(disk, ["/opt/py/bin/python", "-c", "import m"]).includes(
      "content /opt/py/lib/python3.12/__pycache__/m.cpython-312.pyc",
    ),
  );
  planned(withProgram(new MemoryDisk(), "/bin/python3"), ["/bin/python3", "-c", "import m"]);
});

Deno.test("python: modules that import themselves, and bytes of any kind, come to an end", () => {
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => i * 11 + (i >> 8));
  const disk = module(python(), `${LIB}/a.py`, "import a, b\nfrom a import a\n").file(`${LIB}/noise.py`, noise)
    .file(`${LIB}/site-packages/noise.pth`, noise).file("/usr/bin/pyvenv.cfg", noise);
  module(
    disk,
    `${LIB}/b.py`,
    "import a\nfrom .... import c\nimport ..d\nfrom  import e\nimport " + "x.".repeat(500) + "y\n",
  );
  plan(disk, ["-c", "import a, noise"]);
  plan(disk, [`${LIB}/noise.py`]);
});
