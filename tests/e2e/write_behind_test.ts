/** Changes are acknowledged over there before they are made here: what that buys, and what it guarantees. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { waitUntil } from "../hosts/wait.ts";
import { describeTree, here, makeFolder, on, startUsedHost } from "./support/mod.ts";

const TIMEOUT_MS = 60_000;

let host: Host;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
});
Deno.test.afterAll(() => host.stop());

/** On the other machine, in a tree that is its own: what tells the command and the test of each other past the link. */
const SIGNS = "/run/outrun-test";

/**
 * One program from before the link is stalled until after: what others start with might have to be asked for. It makes sure
 * that changes can be decided over there, says so, and waits for the test.
 */
const program = (work: string) => `
  use strict; $| = 1;
  sub put { my ($name, $text) = @_; open(my $to, ">", $name) or die "$name: $!"; print $to $text; close($to) or die }
  sub show { my ($name) = @_; open(my $from, "<", $name) or die "$name: $!"; print "$name: ", <$from>; print "\n" }
  sub list { my ($name) = @_; opendir(my $dir, $name) or die; print join(" ", "$name:", sort readdir($dir)), "\n" }
  -e $_ for qw(no none nothing);
  for (1 .. 3) { mkdir("proof") or die; rmdir("proof") or die }
  mkdir("ours") or die; chdir("ours") or die;
  print "ready\n"; until (-e "${SIGNS}/go") { select(undef, undef, undef, 0.02) }
  ${work}
  put("${SIGNS}/done", "");`;

/** A tree. */
const work = `
  mkdir($_) or die for qw(a a/b a/b/c);
  put("a/b/$_", "content $_") for 1 .. 9;
  rename("a/b/1", "a/b/c/moved") or die; link("a/b/2", "a/linked") or die; symlink("b/c/moved", "a/link") or die;
  unlink("a/b/3") or die; chmod(0600, "a/b/4") or die; utime(5, 6, "a/b/5") or die; rename("a/b/6", "a/b/7") or die;
  mkdir("a/gone") or die; rmdir("a/gone") or die;
  show($_) for qw(a/link a/linked a/b/7); list($_) for qw(a a/b a/b/c);
  print join(" ", map { sprintf("%o", $_) } (stat("a/b/4"))[2, 3, 7], (stat("a/b/5"))[9]), "\n";`;

interface Stalled {
  readonly status: number;
  readonly text: string;
  readonly stderr: string;
}

/** Runs `work` over there while the link is stalled, and `meanwhile` here when that is done. */
async function behindStalledLink(
  path: string,
  { work, meanwhile }: { work: string; meanwhile: () => void },
): Promise<Stalled> {
  await host.exec(`rm -rf ${SIGNS}; mkdir -m 777 ${SIGNS}`);
  const link = await host.link({ rttMs: 20 });
  const there = on(host, { destination: link.alias });
  await using process = there.start(["perl", "-e", program(work)], { cwd: path, timeoutMs: TIMEOUT_MS });
  await process.says("ready");
  await link.stall();
  await host.exec(`: >${SIGNS}/go`);
  const isDone = async () => (await host.exec(`test ! -e ${SIGNS}/done || echo done`)).stdout.includes("done");
  try {
    await waitUntil(isDone, { timeoutMs: TIMEOUT_MS / 2, failure: "the command waits for the link" });
    meanwhile();
  } finally {
    await link.resume();
  }
  const result = await process.result();
  await link.close();
  return result;
}

/** What the same program says on this machine. */
async function runHere(path: string, work: string): Promise<string> {
  await Deno.mkdir(SIGNS, { recursive: true });
  try {
    await Deno.writeTextFile(`${SIGNS}/go`, "");
    return (await here.run(["perl", "-e", program(work)], { cwd: path })).text;
  } finally {
    await Deno.remove(SIGNS, { recursive: true });
  }
}

Deno.test("a tree is made while nothing crosses the link, and is here when outrun ends", async () => {
  await using folder = await makeFolder();
  const { status, text, stderr } = await behindStalledLink(folder.path, {
    work,
    meanwhile: () => assert.deepEqual([...Deno.readDirSync(`${folder.path}/ours`)], []),
  });
  assert.deepEqual([status, stderr], [0, ""]);
  await using local = await makeFolder();
  assert.equal(text, await runHere(local.path, work));
  assert.deepEqual(await describeTree(folder.path), await describeTree(local.path));
  assert.equal(Deno.statSync(`${folder.path}/ours/a/b/5`).mtime?.getTime(), 6000);
});

/**
 * A file as a linker writes it, twice: out of order, over parts of pages, and read again. Cut, it is written behind that:
 * of what was there before, the kernel keeps nothing.
 */
const scattered = `
  sub at { my ($file, $offset, $text) = @_; sysseek($file, $offset, 0); syswrite($file, $text) == length($text) or die }
  sub sum { my ($file) = @_; sysseek($file, 0, 0); my $all = ""; 1 while sysread($file, $all, 65536, length($all));
    printf("%d bytes: %d\n", length($all), unpack("%32N*", $all)) }
  my $seed = 1; sub any { $seed = ($seed * 1103515245 + 12345) % 2147483648; ($seed >> 8) % $_[0] }
  for my $again (0, 1) {
    open(my $file, "+>", "scattered") or die;
    at($file, 1 << 20, "the last 1");
    at($file, any(1 << 20), "ten bytes$again") for 1 .. 100;
    sum($file);
    truncate($file, 300_001) or die; at($file, 900_001, "after a cut");
    at($file, 350_000 + any(550_000), "more $_") for 1 .. 50;
    close($file) or die;
  }`;

