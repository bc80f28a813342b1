import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  close,
  Errno,
  O_CREAT,
  O_WRONLY,
  openAt,
  realPath,
  symlinkAt,
} from "../../../lib/linux/mod.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

Deno.test("realPath() resolves links, dots and relative paths, and takes any bytes", () => {
  const top = Deno.realPathSync(Deno.makeTempDirSync()) as ByteString;
  const file = `${top}/\xff` as ByteString;
  close(openAt(AT_FDCWD, file, O_CREAT | O_WRONLY, 0o600));
  symlinkAt("./\xff" as ByteString, AT_FDCWD, `${top}/link` as ByteString);
  symlinkAt(top, AT_FDCWD, `${top}/folder` as ByteString);
  assert.equal(realPath(`${top}/folder/../${top.split("/").at(-1)}/link` as ByteString), file);
  assert.equal(realPath(`${top}/folder/` as ByteString), top);
  assert.equal(realPath(fromText(".")), Deno.cwd());
  assert.equal(realPath(fromText("/")), "/");
  Deno.removeSync(top, { recursive: true });
});

Deno.test("realPath() is minus errno where there is nothing", () => {
  assert.equal(realPath(fromText("/nowhere/x")), -Errno.ENOENT);
  assert.equal(realPath(fromText("/dev/null/x")), -Errno.ENOTDIR);
  assert.equal(realPath(fromText("")), -Errno.ENOENT);
});
