/** Programs that walk through trees of small files: what they find is what is there, at the first time and the next. */
import assert from "node:assert/strict";
import { makeTree } from "../bench/make_tree.ts";
import type { Host } from "../hosts/mod.ts";
import { makeFolder, on, startUsedHost } from "./support/mod.ts";

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
});
Deno.test.afterAll(() => host.stop());

const TREE = { files: 200, directories: 45 };
/** All names, attributes and contents, in the order in which find(1) and tar(1) come to them. */
const ALL = `find tree -printf '%p %m %s %T@ %l\\n' | LC_ALL=C sort; tar -cf - --sort=name tree | sha256sum
  grep -rc "was 1" tree | LC_ALL=C sort`;

async function here(cwd: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", ALL], cwd, stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("a tree is found as it is: at first, again, and after it was changed", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await makeTree(`${cwd}/tree`, TREE);
  Deno.symlinkSync("part_0", `${cwd}/tree/link`);
  // Old enough for contents to be told ahead.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  for (const round of ["first", "again", "changed"]) {
    if (round === "changed") {
      Deno.removeSync(`${cwd}/tree/part_3`, { recursive: true });
      Deno.writeTextFileSync(`${cwd}/tree/part_1/file_1.c`, "was 1\n");
      Deno.writeTextFileSync(`${cwd}/tree/part_2/new`, "was 1\n");
    }
    const { text, stderr } = await on(host).shell(ALL, { cwd, timeoutMs: 120_000 });
    assert.equal(stderr, "");
    assert.equal(text, await here(cwd), round);
  }
});

Deno.test("what is changed in the middle of a walk is found as it is from then on", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await makeTree(`${cwd}/tree`, TREE);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  // The walk stops in the first directory, when the others were told; what it says after that is compared.
  const script = `find tree -type f >names; head -n 3 names | xargs cat >/dev/null; echo walked; read -r line
    find tree -printf '%p %s\\n' | LC_ALL=C sort; find tree -type f | LC_ALL=C sort | xargs cat | sha256sum`;
  await using run = on(host).start(["sh", "-c", script], { cwd, stdin: "open" });
  await run.says("walked\n");
  for (const [index, part] of [...Deno.readDirSync(`${cwd}/tree`)].map(({ name }) => `${cwd}/tree/${name}`).entries()) {
    const [file, other] = [...Deno.readDirSync(part)].filter(({ isFile }) => isFile).map(({ name }) =>
      `${part}/${name}`
    );
    Deno.writeTextFileSync(file, `changed ${index}\n`);
    Deno.renameSync(other, `${part}/renamed`);
    Deno.writeTextFileSync(`${part}/new`, `new ${index}\n`);
  }
  const local = await new Deno.Command("sh", {
    args: ["-c", script.slice(script.indexOf("find tree -printf"))],
    cwd,
    stdin: "null",
  }).output();
  await run.write("go on\n");
  await run.closeInput();
  const { text, stderr } = await run.result();
  assert.equal(stderr, "");
  assert.equal(text, `walked\n${new TextDecoder().decode(local.stdout)}`);
});

Deno.test("a tree of thousands of directories stays known", async () => {
  await using folder = await makeFolder();
  const directories = 2500;
  await makeTree(`${folder.path}/tree`, { files: directories, directories });
  const script = "find tree | wc -l; find tree | wc -l";
  const { text, stderr } = await on(host, { options: ["--debug"] }).shell(script, {
    cwd: folder.path,
    timeoutMs: 120_000,
  });
  assert.equal(text, `${2 * directories + 1}\n`.repeat(2));
  assert.match(stderr, /local: requests: /);
  // What is not known is asked for: a second time, where it was forgotten.
  const asked = ["READDIR", "LOOKUP"].map((op) =>
    Number(stderr.match(new RegExp(`local: requests: .*\\b${op} (\\d+)`))?.[1] ?? 0)
  );
  assert.ok(asked[0] + asked[1] < directories / 2, stderr);
});
