/** Signals to outrun are signals to the command. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { type Machine, on, processThere, readsInput, startUsedHost } from "./support/mod.ts";

let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
});
Deno.test.afterAll(() => host.stop());

const signals = [["SIGHUP", 1], ["SIGINT", 2], ["SIGQUIT", 3], ["SIGUSR1", 10], ["SIGUSR2", 12], [
  "SIGTERM",
  15,
]] as const;

Deno.test("signals to outrun reach the command, and its status is outrun's", async (t) => {
  for (const [signal] of signals) {
    await t.step(signal, async () => {
      // No child of its own: a signal to the group would end that too, and the shell might say so.
      const script = `trap 'echo got ${signal}; exit 42' ${
        signal.slice(3)
      }; echo ready; while :; do read -r line; done`;
      await using process = there.start(["sh", "-c", script], { stdin: "open" });
      await process.says("ready\n");
      await readsInput(host, await processThere(host, (line) => line.startsWith(`sh -c trap 'echo got ${signal};`)));
      process.kill(signal);
      const { status, text, stderr } = await process.result();
      assert.deepEqual([status, text, stderr], [42, `ready\ngot ${signal}\n`, ""]);
    });
  }
});

Deno.test("a command that signals end ends outrun with 128 and the signal's number", async (t) => {
  for (const [signal, number] of signals) {
    await t.step(signal, async () => {
      await using process = there.start(["sh", "-c", "ulimit -c 0; echo ready; exec sleep 100"]);
      await process.says("ready\n");
      process.kill(signal);
      const { status, stderr } = await process.result();
      assert.deepEqual([status, stderr], [128 + number, ""]);
    });
  }
});

Deno.test("a command may go on after signals, and loses no output", async () => {
  const script =
    "trap 'echo INT' INT; trap 'echo USR1' USR1; echo ready; while read -r line || test $? -gt 128; do echo $line; done";
  await using process = there.start(["bash", "-c", script], { stdin: "open" });
  await process.says("ready\n");
  const shell = await processThere(host, (line) => line.startsWith("bash -c trap 'echo INT'"));
  await readsInput(host, shell);
  process.kill("SIGUSR1");
  await process.says("USR1\n");
  await readsInput(host, shell);
  process.kill("SIGINT");
  await process.says("INT\n");
  await process.write("still here\n");
  await process.says("still here\n");
  await process.closeInput();
  assert.equal((await process.result()).status, 0);
});

Deno.test("a signal that outrun was started to ignore does not reach the command, as behind nohup", async () => {
  const prefix = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh"];
  await using process = there.start(["sh", "-c", "echo ready; read -r line; echo $line"], { prefix, stdin: "open" });
  await process.says("ready\n");
  process.kill("SIGHUP");
  process.kill("SIGINT");
  await process.write("survived\n");
  const { status, text } = await process.result();
  assert.deepEqual([status, text], [0, "ready\nsurvived\n"]);
});

Deno.test("a command that is killed there ends outrun with 137", async () => {
  await using process = there.start(["sleep", "12345"]);
  const pid = await processThere(host, (line) => line === "sleep 12345");
  await host.exec(`kill -9 ${pid}`);
  const { status, stderr } = await process.result();
  assert.deepEqual([status, stderr], [137, ""]);
});

Deno.test("a signal before the command runs ends outrun", async (t) => {
  const link = await host.link({});
  for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const) {
    await t.step(signal, async () => {
      await link.stall();
      await using process = on(host, { destination: link.alias, options: ["--debug"] }).start(["true"]);
      await process.complains("starting ssh");
      process.kill(signal);
      assert.equal((await process.result()).status, 128 + number);
      await link.resume();
    });
  }
  await link.close();
});
