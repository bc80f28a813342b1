import assert from "node:assert/strict";
import { type ByteString, byteString, fromText } from "../../../lib/bytes/mod.ts";
import {
  bindNow,
  childState,
  close,
  decodeWaitStatus,
  Errno,
  kill,
  makePipe,
  openPidFd,
  Poller,
  POLLIN,
  read,
  SIGKILL,
  SIGSTOP,
  SIGTERM,
  spawn,
  type SpawnOptions,
  unwrap,
  waitForEnd,
  write,
} from "../../../lib/linux/mod.ts";

// The library stays loaded: no test is to be blamed for that.
bindNow();

function pipe() {
  const made = makePipe();
  assert.ok(typeof made !== "number");
  return made;
}

/** Starts `sh -c script`. */
function shell(script: string, options: Partial<SpawnOptions> = {}): number {
  const argv = ["sh", "-c", script].map(fromText);
  const env = [fromText("PATH=/usr/bin:/bin")];
  return unwrap(spawn(fromText("sh"), { argv, env, fds: [], leads: "group", ...options }), "spawn sh");
}

/** What `sh -c script` writes to stdout. */
function outputOf(script: string, options: Partial<SpawnOptions> = {}): string {
  const { readEnd, writeEnd } = pipe();
  const pid = shell(script, { ...options, fds: [[writeEnd, 1], ...options.fds ?? []] });
  close(writeEnd);
  let text = "";
  const buffer = new Uint8Array(4096);
  for (let length; (length = read(readEnd, buffer)) > 0;) text += byteString(buffer, 0, length);
  close(readEnd);
  assert.deepEqual(waitForEnd(pid), { kind: "exited", status: 0 });
  return text;
}

Deno.test("decodeWaitStatus() tells the four kinds of change", () => {
  assert.deepEqual(decodeWaitStatus(0x2500), { kind: "exited", status: 37 });
  assert.deepEqual(decodeWaitStatus(0xff00), { kind: "exited", status: 255 });
  assert.deepEqual(decodeWaitStatus(0x0009), { kind: "signaled", signal: 9 });
  assert.deepEqual(decodeWaitStatus(0x008b), { kind: "signaled", signal: 11 });
  assert.deepEqual(decodeWaitStatus(0x137f), { kind: "stopped", signal: 19 });
  assert.deepEqual(decodeWaitStatus(0xffff), { kind: "continued" });
});

Deno.test("spawn() passes arguments and environment as bytes", () => {
  const argv = ["sh", "-c", 'printf "%s,%s,%s" "$0" "$1" "$A"', "\xff", ""] as ByteString[];
  assert.equal(outputOf("", { argv, env: ["A=\xfe\n"] as ByteString[] }), "\xff,,\xfe\n");
});

Deno.test("spawn() gives the child no descriptor but those listed", () => {
  const { readEnd, writeEnd } = pipe();
  try {
    const open = outputOf("ls /proc/$$/fd", { fds: [[readEnd, 100]] }).trimEnd().split("\n").map(Number);
    assert.deepEqual([100, readEnd, writeEnd].map((fd) => open.includes(fd)), [true, false, false]);
  } finally {
    close(readEnd);
    close(writeEnd);
  }
});

Deno.test("spawn() maps descriptors whose numbers are each other's targets", () => {
  const pipes = [pipe(), pipe()];
  const line = (fd: number) => `head -n 1 /proc/self/fd/${fd}`;
  const [low, high] = pipes.map((made) => made.readEnd);
  pipes.forEach((made, index) => write(made.writeEnd, new TextEncoder().encode(`${index}\n`)));
  try {
    const crossed = outputOf(`${line(low)}; ${line(high)}`, { fds: [[low, high], [high, low]] });
    assert.equal(crossed, "1\n0\n");
    pipes.forEach((made, index) => write(made.writeEnd, new TextEncoder().encode(`${index}\n`)));
    assert.equal(outputOf(line(low), { fds: [[low, low]] }), "0\n");
  } finally {
    for (const { readEnd, writeEnd } of pipes) {
      close(readEnd);
      close(writeEnd);
    }
  }
});

Deno.test("spawn() starts with default signals, in a group or a session of its own", () => {
  const script = "grep -E 'Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f 1,5,6 /proc/$$/stat";
  for (const leads of ["group", "session"] as const) {
    const [blocked, ignored, ids] = outputOf(script, { leads }).trimEnd().split("\n");
    const [pid, group, session] = ids.split(" ");
    assert.deepEqual([blocked, ignored], ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
    assert.equal(group, pid);
    assert.equal(session === pid, leads === "session");
  }
});

Deno.test("spawn() returns minus errno for a program that is not there", () => {
  const options = { argv: [fromText("x")], env: [], fds: [], leads: "group" } as const;
  assert.equal(spawn(fromText("/nonexistent/x"), options), -Errno.ENOENT);
  assert.equal(spawn(fromText("no-such-program"), options), -Errno.ENOENT);
});

Deno.test("childState() tells stops, continuations and the end, each once", () => {
  const pid = shell("kill -STOP $$; exit 3");
  const next = () => {
    for (;;) {
      const state = childState(pid);
      if (state !== undefined) return state;
    }
  };
  assert.deepEqual(next(), { kind: "stopped", signal: SIGSTOP });
  assert.equal(childState(pid), undefined);
  kill(pid, 18);
  const states = [next()];
  if (typeof states[0] !== "number" && states[0].kind === "continued") states.push(next());
  assert.deepEqual(states.at(-1), { kind: "exited", status: 3 });
  assert.equal(childState(pid), -Errno.ECHILD);
});

Deno.test("openPidFd() is readable once the process has ended", () => {
  const pid = shell("kill -TERM $$");
  const fd = unwrap(openPidFd(pid), "open a pidfd");
  const poller = new Poller();
  let ended = false;
  poller.add(fd, POLLIN, () => ended = true);
  poller.wait(60_000);
  close(fd);
  assert.equal(ended, true);
  assert.deepEqual(childState(pid), { kind: "signaled", signal: SIGTERM });
});

Deno.test("kill() reaches a process group by its negative number", () => {
  const pid = shell("sleep 60");
  assert.equal(kill(-pid, SIGKILL), 0);
  assert.deepEqual(waitForEnd(pid), { kind: "signaled", signal: SIGKILL });
  assert.equal(kill(pid, 0), -Errno.ESRCH);
});
