import assert from "node:assert/strict";
import { Errno } from "../../../lib/linux/mod.ts";

Deno.test("bindNow() keeps what is bound, and errno", () => {
  const program = new URL("libc_program.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--quiet", "--no-check", program];
  const { stdout, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  const text = new TextDecoder();
  assert.equal(text.decode(stderr), "");
  assert.deepEqual(JSON.parse(text.decode(stdout)), { first: -Errno.EBADF, bound: true, again: -Errno.EBADF });
});