Deno.test("a file is written all over while nothing crosses the link", async () => {
  await using folder = await makeFolder();
  const { status, text, stderr } = await behindStalledLink(folder.path, { work: scattered, meanwhile: () => {} });
  assert.deepEqual([status, stderr], [0, ""]);
  await using local = await makeFolder();
  assert.equal(text, await runHere(local.path, scattered));
  const [made, expected] = [folder, local].map(({ path }) => Deno.readFileSync(`${path}/ours/scattered`));
  assert.equal(made.length, 900_012);
  assert.deepEqual(made, expected);
});

Deno.test("a change that fails is the last, ends the run with 254, and is named", async () => {
  await using folder = await makeFolder();
  const { status, stderr } = await behindStalledLink(folder.path, {
    work: 'put("before", 1); mkdir("taken") or die; put("after", 2);',
    meanwhile: () => Deno.writeTextFileSync(`${folder.path}/ours/taken`, "theirs"),
  });
  assert.equal(status, 254);
  assert.match(stderr, new RegExp(`Cannot change "${folder.path}/ours/taken": EEXIST`));
  assert.deepEqual([...Deno.readDirSync(`${folder.path}/ours`)].map(({ name }) => name).sort(), ["before", "taken"]);
  assert.equal(Deno.readTextFileSync(`${folder.path}/ours/taken`), "theirs");
});

Deno.test("whoever reads the command's output finds what it did before", async () => {
  await using folder = await makeFolder();
  const link = await host.link({ rttMs: 100 });
  const script = "mkdir d; cd d; for i in $(seq 30); do echo $i >$i; echo $i; done";
  await using process = on(host, { destination: link.alias }).start(["sh", "-c", script], { cwd: folder.path });
  for (let i = 1; i <= 30; i++) {
    await process.says(`${i}\n`);
    assert.equal(Deno.readTextFileSync(`${folder.path}/d/${i}`), `${i}\n`);
  }
  assert.equal((await process.result()).status, 0);
  await link.close();
});

Deno.test("a link that is cut leaves a prefix of what was done", async () => {
  await using folder = await makeFolder();
  const names = Array.from({ length: 400 }, (_, index) => `d${Math.floor(index / 20)}/f${index}`);
  await here.shell(
    `for i in $(seq 0 399); do mkdir -p d$((i / 20)); echo content $i >d$((i / 20))/f$i; done
     for i in $(seq 0 399); do echo d$((i / 20))/f$i; done >names; tar cf all.tar -T names; rm -r d*`,
    { cwd: folder.path, timeoutMs: TIMEOUT_MS },
  );
  await on(host).run(["tar", "--version"], { timeoutMs: TIMEOUT_MS });
  // Slow enough that it is cut in the middle.
  const link = await host.link({ rttMs: 20, mbit: 1 });
  const there = on(host, { destination: link.alias });
  await using process = there.start(["tar", "xf", "all.tar"], { cwd: folder.path, timeoutMs: TIMEOUT_MS });
  const exists = (name: string) => {
    try {
      return Deno.statSync(`${folder.path}/${name}`).isFile;
    } catch {
      return false;
    }
  };
  await waitUntil(() => Promise.resolve(exists(names[40])), { timeoutMs: TIMEOUT_MS, failure: "nothing is unpacked" });
  await link.cut();
  await process.result();
  await link.close();
  const made = names.filter(exists);
  assert.ok(made.length < names.length);
  assert.deepEqual(made, names.slice(0, made.length));
  // The last one may have a name only.
  for (const name of made.slice(0, -1)) {
    assert.equal(Deno.readTextFileSync(`${folder.path}/${name}`), `content ${name.split("f")[1]}\n`);
  }
});

Deno.test("a build sees what is changed here in its middle, and leaves what it makes", async () => {
  await using folder = await makeFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  Deno.writeTextFileSync(at("say.h"), '#define TEXT "old"\n');
  Deno.writeTextFileSync(at("say.c"), '#include <stdio.h>\n#include "say.h"\nint main(void) { puts(TEXT); }\n');
  Deno.writeTextFileSync(
    at("makefile"),
    "all: say\n\t./say\nsay: say.o\n\tcc -o $@ say.o\nsay.o: say.c say.h\n\tcc -c say.c\n",
  );
  await using process = on(host).start(["sh"], { cwd: folder.path, stdin: "open", timeoutMs: TIMEOUT_MS });
  await process.write("make -s && echo built\n");
  await process.says("old\nbuilt\n");
  Deno.writeTextFileSync(at("say.h"), '#define TEXT "new"\n');
  await process.write("until grep -q new say.h; do sleep 0.02; done; make -s && echo again\n");
  await process.says("new\nagain\n");
  await process.closeInput();
  assert.equal((await process.result()).status, 0);
  const local = await here.run(["./say"], { cwd: folder.path });
  assert.equal(local.text, "new\n");
});
