/** A change that a local process makes is seen by the command while it runs. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { type Machine, makeFolder, on, type Process, startUsedHost } from "./support/mod.ts";

let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
});
Deno.test.afterAll(() => host.stop());

/** Waits over there until a shell condition holds, then says `text`. */
const until = (condition: string, text: string) =>
  `n=0; until ${condition}; do n=$((n+1)); [ $n -lt 1000 ] || { echo late; exit 1; }; sleep 0.02; done; echo ${text}`;

/** Runs shell lines over there one by one: each after the local change before it. */
async function alternate(cwd: string, first: string, steps: readonly [() => void, string, string][]): Promise<void> {
  await using process: Process = there.start(["sh"], { cwd, stdin: "open" });
  await process.write(`${first}\necho ready\n`);
  await process.says("ready");
  for (const [change, condition, text] of steps) {
    change();
    await process.write(`${until(condition, text)}\n`);
    await process.says(text);
  }
  await process.closeInput();
  assert.equal((await process.result()).status, 0, process.text + process.stderr);
}

Deno.test("content, size and attributes of a file that is known already", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/file`;
  Deno.writeTextFileSync(file, "one\n");
  await alternate(folder.path, "cat file; stat -c %s file", [
    [() => Deno.writeTextFileSync(file, "two\n"), '[ "$(cat file)" = two ]', "same-size"],
    [() => Deno.writeTextFileSync(file, "three three\n"), '[ "$(cat file)" = "three three" ]', "longer"],
    [() => Deno.writeTextFileSync(file, "4\n"), '[ "$(cat file)" = 4 ] && [ "$(stat -c %s file)" = 2 ]', "shorter"],
    [() => Deno.chmodSync(file, 0o640), '[ "$(stat -c %a file)" = 640 ]', "mode"],
    [() => Deno.utimeSync(file, 5, 5), '[ "$(stat -c %Y file)" = 5 ]', "time"],
  ]);
});

Deno.test("names that come, go and move, also those that did not exist before", async () => {
  await using folder = await makeFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  Deno.mkdirSync(at("dir"));
  await alternate(folder.path, "ls; ls dir; cat new dir/below 2>/dev/null; true", [
    [() => Deno.writeTextFileSync(at("new"), "content"), '[ "$(cat new 2>/dev/null)" = content ]', "created"],
    [() => Deno.writeTextFileSync(at("dir/below"), "x"), "[ -f dir/below ]", "created-below"],
    [() => Deno.renameSync(at("new"), at("moved")), "[ -f moved ] && [ ! -e new ]", "renamed"],
    [() => Deno.renameSync(at("dir"), at("dir2")), "[ -f dir2/below ] && [ ! -e dir ]", "renamed-dir"],
    [() => Deno.removeSync(at("moved")), "[ ! -e moved ]", "removed"],
    [() => Deno.symlinkSync("dir2", at("link")), '[ "$(readlink link)" = dir2 ]', "linked"],
    [
      () => {
        Deno.removeSync(at("link"));
        Deno.symlinkSync("elsewhere", at("link"));
      },
      '[ "$(readlink link)" = elsewhere ]',
      "relinked",
    ],
  ]);
});

Deno.test("what is added to a file that the command holds open", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/log`;
  Deno.writeTextFileSync(file, "first\n");
  const append = (text: string) => () => Deno.writeTextFileSync(file, text, { append: true });
  await alternate(folder.path, "exec 5<log; cat <&5", [
    [append("second\n"), '[ "$(cat <&5)" = second ]', "grown"],
    [append("x".repeat(10_000) + "\nthird\n"), '[ "$(cat <&5 | tail -n 1)" = third ]', "grown-by-pages"],
    [append("fourth\n"), '[ "$(cat <&5)" = fourth ]', "grown-again"],
  ]);
});

Deno.test("a file below /opt, as any other", async () => {
  const path = `/opt/outrun-test-${crypto.randomUUID()}`;
  Deno.mkdirSync(path);
  try {
    await alternate(path, "ls; ls /opt >/dev/null", [
      [() => Deno.writeTextFileSync(`${path}/file`, "1"), '[ "$(cat file 2>/dev/null)" = 1 ]', "made"],
      [() => Deno.writeTextFileSync(`${path}/file`, "2"), '[ "$(cat file)" = 2 ]', "changed"],
    ]);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});

Deno.test("the command's own changes are not taken for somebody else's", async () => {
  await using folder = await makeFolder();
  // A descriptor that stays open would show ESTALE, and a page cache that is dropped would show in the number of reads.
  const script = `exec 7<>own; for i in $(seq 200); do echo $i >&7; echo $i >>other; done; cat other | tail -n 1
    mv own renamed; echo last >&7; tail -n 1 renamed; ln renamed hard; echo more >&7; tail -n 1 hard`;
  const { status, text, stderr } = await there.shell(script, { cwd: folder.path });
  assert.deepEqual({ status, text, stderr }, { status: 0, text: "200\nlast\nmore\n", stderr: "" });
});
