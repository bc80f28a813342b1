import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { argumentShape } from "../../../lib/prefetch/trace_arguments.ts";

/** The shape of words between blanks; `dir` and `a` are files. */
function shape(line: string): string {
  const args = line.split(" ").filter((word) => word !== "") as ByteString[];
  return argumentShape(args, (word) => word === "dir" || word === "a").join(" ");
}

Deno.test("argumentShape() keeps the sub-command", () => {
  assert.equal(shape("status"), "status");
  assert.equal(shape("log"), "log");
  assert.equal(shape("commit -m message"), "commit -m *");
  assert.equal(shape("remote add origin"), "remote *");
  assert.equal(shape("log log"), "log *");
  assert.equal(shape("-C dir status"), "status -C *");
  assert.equal(shape("--no-pager log --oneline"), "log --no-pager --oneline");
  assert.equal(shape("5 make all"), "make *");
  assert.equal(shape("A=1 B=x/y make"), "make *");
});

Deno.test("argumentShape() reduces data to a mark", () => {
  for (const word of ["a", "x.c", "/bin/x", "in/put", "*.c", "-", "\xc3\xa4", "x".repeat(65), "a b", "@"]) {
    const args = [word, word] as ByteString[];
    assert.deepEqual(argumentShape(args, (word) => word === "a"), ["*"], word);
  }
  assert.equal(shape("in.mp4 word"), "*", "a word after data is data");
  assert.equal(shape(""), "");
});

Deno.test("argumentShape() keeps options by their names alone, in order, once", () => {
  assert.equal(shape("--flag=value"), "--flag");
  assert.equal(shape("--flag"), "--flag");
  assert.equal(shape("-j8"), shape("-j16"));
  assert.equal(shape("-O2 -c a.c -o a.o"), shape("-c b.c -o b.o -O3"));
  assert.equal(shape("-I/usr/include -I. -Iinc/x"), "-I -Iinc");
  assert.equal(shape("-std=c11 -Wl,-rpath,/x"), "-Wl -std");
  assert.equal(shape("-5 x.y"), "- *");
  assert.notEqual(shape("-version"), shape("-i in.mp4 -c:v libx264 out.mp4"));
  assert.equal(shape("-i in.mp4 -c:v libx264 out.mp4"), "-c:v -i *");
});

Deno.test("argumentShape() takes a word after an option of one dash for its value", () => {
  assert.equal(shape("-o program x.c"), "-o *");
  assert.equal(shape("-j8 all"), "all -j", "not where a value is attached");
});

Deno.test("argumentShape() finds no options behind --", () => {
  assert.equal(shape("-v -- -x status"), "-v *");
  assert.equal(shape("--"), "*");
});
