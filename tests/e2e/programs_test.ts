/** Real programs on real input: the result is the local one's, bit by bit. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { here, type Machine, makeFolder, on, same, startUsedHost } from "./support/mod.ts";

let host: Host;
let there: Machine;
let far: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
  far = on(host, { destination: (await host.link({ rttMs: 20 })).alias });
});
Deno.test.afterAll(() => host.stop());

// The tests shall be the same whatever the machine's number of cores.
const encode = "ffmpeg -nostdin -loglevel error -i in.mp4 -threads 1 -c:v libx264 -bitexact out.mp4";
const source = "testsrc=duration=2:size=320x240:rate=25";
const makeInput =
  `ffmpeg -loglevel error -f lavfi -i ${source} -f lavfi -i sine=duration=2 -c:v mpeg4 -bitexact in.mp4`;

Deno.test("ffmpeg encodes a video on the other machine, bit by bit as here", async (t) => {
  await t.step("directly", async () => {
    await same(there, encode, { setup: makeInput });
  });
  await t.step("over a link of 20 ms", async () => {
    await same(far, encode, { setup: makeInput });
  });
  await t.step("the host has no ffmpeg, its kernel says that it ran there", async () => {
    assert.equal((await host.exec("command -v ffmpeg")).code, 127);
    await using folder = await makeFolder();
    // Without an end, it is there when we look.
    const endless = source.replace("duration=2:", "");
    const argv = ["ffmpeg", "-nostdin", "-re", "-f", "lavfi", "-i", endless, "-f", "null", "-"];
    await using process = there.start(argv, { cwd: folder.path });
    await process.complains("frame=");
    const lines = [...(await host.pids()).values()];
    assert.equal(lines.filter((line) => line.startsWith("ffmpeg -nostdin")).length, 1, lines.join("\n"));
    process.kill("SIGTERM");
    // As ffmpeg has it, which ends in good order.
    assert.equal((await process.result()).status, 255);
  });
});

const git = `export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'`;
const repository = `${git}; git init -q -b main .; for i in $(seq 50); do mkdir -p d$i; echo $i >d$i/f; done
  git add .; git commit -q -m first`;

Deno.test("git works in a local repository", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await here.shell(repository, { cwd });
  const script = `${git}; git status --short; echo x >>d1/f; rm d2/f; echo new >n; git status --short; git add -A
    git commit -q -m second; git status --short; git log --format='%H %s' --stat; git gc -q; git fsck; git checkout -q HEAD~1; git diff main --stat`;
  const actual = await there.shell(script, { cwd });
  const after = await here.shell(`${git}; git fsck && git status --short`, { cwd });
  await here.shell("rm -rf .git *", { cwd });
  await here.shell(repository, { cwd });
  const expected = await here.shell(script, { cwd });
  assert.deepEqual([actual.status, actual.text, actual.stderr], [expected.status, expected.text, expected.stderr]);
  assert.deepEqual([after.status, after.text], [0, ""]);
});

Deno.test("git init and clone there make a repository that is whole here", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const { stderr, status } = await there.shell(`mkdir a && cd a && ${repository} && git clone -q . ../b`, { cwd });
  assert.deepEqual([status, stderr], [0, ""]);
  const { text } = await here.shell(
    `${git}; for r in a b; do git -C $r fsck && git -C $r status --short; git -C $r log --oneline; done`,
    { cwd },
  );
  assert.match(text, /^(\w+ first\n){2}$/);
});

const tree = String
  .raw`mkdir -p t/a/b t/empty; seq 1000 >t/a/n; head -c 300000 /dev/urandom >t/a/b/r; ln t/a/n t/hard; ln -s a/n t/soft
  echo x >"$(printf 't/\377')"; chmod 4711 t/hard; chmod 700 t/empty; truncate -s 1M t/hole; mkfifo t/fifo; chown 12:34 t/a/b/r
  find t -exec touch -h -d '2020-01-02 03:04:05.678901234 UTC' {} +`;

Deno.test("tar packs and unpacks a tree so that nothing differs", async (t) => {
  await t.step("packs", async () => {
    await using folder = await makeFolder();
    const cwd = folder.path;
    await here.shell(tree, { cwd });
    const pack = (name: string) =>
      `tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime -cf ${name} t`;
    const { stderr, status } = await there.shell(pack("there.tar"), { cwd });
    assert.deepEqual([status, stderr], [0, ""]);
    const { text, status: compared } = await here.shell(`${pack("here.tar")}; cmp here.tar there.tar`, { cwd });
    assert.deepEqual([compared, text], [0, ""]);
  });
  await t.step("unpacks", async () => {
    await using folder = await makeFolder();
    await here.shell(`${tree}; tar --format=posix -cf t.tar t`, { cwd: folder.path });
    const tar = `${folder.path}/t.tar`;
    await same(there, `tar -xpf ${tar}; touch -d @1 .`, { times: true });
  });
  await t.step("through pipes", async () => {
    await same(there, "tar -cf - t | (mkdir u; tar -C u -xpf -); diff -r --no-dereference t/a u/t/a; find u | sort", {
      setup: tree.replace("head -c 300000 /dev/urandom", "seq 40000"),
    });
  });
});

Deno.test("a Perl script of several processes works", async () => {
  const script = `use POSIX; use Fcntl ":flock"; $| = 1; pipe(R, W); my $pid = fork;
    if (!$pid) { close R; print W "child of pipe\\n"; exit 7 } close W; print <R>; waitpid $pid, 0; print $? >> 8, "\\n";
    open F, ">", "f"; flock F, LOCK_EX; print F "x" x 100000; close F; print -s "f", "\\n"; rename "f", "g"; print join(",", sort glob "*"), "\\n";
    opendir D, "."; print scalar(grep { !/^\\./ } readdir D), "\\n"; print -t STDIN ? "tty" : "none", "\\n"; exit 3`;
  await same(there, `perl -e '${script}'`);
});

Deno.test("memory-mapped files are read and written", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/mapped`, "before ".repeat(3000));
  await Deno.writeTextFile(`${cwd}/map.ts`, mapScript);
  const argv = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-check", "-A", "map.ts"];
  const { status, text, stderr } = await there.run(argv, { cwd, env: { DENO_DIR: `${cwd}/deno` } });
  assert.deepEqual([status, text, stderr], [0, "before\n", ""]);
  assert.equal(await Deno.readTextFile(`${cwd}/mapped`), "BEHOLD " + "before ".repeat(2999));
});

/** Maps a file shared, reads from the map, writes to it, and lets it go without another word. */
const mapScript = `
  const c = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
    munmap: { parameters: ["pointer", "usize"], result: "i32" },
  }).symbols;
  const fd = c.open(new TextEncoder().encode("mapped\\0"), 2);
  const address = c.mmap(0n, 21000n, 3, 1, fd, 0n);
  const map = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, 21000));
  console.log(new TextDecoder().decode(map.slice(0, 6)));
  map.set(new TextEncoder().encode("BEHOLD"));
  c.munmap(address, 21000n);
`;

Deno.test("sort, make-like builds and pipelines give what they give here", async () => {
  await same(
    there,
    "seq 200000 | sort -R --random-source=/bin/sh >shuffled; sort -n -T . shuffled | cksum; wc -l <shuffled",
  );
  await same(there, "find /usr/share/doc -name 'copyright' | sort | head -n 300 | xargs cat | cksum");
});
