/** The command at the user's terminal. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  here,
  type Machine,
  makeFolder,
  on,
  processThere,
  readsInput,
  startUsedHost,
  Terminal,
  type TerminalOptions,
} from "./support/mod.ts";

const SIGTERM = 15;
const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_Z = "\x1a";
const CTRL_BACKSLASH = "\x1c";

let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
});
Deno.test.afterAll(() => host.stop());

/** A script of `sh` in a terminal on a machine. */
function show(machine: Machine, script: string, options?: TerminalOptions): Terminal {
  return new Terminal(machine.words(["sh", "-c", script]), options);
}

/** All that a script shows in a terminal, and its status. */
async function shownBy(machine: Machine, script: string, options?: TerminalOptions) {
  await using terminal = show(machine, script, options);
  const status = await terminal.status();
  return { status, shown: terminal.shown };
}

/** Asserts that a script shows the same here and there, byte by byte. */
async function sameShown(script: string, options?: TerminalOptions): Promise<string> {
  const actual = await shownBy(there, script, options);
  assert.deepEqual(actual, await shownBy(here, script, options));
  return actual.shown;
}

Deno.test("the command has a terminal where outrun has one", async (t) => {
  await t.step("stdin, stdout, stderr", async () => {
    const shown = await sameShown("for fd in 0 1 2; do test -t $fd && echo $fd; done; exit 5");
    assert.equal(shown, "0\r\n1\r\n2\r\n");
  });
  await t.step("its name is one of the other machine", async () => {
    const { shown } = await shownBy(
      there,
      'tty && test -c "$(tty)" && echo there >"$(tty)" && echo again >/dev/tty',
    );
    assert.match(shown, /^(\/dev\/pts\/\d+)\r\nthere\r\nagain\r\n$/);
  });
  await t.step("its settings and size are the local one's", async () => {
    const shown = await sameShown("stty -a; stty size; echo $TERM", { rows: 31, columns: 97, env: { TERM: "vt100" } });
    assert.match(shown, /rows 31; columns 97/);
  });
  await t.step("colours", async () => {
    await using folder = await makeFolder();
    await here.shell("mkdir folder; touch file; ln -s file link; touch program; chmod +x program", {
      cwd: folder.path,
    });
    const shown = await sameShown("ls --color=auto -F; printf '\\033[31mred\\033[0m\\n'", {
      cwd: folder.path,
      columns: 60,
    });
    assert.ok(shown.includes("\x1b[01;34mfolder\x1b[0m/"), shown);
  });
});

Deno.test("the command has no terminal where outrun has none", async () => {
  await using folder = await makeFolder();
  const prefix = (redirection: string) => ["sh", "-c", `exec "$@" ${redirection}`, "sh"];
  const ask = "for fd in 0 1 2; do test -t $fd && echo $fd; done; true";
  for (const redirection of [">out", "</dev/null"]) {
    const words = [...prefix(redirection), ...there.words(["sh", "-c", `(${ask}) >answer`])];
    await using terminal = new Terminal(words, { cwd: folder.path });
    assert.equal(await terminal.status(), 0);
    assert.equal(await Deno.readTextFile(`${folder.path}/answer`), "", redirection);
  }
});

Deno.test("stderr goes to a file while stdin and stdout are the terminal", async () => {
  await using folder = await makeFolder();
  const script = 'for fd in 0 1 2; do test -t $fd && echo $fd; done; echo err >&2; read -r line; echo "got $line"';
  const words = ["sh", "-c", 'exec "$@" 2>err', "sh", ...there.words(["sh", "-c", script])];
  await using terminal = new Terminal(words, { cwd: folder.path });
  await terminal.shows("0\r\n1\r\n");
  terminal.type("hello\r");
  assert.equal(await terminal.status(), 0);
  assert.equal(terminal.shown, "0\r\n1\r\nhello\r\ngot hello\r\n");
  assert.equal(await Deno.readTextFile(`${folder.path}/err`), "err\n");
});

Deno.test("keys reach the command, which edits and echoes lines", async () => {
  await using terminal = show(there, 'echo ready; while read -r line; do echo "<$line>"; done; echo end');
  await terminal.shows("ready\r\n");
  terminal.type("one\r");
  await terminal.shows("one\r\n<one>\r\n");
  terminal.type("twx\x7fo\r");
  await terminal.shows("<two>");
  terminal.type("é\r");
  await terminal.shows("<é>\r\n");
  terminal.type(CTRL_D);
  assert.equal(await terminal.status(), 0);
  assert.match(terminal.shown, /end\r\n$/);
});

