import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { isBelow, isPlainPath, parentOf } from "../../../lib/prefetch/trace_path.ts";

const path = (text: string) => text as ByteString;

Deno.test("isPlainPath() takes absolute paths of any bytes", () => {
  const longest = `/${"x".repeat(4095)}`;
  for (const good of ["/", "/a", "/a/b", "/.a", "/..a", "/a./b..", "/...", "/\xff\n \\", longest]) {
    assert.equal(isPlainPath(path(good)), true, JSON.stringify(good.slice(0, 20)));
  }
});

Deno.test("isPlainPath() refuses what is relative, not plain, or too long", () => {
  const tooLong = `/${"x".repeat(4096)}`;
  for (
    const bad of ["", "a", "a/b", "./a", "//", "//a", "/a//b", "/a/", "/.", "/..", "/a/.", "/a/..", "/./a", "/a/../b"]
      .concat("/a\0", "\0/a", tooLong)
  ) {
    assert.equal(isPlainPath(path(bad)), false, JSON.stringify(bad.slice(0, 20)));
  }
});

Deno.test("isBelow() compares whole components", () => {
  assert.equal(isBelow(path("/a/b"), path("/a")), true);
  assert.equal(isBelow(path("/a"), path("/a")), true);
  assert.equal(isBelow(path("/a"), path("/")), true);
  assert.equal(isBelow(path("/ab"), path("/a")), false);
  assert.equal(isBelow(path("/"), path("/a")), false);
});

Deno.test("parentOf() is the folder, of the root itself", () => {
  assert.equal(parentOf(path("/a/b")), "/a");
  assert.equal(parentOf(path("/a")), "/");
  assert.equal(parentOf(path("/")), "/");
});
