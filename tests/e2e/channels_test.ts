/** Further channels of a connection: contents over a distance that one is not enough for, and what becomes of broken ones. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  type Folder,
  here,
  type Machine,
  makeFolder,
  nothingIsLeft,
  on,
  type Process,
  type State,
  stateOf,
} from "./support/mod.ts";

const BYTES = 60_000_000;
const RTT = { rttMs: 100 };
const OPEN = /channel \d of the link is open/;
const timeoutMs = 120_000;

let host: Host;
let there: Machine;
let folder: Folder;
let before: State;
Deno.test.beforeAll(async () => {
  folder = await makeFolder();
  host = await startHost();
  there = on(host, { options: ["--debug"], destination: (await host.link(RTT)).alias });
  await there.run(["true"], { timeoutMs });
  before = await stateOf(host);
});
Deno.test.afterAll(async () => {
  await host.stop();
  await folder[Symbol.asyncDispose]();
});

/** What is read, and what is to come out. */
interface Reading {
  readonly process: Process;
  readonly sum: string;
}

/** Has a file read that the other machine has never seen. */
async function startReading(machine = there): Promise<Reading> {
  const cwd = folder.path;
  const name = crypto.randomUUID();
  const { text: sum } = await here.shell(`head -c ${BYTES} /dev/urandom >${name}; sha256sum ${name}`, { cwd });
  return { process: machine.start(["sha256sum", name], { cwd, timeoutMs }), sum };
}

/** Bytes that the local side says to have sent by channels. */
function sentByChannels(stderr: string): number {
  return Number(stderr.match(/local: .*"channelOut":(\d+)/)?.[1]);
}

/** The processes of channels that belong to a running outrun. */
async function channelsOf({ pid }: Process): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    const status = await Deno.readTextFile(`/proc/${name}/status`).catch(() => "");
    if (line.includes("ProxyCommand=false") && status.includes(`\nPPid:\t${pid}\n`)) found.push(Number(name));
  }
  return found;
}

/** What brings the channels' bytes to the agent: the numbers of those processes there. */
async function channelsThere(): Promise<string> {
  const script = 'for p in /proc/[0-9]*; do case $(readlink $p/fd/1) in */channel-*) echo "${p#/proc/}"; esac; done';
  const { stdout } = await host.exec(script);
  assert.match(stdout, /^\d+\n/);
  return stdout.trim().replaceAll("\n", " ");
}

Deno.test("a large file over a distance comes by further channels, and nothing is left of them", async () => {
  const { process, sum } = await startReading();
  await using _ = process;
  await process.complains(OPEN);
  const { status, text, stderr } = await process.result();
  assert.deepEqual([status, text], [0, sum]);
  assert.ok(sentByChannels(stderr) > BYTES / 10, stderr);
  await nothingIsLeft(host, before);
});

Deno.test("a channel whose ssh is killed: the command gets every byte", async () => {
  const { process, sum } = await startReading();
  await using _ = process;
  await process.complains(OPEN);
  const channels = await channelsOf(process);
  assert.ok(channels.length > 0);
  for (const pid of channels) Deno.kill(pid, "SIGKILL");
  const { status, text, stderr } = await process.result();
  assert.deepEqual([status, text], [0, sum]);
  assert.match(stderr, /channel \d of the link has ended/);
  await nothingIsLeft(host, before);
});

Deno.test("channels that stall are given up: the command gets every byte", async () => {
  const cwd = folder.path;
  const script =
    `head -c ${BYTES} /dev/urandom >first; head -c ${BYTES} /dev/urandom >second; cat first second | sha256sum`;
  const { text: sum } = await here.shell(script, { cwd });
  // What is read after they have stopped makes sure that there are bytes for them.
  const reading = ["sh", "-c", "{ cat first; read -r _; cat second; } | sha256sum"];
  await using process = there.start(reading, { cwd, timeoutMs, stdin: "open" });
  await process.complains(OPEN);
  const stopped = await channelsThere();
  await host.exec(`kill -STOP ${stopped}`);
  await process.write("go on\n");
  const { status, text, stderr } = await process.result();
  await host.exec(`kill -KILL ${stopped}`);
  assert.deepEqual([status, text], [0, sum]);
  assert.match(stderr, /a channel of the link has stalled/);
  await nothingIsLeft(host, before);
});

Deno.test("kill -9 of outrun leaves nothing of its channels", async () => {
  const { process } = await startReading();
  await using _ = process;
  await process.complains(OPEN);
  const channels = await channelsOf(process);
  assert.ok(channels.length > 0);
  process.kill("SIGKILL");
  await process.result();
  await nothingIsLeft(host, before);
  await waitUntil(() => channels.every((pid) => !isAlive(pid)), { failure: "a channel's ssh stays" });
});

Deno.test("a server that lets in one session: one channel, and not a word", async () => {
  await using strict = await startHost({ name: "strict", sshdConfig: ["MaxSessions 1"] });
  const destination = (await strict.link(RTT)).alias;
  await on(strict, { destination }).run(["true"], { timeoutMs });
  const quiet = await startReading(on(strict, { destination }));
  await using _quiet = quiet.process;
  const { status, text, stderr } = await quiet.process.result();
  assert.deepEqual([status, text, stderr], [0, quiet.sum, ""]);
  const loud = await startReading(on(strict, { options: ["--debug"], destination }));
  await using _loud = loud.process;
  const told = await loud.process.result();
  assert.match(told.stderr, /channel \d of the link is not to be had/);
  assert.equal(sentByChannels(told.stderr), 0);
});

function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