Deno.test("single keys reach a command that wants them", async () => {
  await using terminal = show(there, "stty raw -echo; echo ready; dd bs=1 count=4 status=none | od -An -c; stty sane");
  await terminal.shows("ready");
  terminal.type(`a${CTRL_C}${CTRL_Z}\r`);
  assert.equal(await terminal.status(), 0);
  assert.match(terminal.shown, / +a +003 +032 +\\r/);
});

Deno.test("a resized terminal is resized there, and the command is told", async () => {
  const script = "trap 'stty size' WINCH; stty size; while :; do sleep .05; done";
  await using terminal = show(there, script, { rows: 24, columns: 80 });
  await terminal.shows("24 80\r\n");
  for (const [rows, columns] of [[40, 132], [10, 20], [24, 80]]) {
    terminal.forget();
    terminal.resize(rows, columns);
    await terminal.shows(`${rows} ${columns}\r\n`);
  }
  terminal.type(CTRL_C);
  assert.equal(await terminal.status(), 130);
});

Deno.test("Ctrl-C and Ctrl-\\ end the command, and the terminal is as before", async (t) => {
  for (const [name, key, status] of [["Ctrl-C", CTRL_C, 130], ["Ctrl-\\", CTRL_BACKSLASH, 131]] as const) {
    await t.step(name, async () => {
      await using terminal = show(there, "ulimit -c 0; echo ready; exec sleep 100");
      await terminal.shows("ready");
      assert.notDeepEqual(terminal.settings, terminal.before);
      terminal.type(key);
      assert.equal(await terminal.status(), status);
      assert.deepEqual(terminal.settings, terminal.before);
    });
  }
});

Deno.test("a command may catch Ctrl-C", async () => {
  await using terminal = show(
    there,
    "trap 'echo caught' INT; echo ready; while ! read -r line; do :; done; echo $line; exit 9",
  );
  await terminal.shows("ready");
  await readsInput(host, await processThere(host, (line) => line.startsWith("sh -c trap 'echo caught'")));
  terminal.type(CTRL_C);
  await terminal.shows("caught\r\n");
  terminal.type("on\r");
  assert.equal(await terminal.status(), 9);
});

Deno.test("the terminal is as before", async (t) => {
  await t.step("after the command has ended, whatever it did to its own", async () => {
    await using terminal = show(there, "stty raw -echo; echo done");
    assert.equal(await terminal.status(), 0);
    assert.deepEqual(terminal.settings, terminal.before);
  });
  await t.step("after SIGTERM to outrun", async () => {
    await using terminal = show(there, "echo ready; exec sleep 100");
    await terminal.shows("ready");
    terminal.kill(SIGTERM);
    assert.equal(await terminal.status(), 143);
    assert.deepEqual(terminal.settings, terminal.before);
  });
  await t.step("after the link was cut", async () => {
    const link = await host.link({});
    await using terminal = show(on(host, { destination: link.alias }), "echo ready; exec sleep 100");
    await terminal.shows("ready");
    await link.cut();
    assert.equal(await terminal.status(), 255);
    assert.deepEqual(terminal.settings, terminal.before);
    await link.close();
  });
});

Deno.test("Ctrl-Z has no effect where no shell could continue outrun, as with a local command", async () => {
  for (const machine of [here, there]) {
    await using terminal = show(machine, 'echo ready; read -r line; echo "<$line>"; sleep .2; echo end');
    await terminal.shows("ready");
    // It leads its session: the kernel does not let a key stop such a process.
    terminal.type(CTRL_Z);
    terminal.type("go on\r");
    assert.equal(await terminal.status(), 0);
    assert.match(terminal.shown, /<(go on)?>\r\nend\r\n$/);
  }
});

Deno.test("Ctrl-Z stops outrun with the command, and gives the terminal back until it goes on", async () => {
  await using folder = await makeFolder();
  const job =
    'set -m; stty -g >before; "$@"; echo "stopped $?"; stty -g | cmp before - && echo as before; read -r _\n' +
    'fg >/dev/null; echo "ended $?"; stty -g | cmp before - && echo as before again';
  const words = there.words(["sh", "-c", 'echo ready; read -r line; echo "<$line>"; exit 3']);
  await using terminal = new Terminal(["bash", "-c", job, "bash", ...words], { cwd: folder.path });
  await terminal.shows("ready");
  terminal.type(CTRL_Z);
  await terminal.shows("stopped 148\r\nas before\r\n");
  assert.equal(await stoppedThere(), "Name:\tsh\n");
  terminal.type("\r");
  await waitUntil(async () => await stoppedThere() === "", { failure: "the command does not go on" });
  terminal.type("go on\r");
  assert.equal(await terminal.status(), 0);
  assert.match(terminal.shown, /<go on>\r\nended 3\r\nas before again\r\n$/);
});

