/** Several sessions at once, on one host and on two. */
import assert from "node:assert/strict";
import { type Host, startHost } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import { makeFolder, nothingIsLeft, on, stateOf } from "./support/mod.ts";

let left: Host;
let right: Host;
Deno.test.beforeAll(async () => {
  [left, right] = await Promise.all([startHost({ name: "left" }), startHost({ name: "right" })]);
  await Promise.all([left, right].map((host) => on(host).run(["true"])));
});
Deno.test.afterAll(() => Promise.all([left.stop(), right.stop()]).then(() => {}));

Deno.test("two sessions on one host see each other's files", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const script = "while read -r line; do cat theirs.$1; echo $line >mine.$1; mv mine.$1 theirs.$2; echo .; done";
  await using one = on(left).start(["sh", "-c", script, "sh", "a", "b"], { cwd, stdin: "open" });
  await using two = on(left).start(["sh", "-c", script, "sh", "b", "a"], { cwd, stdin: "open" });
  await Deno.writeTextFile(`${cwd}/theirs.a`, "start\n");
  // What a command says may come before what it did to files.
  const arrives = (name: string, text: string) =>
    waitUntil(async () => await Deno.readTextFile(`${cwd}/${name}`).catch(() => "") === text, { failure: text });
  for (const round of ["1", "2", "3"]) {
    await one.write(`from one ${round}\n`);
    await one.says(new RegExp(`^(.*\\n\\.\\n){${round}}$`));
    await arrives("theirs.b", `from one ${round}\n`);
    await two.write(`from two ${round}\n`);
    await two.says(`from one ${round}\n.\n`);
    await arrives("theirs.a", `from two ${round}\n`);
  }
  await Promise.all([one.closeInput(), two.closeInput()]);
  assert.equal((await one.result()).text, "start\n.\nfrom two 1\n.\nfrom two 2\n.\n");
  assert.equal((await two.result()).text, "from one 1\n.\nfrom one 2\n.\nfrom one 3\n.\n");
});

Deno.test("ten sessions at once keep their own output, input and status", async () => {
  const before = await stateOf(left);
  await using folder = await makeFolder();
  const runs = Array.from(
    { length: 10 },
    (_, index) =>
      on(left).shell(`cat; seq ${index}000 >${index}; wc -l <${index}; exit ${index}`, {
        cwd: folder.path,
        stdin: `input ${index}\n`,
        timeoutMs: 300_000,
      }),
  );
  for (const [index, { status, text, stderr }] of (await Promise.all(runs)).entries()) {
    assert.deepEqual([status, text, stderr], [index, `input ${index}\n${index}000\n`.replace("\n0000\n", "\n0\n"), ""]);
  }
  await nothingIsLeft(left, before);
});

Deno.test("two hosts work on one folder", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const work = (host: Host) =>
    on(host).shell("mkdir $(hostname); for i in $(seq 100); do echo $i >$(hostname)/$i; done; hostname", { cwd });
  const results = await Promise.all([left, right].map(work));
  assert.deepEqual(results.map(({ text, stderr }) => text + stderr), ["left\n", "right\n"]);
  for (const name of ["left", "right"]) {
    assert.equal([...Deno.readDirSync(`${cwd}/${name}`)].length, 100);
    assert.equal(await Deno.readTextFile(`${cwd}/${name}/100`), "100\n");
  }
});

Deno.test("a pipeline over two hosts", async () => {
  await using folder = await makeFolder();
  const words = on(left).words(["sh", "-c", "seq 100000 | gzip; hostname >&2"]);
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const { text, stderr } = await on(right).shell("gunzip | tail -n 1; hostname", {
    cwd: folder.path,
    prefix: ["sh", "-c", `${quoted} | "$@"`, "sh"],
  });
  assert.deepEqual([text, stderr], ["100000\nright\n", "left\n"]);
});
