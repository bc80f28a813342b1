/** One command without a terminal: where it runs, its exit status, its three streams. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Host } from "../hosts/mod.ts";
import { type Machine, makeFolder, on, same, sameRun, startUsedHost } from "./support/mod.ts";

let host: Host;
let there: Machine;
let far: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
  far = on(host, { destination: (await host.link({ rttMs: 20 })).alias });
});
Deno.test.afterAll(() => host.stop());

function randomBytes(length: number): Uint8Array {
  const data = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
  return data;
}

Deno.test("outrun runs the command on the other machine", async () => {
  const { status, text, stderr } = await there.shell("hostname; cat /proc/sys/kernel/hostname; uname -n");
  assert.deepEqual([status, text, stderr], [0, "farhost\nfarhost\nfarhost\n", ""]);
});

Deno.test("outrun passes the exit status through", async (t) => {
  for (const status of [0, 1, 37, 126, 127, 254, 255]) {
    await t.step(`${status}`, async () => {
      const result = await same(there, `exit ${status}`);
      assert.equal(result.status, status);
    });
  }
});

Deno.test("outrun gives 128 and the number of the signal that ended the command", async (t) => {
  for (const [signal, number] of [["KILL", 9], ["TERM", 15], ["INT", 2], ["SEGV", 11], ["PIPE", 13]] as const) {
    await t.step(signal, async () => {
      const result = await same(there, `kill -${signal} $$`);
      assert.deepEqual([result.status, result.stderr], [128 + number, ""]);
    });
  }
});

Deno.test("outrun passes 3 MB of binary data from stdin to stdout", async () => {
  const data = randomBytes(3_000_000);
  const { status, stdout, stderr } = await there.run(["cat"], { stdin: data });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.ok(Buffer.from(stdout).equals(data));
});

Deno.test("outrun keeps stdout and stderr apart", async () => {
  await same(
    there,
    "for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf 'no line end'; printf 'nor here' >&2",
  );
});

Deno.test("outrun carries megabytes on stdout and stderr at once", async () => {
  const script = "head -c 2000000 /dev/zero | tr '\\0' o & head -c 2000000 /dev/zero | tr '\\0' e >&2; wait";
  const { stdout, stderr } = await there.shell(script);
  assert.deepEqual([stdout.length, stderr.length], [2_000_000, 2_000_000]);
  assert.match(stderr, /^e*$/);
});

Deno.test("outrun passes on the end of stdin, and output goes on after it", async () => {
  await same(there, "cat; echo and on; cat; echo done", { stdin: "all there is\n" });
});

Deno.test("outrun passes input on as it comes, and the end when it comes", async () => {
  await using process = there.start(["sh", "-c", "while read -r line; do echo got $line; done; echo end"], {
    stdin: "open",
  });
  for (const word of ["one", "two"]) {
    await process.write(`${word}\n`);
    await process.says(`got ${word}\n`);
  }
  await process.closeInput();
  assert.equal((await process.result()).text, "got one\ngot two\nend\n");
});

Deno.test("outrun ends with a command that does not read its stdin", async () => {
  await using process = there.start(["sh", "-c", "exec <&-; echo closed"], { stdin: "open" });
  const { status, text } = await process.result();
  assert.deepEqual([status, text], [0, "closed\n"]);
});

Deno.test("outrun takes input that the command leaves unread", async () => {
  const { status, text } = await there.run(["head", "-c", "5"], { stdin: randomBytes(3_000_000).fill(65) });
  assert.deepEqual([status, text], [0, "AAAAA"]);
});

Deno.test("outrun keeps what came before the command closed its stdout", async () => {
  await using process = there.start(["sh", "-c", "echo first; exec >&-; echo still here >&2; read -r _"], {
    stdin: "open",
  });
  await process.complains("still here");
  await process.closeInput();
  assert.equal((await process.result()).text, "first\n");
});

Deno.test("a command whose output nobody reads any more ends by SIGPIPE", async (t) => {
  await t.step("in a pipeline on the other machine", async () => {
    await same(there, "yes | head -n 1");
  });
  await t.step("in a pipeline on this machine", async () => {
    const { status, text } = await there.run(["yes"], {
      prefix: ["bash", "-c", '"$@" | head -n 1; echo "${PIPESTATUS[0]}"', "sh"],
    });
    assert.deepEqual([status, text], [0, "y\n141\n"]);
  });
  await t.step("when it writes a little now and then", async () => {
    const { status, text } = await there.shell("while echo tick; do sleep .05; done", {
      prefix: ["bash", "-c", '"$@" | head -n 1; echo "${PIPESTATUS[0]}"', "sh"],
    });
    assert.deepEqual([status, text], [0, "tick\n141\n"]);
  });
});

Deno.test("outrun has stdin closed, or a folder, or /dev/null", async (t) => {
  for (const redirection of ["<&-", "</", "</dev/null"]) {
    await t.step(redirection, async () => {
      const options = { prefix: ["sh", "-c", `exec "$@" ${redirection}`, "sh"] };
      const { status, text } = await there.shell("wc -c", options);
      assert.deepEqual([status, text], [0, "0\n"]);
    });
  }
});

Deno.test("outrun reads stdin from a file, and writes stdout and stderr to files", async () => {
  await same(there, "cat; echo to err >&2", {
    setup: "seq 100000 >in",
    prefix: ["sh", "-c", 'exec "$@" <in >out 2>err', "sh"],
  });
});

Deno.test("outrun appends to the file that stdout is", async () => {
  await same(there, "echo two; echo three", {
    setup: "echo one >out",
    prefix: ["sh", "-c", 'exec "$@" >>out', "sh"],
  });
});

Deno.test("/dev/stdin, /dev/stdout and /dev/stderr are the command's own", async () => {
  const script = "cat /dev/stdin >/dev/stdout; echo e >/dev/stderr; cat </dev/fd/0; echo again >>/proc/self/fd/1";
  await same(there, script, { stdin: "hello\n" });
});

Deno.test("/dev/null takes and gives nothing", async () => {
  await same(there, "echo x >/dev/null; wc -c </dev/null; head -c 10 /dev/zero | wc -c");
});

Deno.test("what the command leaves in the background does not hold outrun up", async () => {
  // Within the limit that every run has, which is far less than the sleep.
  const { status } = await there.shell("sleep 1000 >/dev/null 2>&1 & echo over");
  assert.equal(status, 0);
});

Deno.test("outrun works over a link of 20 ms", async (t) => {
  await t.step("true", async () => {
    await sameRun(far, ["true"]);
  });
  await t.step("3 MB through cat", async () => {
    const data = randomBytes(3_000_000);
    const { stdout } = await far.run(["cat"], { stdin: data });
    assert.ok(Buffer.from(stdout).equals(data));
  });
});

Deno.test("--sync-writes, --no-cache, --no-prefetch, --timeout and --debug change nothing of the result", async () => {
  const options = ["--sync-writes", "--no-cache", "--no-prefetch", "--timeout", "100"];
  const script = "seq 1000 >a; cat a a >b; echo more >>b; mv b c; cat c";
  await same(on(host, { options }), script);
  await using folder = await makeFolder();
  const { status, text, stderr } = await on(host, { options: ["--debug"] }).shell("echo out", { cwd: folder.path });
  assert.deepEqual([status, text], [0, "out\n"]);
  assert.match(stderr, /^outrun: +\d+ ms local: /m);
  assert.match(stderr, /^outrun: +\d+ ms agent: /m);
});
