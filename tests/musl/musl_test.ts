/** A machine without glibc, like Alpine: musl, busybox and dropbear. The loader and the C library come along. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import { listed, makeUpdate, nothingIsLeft, on, reportUses, same, stateOf, useOf } from "../e2e/support/mod.ts";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startHost({ kind: "musl", name: "alpine" });
});
Deno.test.afterAll(() => host.stop());

const isCarried = (name: string) => /^carried-[0-9a-f]{64}$/.test(name);

Deno.test("a host of the kind musl holds nothing of glibc", async () => {
  const { stdout } = await host.exec("ls /lib; ls /lib64 /lib/*-linux-gnu 2>/dev/null; /bin/busybox | head -n 1");
  assert.match(stdout, /^ld-musl-\w+\.so\.1\nBusyBox v/);
});

Deno.test("the first use brings a loader and libraries along, the second nothing, and an update only itself", async () => {
  const first = await useOf(host);
  assert.ok(first.uploaded > 10_000_000);
  assert.deepEqual((await listed(host)).map(isCarried), [true]);
  const before = await stateOf(host);
  const reuse = await useOf(host);
  assert.equal(reuse.uploaded, 0);
  await nothingIsLeft(host, before);

  await using next = await makeUpdate();
  const update = await useOf(host, { executable: next.path });
  assert.ok(update.uploaded > 0 && update.uploaded < 1_000_000, update.stderr);
  assert.equal((await useOf(host, { executable: next.path })).uploaded, 0);
  reportUses("musl, busybox and dropbear, no glibc", { first, update, reuse });
  assert.deepEqual((await listed(host)).map(isCarried), [true, true]);
  // Sizes tell.
  for (const file of ["base", "outrun"]) {
    await host.exec(`for f in /root/.cache/outrun/carried-*/${file}; do head -c 1000 $f >$f.new; mv $f.new $f; done`);
    assert.ok((await useOf(host)).uploaded > 0, file);
  }
});

Deno.test("the command finds nothing of what was carried", async () => {
  const { text, stderr } = await on(host).shell("env | grep -c ^LD_; ls -l /proc/self/fd | grep -c outrun; hostname");
  assert.equal(text, "0\n0\nalpine\n", stderr);
});

Deno.test("the command runs as here", async () => {
  await same(on(host), "cat; pwd; id -u; umask; echo x >made; ln -s made link; ls -l made | cut -c 1-10; exit 7", {
    stdin: "in\0put\n",
  });
});

Deno.test("nothing is left", async () => {
  await useOf(host);
  const before = await stateOf(host);
  await on(host).shell("sleep 1000 & exit 3");
  await nothingIsLeft(host, before);
});
