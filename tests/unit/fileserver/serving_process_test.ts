import assert from "node:assert/strict";

Deno.test("prepareProcess() makes the umask 0, and a file that grows too large an errno", () => {
  const probe = new URL("./limited_process.ts", import.meta.url).pathname;
  const script = 'umask 077; ulimit -f 1048576; exec "$@"';
  const { code, stdout, stderr } = new Deno.Command("sh", {
    args: ["-c", script, "sh", Deno.execPath(), "run", "-A", "--no-check", probe],
  }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const EFBIG = 27;
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), { mode: 0o666, errno: EFBIG });
});