Deno.test("outrun does not stop when its terminal was closed while it was to be told that the command has", async () => {
  await using folder = await makeFolder();
  const link = await host.link({});
  const far = on(host, { destination: link.alias }).words(["sh", "-c", "echo ready; read -r closed"]);
  // A shell that outlives the terminal: without one, the kernel sees to those who are stopped.
  const job = 'trap : HUP; set -m; "$@"; echo $? >status';
  await using terminal = new Terminal(["bash", "-c", job, "bash", ...far], { cwd: folder.path });
  await terminal.shows("ready");
  const there = await processThere(host, (line) => line.endsWith("read -r closed"));
  await readsInput(host, there);
  const outrun = Number(await Deno.readTextFile(`/proc/${terminal.pid}/task/${terminal.pid}/children`));
  await link.stall();
  const agent = await processThere(host, (line) => /\/agent-\w+ agent /.test(line));
  const written = async () => /wchar: (\d+)/.exec((await host.exec(`cat /proc/${agent}/io`)).stdout)![1];
  const before = await written();
  await host.exec(`kill -TSTP ${there}`);
  await waitUntil(async () => await written() !== before, { failure: "the agent does not tell of it" });
  terminal.hangUp();
  // As shells do to their jobs.
  for (const signal of ["SIGHUP", "SIGCONT"] as const) Deno.kill(-outrun, signal);
  await link.resume();
  await terminal.status();
  assert.equal(await Deno.readTextFile(`${folder.path}/status`), "129\n");
  await link.close();
});

/** Which processes of the host are stopped. */
async function stoppedThere(): Promise<string> {
  return (await host.exec("grep -l '^State:.T' /proc/[0-9]*/status | xargs -r grep -h ^Name:")).stdout;
}

Deno.test("outrun is a job of the local shell like any other", async () => {
  await using terminal = new Terminal(["bash", "--norc", "--noprofile", "-i"], {
    env: { PS1: "$ ", TERM: "dumb", HISTFILE: "/dev/null" },
  });
  await terminal.shows("$ ");
  const command = there.words(["sh", "-c", "'echo ready; read -r line; echo got $line'"]);
  terminal.type(
    `${command.map((word) => word.includes(" ") && !word.startsWith("'") ? `'${word}'` : word).join(" ")}\r`,
  );
  await terminal.shows(/ready\r\n$/);
  terminal.type(CTRL_Z);
  await terminal.shows(/Stopped.*\r\n.*\$ $/);
  terminal.forget();
  terminal.type("jobs; echo between\r");
  await terminal.shows(/Stopped[^]*between\r\n.*\$ $/);
  terminal.type("fg\r");
  await terminal.shows(/fg\r\n[^]*outrun[^]*\r\n/);
  terminal.type("hello\r");
  await terminal.shows(/got hello\r\n.*\$ $/);
  terminal.type("exit\r");
  await terminal.status();
});

Deno.test("an interactive shell there has job control", async () => {
  await using terminal = new Terminal(there.words(["bash", "--norc", "--noprofile", "-i"]), {
    env: { PS1: "there$ ", TERM: "dumb", HISTFILE: "/dev/null" },
  });
  await terminal.shows("there$ ");
  assert.doesNotMatch(terminal.shown, /job control/);
  // Numbers that no other sleep there has; a job has the terminal before it is executed.
  terminal.type("sleep 10001\r");
  await processThere(host, (line) => line === "sleep 10001");
  terminal.type(CTRL_Z);
  await terminal.shows(/Stopped[^]*there\$ $/);
  terminal.type("bg; jobs; kill %1; hostname\r");
  await terminal.shows(/farhost\r\n[^]*there\$ $/);
  terminal.type("sleep 10002\r");
  await processThere(host, (line) => line === "sleep 10002");
  terminal.type(CTRL_C);
  terminal.type("echo alive\r");
  await terminal.shows(/\r\nalive\r\n/);
  terminal.type("exit 3\r");
  assert.equal(await terminal.status(), 3);
});

Deno.test("megabytes pass through the terminal whole", async () => {
  const { shown, status } = await shownBy(there, "stty -opost; seq 200000");
  assert.equal(status, 0);
  assert.equal(shown, Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join(""));
});

Deno.test("a key is answered while megabytes pass", async () => {
  await using terminal = show(there, "trap 'echo; echo interrupted; exit 4' INT; yes xxxxxxxxxxxxxxxxxxxxxxxxx");
  await terminal.shows("xxxx");
  terminal.type(CTRL_C);
  assert.equal(await terminal.status(), 4);
  assert.match(terminal.shown.slice(-20), /interrupted\r\n$/);
});
