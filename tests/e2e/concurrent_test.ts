/** Several sessions at once, on one host and on two. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import {
  here,
  type Machine,
  makeFolder,
  nothingIsLeft,
  on,
  program,
  type RunOptions,
  startUsedHost,
  stateOf,
} from "./support/mod.ts";

let left: Host;
let right: Host;
Deno.test.beforeAll(async () => {
  [left, right] = await Promise.all([startUsedHost({ name: "left" }), startUsedHost({ name: "right" })]);
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

Deno.test("twenty sessions at once keep their own output, input and status", async (t) => {
  const before = [await stateOf(left), await stateOf(right)];
  await using folder = await makeFolder();
  const cwd = folder.path;
  /** One of twenty sessions, which all work in one folder; `words` make it distinct. */
  const work = async (there: Machine, index: number, options: RunOptions = {}) => {
    const script = 'cat; seq "$1" >"$2$1"; wc -l <"$2$1"; hostname; exit $(($1 % 200))';
    const count = String(1000 + index);
    const stdin = `input ${index}\n`;
    const argv = ["sh", "-c", script, "sh", count, options.prefix === undefined ? "a" : "b"];
    const { status, text, stderr } = await there.run(argv, { cwd, stdin, timeoutMs: 300_000, ...options });
    return { status, stderr, lines: text.split("\n"), expected: [`input ${index}`, count] };
  };
  const all = async (start: (index: number) => ReturnType<typeof work>, hosts: readonly string[]) => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => start(index)));
    for (const [index, { status, stderr, lines, expected }] of results.entries()) {
      assert.deepEqual([status, stderr], [(1000 + index) % 200, ""]);
      assert.deepEqual(lines, [...expected, hosts[index % hosts.length], ""]);
    }
  };
  await t.step("one local machine, two remotes", async () => {
    await all((index) => work(on([left, right][index % 2]), index), ["left", "right"]);
  });
  await t.step("twenty local machines, one remote", async () => {
    // Each has a name, an id, processes and a cache of its own, and knows nothing of the others.
    const machines = await Promise.all(Array.from({ length: 20 }, () => makeFolder()));
    try {
      await all((index) => {
        const id = `echo ${index} >"$0/id"; mount --bind "$0/id" /etc/machine-id; hostname local${index}; exec "$@"`;
        const prefix = [
          "unshare",
          "--mount",
          "--uts",
          "--pid",
          "--fork",
          "--kill-child",
          "--mount-proc",
          "sh",
          "-c",
          id,
        ];
        const { path } = machines[index];
        return work(on(left), index, { prefix: [...prefix, path], env: { HOME: path, XDG_CACHE_HOME: path } });
      }, ["left"]);
    } finally {
      await Promise.all(machines.map((machine) => machine[Symbol.asyncDispose]()));
    }
  });
  for (const [index, host] of [left, right].entries()) await nothingIsLeft(host, before[index]);
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

Deno.test("GNU parallel spreads commands over hosts, each of its slots being one", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  // Words of outrun's that lead to a host; with the user's own ssh configuration a name is enough.
  const lines = [left, right].map((host) => `--ssh -F${host.sshConfig} ${host.alias}\n`);
  await Deno.writeTextFile(`${cwd}/hosts`, lines.join(""));
  await Deno.symlink(program, `${cwd}/outrun`);
  const command = "./outrun $(sed -n {%}p hosts) sh -c 'hostname >host.{}; seq {} | gzip >{}.gz; exit $(({} % 3))'";
  const items = ["100", "101", "102", "103", "104", "105"];
  const argv = ["parallel", "--will-cite", "--jobs=2", "--joblog=log", command, ":::", ...items];
  // The status is the number of jobs that failed.
  const { status, text, stderr } = await here.run(argv, { cwd, env: { HOME: cwd }, timeoutMs: 300_000 });
  assert.deepEqual([status, text, stderr], [4, "", ""]);
  const log = (await Deno.readTextFile(`${cwd}/log`)).trim().split("\n").slice(1).map((line) => line.split("\t"));
  assert.deepEqual(log.map((fields) => Number(fields[6])).sort(), [0, 0, 1, 1, 2, 2]);
  const { text: tails } = await here.shell("for i in ???.gz; do zcat $i | tail -n 1; done", { cwd });
  assert.equal(tails, items.map((item) => `${item}\n`).join(""));
  const { text: hosts } = await here.shell("sort -u host.*", { cwd });
  assert.equal(hosts, "left\nright\n");
});
