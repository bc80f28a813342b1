import assert from "node:assert/strict";
import { directoryLimit } from "../../../lib/fileserver/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";

bindNow();

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

Deno.test("directoryLimit() leaves descriptors for files, and watches for others", () => {
  const watches = Number(Deno.readTextFileSync("/proc/sys/fs/inotify/max_user_watches"));
  assert.equal(directoryLimit(1024), 192);
  assert.equal(directoryLimit(100), 0);
  assert.equal(directoryLimit(1 << 30), Math.min(32_768, Math.max(2048, Math.floor(watches / 8))));
});
