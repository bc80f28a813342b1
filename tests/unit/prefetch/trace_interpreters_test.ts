import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { findScript } from "../../../lib/prefetch/trace_interpreters.ts";

/** What is run by words between blanks, and its arguments: `KIND VALUE | ARG...`. */
function script(line: string): string | undefined {
  const [name, ...args] = line.split(" ");
  const found = findScript(name, args as ByteString[]);
  return found && [found.kind, found.value, "|", ...found.args].filter((word) => word !== "").join(" ");
}

Deno.test("findScript() finds the script behind the interpreter's options", () => {
  assert.equal(script("python3 x.py -v a"), "file x.py | -v a");
  assert.equal(script("python3.11 -u -W ignore -Xdev x.py"), "file x.py |");
  assert.equal(script("python3 -- -x.py"), "file -x.py |");
  assert.equal(script("perl -MEncode -w -I lib x.pl a"), "file x.pl | a");
  assert.equal(script("perl -Ilib x.pl"), "file x.pl |");
  assert.equal(script("ruby -r json -W0 x.rb"), "file x.rb |");
  assert.equal(script("node --require ./a.js --enable-source-maps x.js -p"), "file x.js | -p");
  assert.equal(script("sh -eu -o pipefail x.sh"), "file x.sh |");
  assert.equal(script("bash --rcfile y +x x.sh"), "file x.sh |");
  assert.equal(script("java -cp a.jar:b.jar -Xmx1g -jar x.jar run"), "file x.jar | run");
});

Deno.test("findScript() finds modules and classes", () => {
  assert.equal(script("python3 -um pip install x"), "module pip | install x");
  assert.equal(script("java -Xmx1g --class-path a.jar com.example.Main a"), "module com.example.Main | a");
  assert.equal(script("java -p lib -m app/com.example.Main a"), "module app/com.example.Main | a");
});

Deno.test("findScript() finds code", () => {
  assert.equal(script("python3 -c code a"), "code code | a");
  assert.equal(script("perl -lane code f"), "code code | f");
  assert.equal(script("ruby -ne code f"), "code code | f");
  assert.equal(script("node -pe code"), "code code |");
  assert.equal(script("node --eval code"), "code code |");
  assert.equal(script("bash -lc code x y"), "code code | x y");
  assert.equal(script("sh -c -e code"), "code code |");
});

Deno.test("findScript() knows when there is none to name, and who is no interpreter", () => {
  for (const line of ["python3", "python3 --version", "sh -", "bash -l", "python3 -c", "python3 -W", "java -version"]) {
    assert.match(script(line)!, /^none/, line);
  }
  for (const name of ["ffmpeg", "pythonista", "git-sh", "javac"]) assert.equal(script(`${name} x`), undefined);
});
