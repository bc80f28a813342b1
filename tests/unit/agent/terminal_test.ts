import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { bindNow, close, openTerminal, SIGCONT, SIGINT, SIGTSTP } from "../../../lib/linux/mod.ts";
import { AgentProcess, compileFixture, shell, usualSpec, usualTerminal } from "./agent_process.ts";
import type { Spec } from "./orders.ts";

const fixture = await compileFixture();
Deno.test.afterAll(() => fixture[Symbol.dispose]());

// The library stays loaded: no test is to be blamed for that.
bindNow();

/**
 * A script on a terminal. It waits for keys by `read`: a key that comes while the shell is starting a program may get
 * lost, in the shell (dash).
 */
function onTerminal(script: string): Spec {
  return shell(script, { terminal: usualTerminal });
}

Deno.test("launch() gives the command a terminal that is its own", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  const script =
    "tty; stat -c '%a %u %g' $(tty); stty size; for i in 0 1 2; do test -t $i && echo $i; done; echo x >/dev/tty";
  await agent.run(onTerminal(script));
  const [tty, ...lines] = agent.output("screen").trimEnd().split("\r\n");
  assert.match(tty, /^\/dev\/pts\/\d+$/);
  assert.deepEqual(lines, ["620 1000 1001", "33 77", "0", "1", "2", "x"]);
});

Deno.test("launch() sets up the terminal like the local one", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  const termios = [...usualTerminal!.termios];
  termios[12] &= ~0x08; // ECHO off
  termios[17] = 1; // VINTR ^A
  await agent.run({ ...shell("stty -a"), terminal: { ...usualTerminal!, termios } });
  assert.match(agent.output("screen"), /intr = \^A;[^]* -echo /);
});

Deno.test("Command.resize() changes the terminal's size and tells the command", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  await agent.order({
    order: "go",
    spec: onTerminal("trap 'stty size; exit 0' WINCH; echo ready; read line"),
  });
  await agent.waitFor("screen", "ready");
  await agent.order({ order: "resize", window: { rows: 11, columns: 22, xPixels: 0, yPixels: 0 } });
  assert.deepEqual(await agent.finish(), { kind: "exited", status: 0 });
  assert.match(agent.output("screen"), /11 22/);
});

Deno.test("Ctrl-C interrupts the command", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  await agent.order({ order: "go", spec: onTerminal("echo ready; read line") });
  await agent.waitFor("screen", "ready");
  await agent.input("\x03");
  assert.deepEqual(await agent.finish(), { kind: "signaled", signal: SIGINT });
});

Deno.test("Ctrl-Z stops the command, which is told, and SIGCONT continues it", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  await agent.order({ order: "go", spec: onTerminal("echo ready; read line; echo got $line") });
  await agent.waitFor("screen", "ready");
  await agent.input("\x1a");
  const stopped = await agent.wait("stopped");
  assert.equal(stopped.signal, SIGTSTP);
  await agent.order({ order: "signal", signal: SIGCONT, group: true });
  await agent.wait("continued");
  await agent.input("more\n");
  assert.deepEqual(await agent.finish(), { kind: "exited", status: 0 });
  assert.match(agent.output("screen"), /got more/);
});

Deno.test("a shell on the terminal controls its jobs", async () => {
  await using agent = new AgentProcess(fixture.path, "ttt");
  const argv = ["bash", "--norc", "--noprofile", "--noediting", "-i"].map(fromText);
  const env = ["PATH=/usr/bin:/bin", "PS1=$?> ", "TERM=dumb"].map(fromText);
  await agent.order({
    order: "go",
    spec: { ...usualSpec, path: fromText("/bin/bash"), argv, env, terminal: usualTerminal },
  });
  await agent.waitFor("screen", "0> ");
  assert.doesNotMatch(agent.output("screen"), /no job control/);
  await agent.input("sh -c 'echo job; read line'\n");
  await agent.waitFor("screen", /\r\njob\r\n$/);
  await agent.input("\x1a");
  await agent.waitFor("screen", /Stopped [^]*148> $/);
  await agent.input("fg\n");
  await agent.waitFor("screen", /fg\r\nsh -c [^]*\r\n$/);
  await agent.input("\x03");
  await agent.waitFor("screen", /130> $/);
  await agent.input("exit 5\n");
  assert.deepEqual(await agent.finish(), { kind: "exited", status: 5 });
});

Deno.test("launch() takes terminal and pipes side by side", async () => {
  await using agent = new AgentProcess(fixture.path, "ttp");
  await agent.run(onTerminal("test -t 1 && ! test -t 2 && echo out; echo err >/dev/stderr"));
  assert.deepEqual([agent.output("screen"), agent.output("stderr")], ["out\r\n", "err\n"]);
});

/** Whether Ctrl-C arrives when the fixture is run by `wrapper`: it does on the terminal that controls the session. */
async function isControlling(wrapper: readonly string[]): Promise<boolean> {
  await using agent = new AgentProcess(fixture.path, "ttt", { wrapper });
  await agent.order({ order: "go", spec: onTerminal("echo ready; read line") });
  await agent.waitFor("screen", "ready");
  await agent.input("\x03");
  const result = await agent.finish();
  return result.kind === "signaled" && result.signal === SIGINT;
}

Deno.test("launch() makes a session for the terminal when the agent leads but a process group", async () => {
  const grouped = ["setsid", "bash", "-c", 'exec 3<&0; set -m; "$@" <&3 & wait', "bash"];
  assert.equal(await isControlling(grouped), true);
});

Deno.test("launch() gives up the terminal that the agent was started on", async () => {
  const terminal = openTerminal();
  assert.ok(typeof terminal !== "number");
  const path = Deno.readLinkSync(`/proc/self/fd/${terminal.slave}`);
  // A session's leader that opens a terminal makes it the session's.
  assert.equal(await isControlling(["setsid", "sh", "-c", `: <${path}; exec "$@"`, "sh"]), true);
  close(terminal.slave);
  close(terminal.master);
});
